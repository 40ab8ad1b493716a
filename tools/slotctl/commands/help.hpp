// `help`: of slotctl, of a verb, and `help exit-codes`: the table of the exit statuses. What is
// printed of the table is pure.
#pragma once

#include <string>

#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_help(CommandSet& set);

/// "0 done, 1 negative, ...", each status once, without what only `run` gives; and that.
std::string exit_codes_line();
std::string run_exit_codes_line();

/// A line a status: number, name, meaning.
std::string exit_codes_text();
Json exit_codes_json();

}  // namespace slotd::ctl
