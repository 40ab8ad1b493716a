// slotd-mainjob: the main job of slotd on this machine. See job.hpp; tools/dev/run builds and
// starts it.
#include <cstdio>
#include <exception>
#include <variant>

#include "tools/dev/mainjob/burn_run.hpp"
#include "tools/dev/mainjob/job.hpp"
#include "tools/dev/mainjob/options.hpp"

int main(int argc, char** argv) {
  try {
    const auto parsed = slotd::mainjob::parse_options(argc, argv);
    if (const int* status = std::get_if<int>(&parsed)) return *status;
    const auto& options = std::get<slotd::mainjob::Options>(parsed);
    return options.burn ? slotd::mainjob::run_burn(options) : slotd::mainjob::Job(options).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "slotd-mainjob: %s\n", error.what());
    return 70;
  }
}
