// The command line of slotctl, from words to an exit status. The verbs are in commands/; which of
// them there are is in command_set.cpp.
#pragma once

#include <string>
#include <vector>

#include "tools/slotctl/console.hpp"
#include "tools/slotctl/outline.hpp"

namespace slotd::ctl {

/// Runs what the words (without the program's name) say. Writes to the console; never throws.
int run_command_line(const std::vector<std::string>& words, Console& console) noexcept;

/// Every verb and option there is.
VerbOutline command_line_outline();

/// The verb among the words: the first one that is neither an option nor the value of one. Empty
/// when there is none. Pure.
std::string find_verb(const std::vector<std::string>& words);

/// Takes what follows the first "--" off: it belongs to the command that `run` starts and is not
/// slotctl's to read. Pure.
std::vector<std::string> split_command(std::vector<std::string>& words);

/// Takes what follows "help" off, but for options: it names verbs, and CLI11 would run them. Pure.
std::vector<std::string> split_topic(std::vector<std::string>& words);

}  // namespace slotd::ctl
