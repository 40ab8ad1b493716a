// What every verb is given: the options that stand before or after any verb, and where to write.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/list_options.hpp"

namespace slotd::ctl {

struct GlobalOptions {
  bool json = false;         ///< -J, -o json, -o jsonl
  bool row_a_line = false;   ///< -o jsonl: lists as a JSON object a row and line
  bool quiet = false;        ///< -q: no hints and no texts about refusals; the exit status says it
  std::string segment_path;  ///< --segment; empty: the default one
};

struct Context {
  GlobalOptions globals;
  Console& console;
  /// What follows "--" for `run`, the words that name a topic for `help`.
  std::vector<std::string> command;

  void print_json(const Json& document) const { console.print(ctl::print_json(document) + "\n"); }
  /// A document whose list is `list`, in the form that was asked for.
  void print_list_json(const Json& document, const std::string& list) const {
    console.print(list_json_text(document, list, globals.row_a_line));
  }
  /// How a list is shown: by what the console is, and by what was asked for.
  TableStyle style_of(const ListOptions& list) const {
    TableStyle style = console.style();
    style.headings = !list.no_headings;
    style.columns = split_names(list.columns);
    return style;
  }
  /// Something that helps but was not asked for; not with -q.
  void hint(std::string_view text) const {
    if (!globals.quiet) console.complain(text);
  }
  /// Whole lines of that kind.
  void hint_lines(std::string_view lines) const {
    if (!globals.quiet) console.print_error(lines);
  }
};

}  // namespace slotd::ctl
