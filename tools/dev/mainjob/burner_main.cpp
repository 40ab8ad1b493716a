// slotd-burner: a handler that really uses CPU. The main job starts it; see burner.hpp.
//
//   slotd-burner [--type TYPE] --cpu-milli N --run-ms N --trace FILE [--in-child]
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>

#include "tools/dev/mainjob/burner.hpp"

namespace {

bool parse_arguments(int argc, char** argv, slotd::mainjob::BurnerOptions& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--in-child") {
      options.in_child = true;
      continue;
    }
    if (++i == argc) return false;
    if (option == "--type") {
      options.type = argv[i];
    } else if (option == "--cpu-milli") {
      options.cpu_milli = static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10));
    } else if (option == "--run-ms") {
      options.run_ms = static_cast<std::uint32_t>(std::strtoul(argv[i], nullptr, 10));
    } else if (option == "--trace") {
      options.trace = argv[i];
    } else {
      return false;
    }
  }
  return !options.trace.empty() && options.cpu_milli != 0;
}

}  // namespace

int main(int argc, char** argv) {
  slotd::mainjob::BurnerOptions options;
  if (!parse_arguments(argc, argv, options)) {
    std::fprintf(stderr,
                 "usage: slotd-burner [--type TYPE] --cpu-milli N --run-ms N --trace FILE "
                 "[--in-child]\n");
    return 64;
  }
  try {
    return slotd::mainjob::run_burner(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "slotd-burner: %s\n", error.what());
    return 1;
  }
}
