// slotd_torture: processes that do everything at random are killed, stopped and continued at
// random, and the broker with them.
//
//   slotd_torture [--seconds N] [--seed S] [--processes N] [--threads M] [--set-clock SECONDS]
//
// Prints one line and details below it; exit status 0 when nothing leaked, no limit was broken and
// no answer was wrong. The same seed makes the same decisions; when they fall is the kernel's
// affair. --set-clock also sets the wall clock of the whole machine to and fro by up to so much.
#include <charconv>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string_view>

#include "tests/stress/torture/driver.hpp"

namespace {

template <typename Number>
bool read_number(const char* text, Number& number) {
  if (text == nullptr) return false;
  const char* end = text + std::strlen(text);
  const auto [at, error] = std::from_chars(text, end, number);
  return error == std::errc() && at == end && number != 0;
}

bool read_options(char** argv, slotd::torture::Options& options) {
  for (; *argv != nullptr; ++argv) {
    const std::string_view word = *argv;
    const char* value = *++argv;
    const bool read = word == "--seconds"     ? read_number(value, options.seconds)
                      : word == "--seed"      ? read_number(value, options.seed)
                      : word == "--processes" ? read_number(value, options.processes)
                      : word == "--threads"   ? read_number(value, options.threads)
                      : word == "--set-clock" ? read_number(value, options.set_clock_s)
                                              : false;
    if (!read) return false;
  }
  return true;
}

}  // namespace

int main(int, char** argv) try {
  slotd::torture::Options options;
  if (!read_options(argv + 1, options)) {
    std::fputs("slotd_torture: options are listed at the head of its main.cpp\n", stderr);
    return 64;
  }
  const slotd::torture::Report report = slotd::torture::Driver::torture(options);
  std::printf("%s\n%s\n", report.line().c_str(), report.details.c_str());
  for (const std::string& text : report.complaints) std::printf("complaint: %s\n", text.c_str());
  return report.is_clean() ? 0 : 1;
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd_torture: %s\n", error.what());
  return 70;
}
