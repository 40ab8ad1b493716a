#include "tools/slotctl/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <exception>
#include <map>
#include <sstream>
#include <string_view>

#include "slotd/layout.hpp"
#include "slotd/version.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/commands/help.hpp"
#include "tools/slotctl/completion/complete.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/report.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

/// Options whose value is the next word.
constexpr std::array<std::string_view, 5> kWithValue{"--segment", "-o", "--output", "--color",
                                                     "--columns"};

bool is_option(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

/// The number of words where there is none.
std::size_t find_verb_index(const std::vector<std::string>& words, std::size_t first = 0) {
  for (std::size_t i = first; i < words.size(); ++i) {
    if (std::find(kWithValue.begin(), kWithValue.end(), words[i]) != kWithValue.end()) {
      ++i;
    } else if (!is_option(words[i])) {
      return i;
    }
  }
  return words.size();
}

/// Names on the command line and what they mean.
const std::map<std::string, Colour> kColours{
    {"auto", Colour::kAuto}, {"always", Colour::kAlways}, {"never", Colour::kNever}};

/// `console` may be nullptr where nothing will be parsed.
void add_output_options(CLI::App& app, GlobalOptions& globals, Console* console) {
  CLI::Option* json = app.add_flag("-J,--json", globals.json, "print JSON: -o json");
  const auto set_form = [&globals](const std::string& form) {
    globals.json = form != "table";
    globals.row_a_line = form == "jsonl";
  };
  app.add_option_function<std::string>("-o,--output", set_form,
                                       "table, json, or jsonl: a JSON object a line and row")
      ->check(CLI::IsMember({"table", "json", "jsonl"}))
      ->excludes(json)
      ->type_name("FORM");
  const auto set_colour = [console](const std::string& when) {
    console->set_colour(kColours.at(when));
  };
  app.add_option_function<std::string>("--color", set_colour, "auto, always, never")
      ->check(CLI::IsMember(kColours))
      ->type_name("WHEN");
}

void add_global_options(CLI::App& app, GlobalOptions& globals, Console* console) {
  add_output_options(app, globals, console);
  app.add_flag("-q,--quiet", globals.quiet, "no hints and no texts about refusals");
  app.add_option("--segment", globals.segment_path, "the segment file")->type_name("PATH");
  app.set_version_flag("--version",
                       std::string("slotctl ") + kVersion + ", layout " + std::to_string(kLayout));
  app.require_subcommand(1);
  app.footer("-J, -q and --segment PATH may stand before or after the verb.\nExit status: " +
             exit_codes_line() + ";\nrun: " + run_exit_codes_line() +
             ".\n`slotctl help exit-codes` says what they mean.\n");
}

/// CLI11's own statuses are not part of the contract. Help and version are results, the rest is
/// usage.
int report_parse_error(const CLI::App& app, const CLI::ParseError& error, Console& console) {
  std::ostringstream out;
  std::ostringstream err;
  const bool asked = app.exit(error, out, err) == 0;
  console.print(out.str());
  if (asked) return to_status(ExitCode::kDone);
  const std::string text = err.str();
  // CLI11 has its own word for verbs.
  const bool verb_is_missing =
      dynamic_cast<const CLI::RequiredError*>(&error) != nullptr && app.get_subcommands().empty();
  console.complain(verb_is_missing ? "which verb?"
                                   : console.escaped(text.substr(0, text.find('\n'))));
  console.complain("`slotctl --help` and `slotctl VERB --help` say what there is");
  return to_status(ExitCode::kUsage);
}

int report_unknown_verb(const std::string& verb, const std::vector<std::string>& known,
                        Console& console) {
  std::string text = "there is no verb '" + console.escaped(verb) + "'";
  const std::string nearest = nearest_name(verb, known);
  if (!nearest.empty()) text += "; did you mean '" + nearest + "'?";
  console.complain(text);
  return to_status(ExitCode::kUsage);
}

std::vector<std::string> names_after(const std::string& verb, std::vector<std::string> below) {
  for (std::string& name : below) name.insert(0, verb + " ");
  return below;
}

int run_selected(const CommandSet& set, const Context& context) {
  try {
    return set.selected()(context);
  } catch (const Failure& failure) {
    return to_status(report_failure(context, failure));
  }
}

int run_words(std::vector<std::string> words, Console& console) {
  set_status_of_truncation(to_status(ExitCode::kCorrupt));
  CLI::App app("slotctl: looks at and acts on the slots of this host", "slotctl");
  Context context{{}, console, {}};
  add_global_options(app, context.globals, &console);
  CommandSet set(app);
  add_all_commands(set);

  // What it completes is a command line of its own, maybe an unfinished one.
  if (!words.empty() && words.front() == kCompleteVerb)
    return run_complete(set.outline(), {words.begin() + 1, words.end()}, console);
  const std::size_t at = find_verb_index(words);
  const std::string verb = at < words.size() ? words[at] : std::string();
  const std::vector<std::string> names = set.names();
  if (!verb.empty() && std::find(names.begin(), names.end(), verb) == names.end()) {
    return report_unknown_verb(verb, names, console);
  }
  const std::vector<std::string> below = set.names_below(verb);
  const std::size_t next = below.empty() ? words.size() : find_verb_index(words, at + 1);
  if (next < words.size() && std::find(below.begin(), below.end(), words[next]) == below.end()) {
    return report_unknown_verb(verb + " " + words[next], names_after(verb, below), console);
  }
  if (verb == "run") context.command = split_command(words);
  if (verb == "help") context.command = split_topic(words);
  std::reverse(words.begin(), words.end());  // CLI11 takes them from the end
  try {
    app.parse(std::move(words));
  } catch (const CLI::ParseError& error) {
    return report_parse_error(app, error, console);
  }
  return run_selected(set, context);
}

}  // namespace

VerbOutline command_line_outline() {
  CLI::App app("", "slotctl");
  GlobalOptions globals;
  add_global_options(app, globals, nullptr);
  CommandSet set(app);
  add_all_commands(set);
  return set.outline();
}

std::string find_verb(const std::vector<std::string>& words) {
  const std::size_t index = find_verb_index(words);
  return index < words.size() ? words[index] : std::string();
}

std::vector<std::string> split_command(std::vector<std::string>& words) {
  const auto mark = std::find(words.begin(), words.end(), "--");
  if (mark == words.end()) return {};
  std::vector<std::string> command(mark + 1, words.end());
  words.erase(mark, words.end());
  return command;
}

std::vector<std::string> split_topic(std::vector<std::string>& words) {
  const auto verb = std::find(words.begin(), words.end(), "help");
  std::vector<std::string> topic;
  if (verb == words.end()) return topic;
  std::vector<std::string> rest(words.begin(), verb + 1);
  for (auto word = verb + 1; word != words.end(); ++word)
    (is_option(*word) ? rest : topic).push_back(*word);
  words = std::move(rest);
  return topic;
}

int run_command_line(const std::vector<std::string>& words, Console& console) noexcept {
  int status = to_status(ExitCode::kInternal);
  try {
    status = run_words(words, console);
  } catch (const std::exception& error) {
    console.complain(error.what());
  }
  if (!console.flush() && status == to_status(ExitCode::kDone)) {
    console.complain("the output could not be written");
    status = to_status(ExitCode::kInternal);
  }
  return status;
}

}  // namespace slotd::ctl
