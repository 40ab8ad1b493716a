// slotctl: the command line of slotd. See docs/slotctl.md.
#include <clocale>
#include <cstdio>
#include <string>
#include <vector>

#include "tools/slotctl/command_line.hpp"
#include "tools/slotctl/console.hpp"

int main(int argc, char** argv) {
  // Only what concerns characters: figures have a point and no separators everywhere.
  std::setlocale(LC_CTYPE, "");
  slotd::ctl::Console console(stdout, stderr);
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return slotd::ctl::run_command_line(words, console);
}
