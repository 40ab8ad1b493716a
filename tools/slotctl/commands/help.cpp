#include "tools/slotctl/commands/help.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

constexpr char kExitCodesTopic[] = "exit-codes";

std::string list_codes(bool of_run_alone) {
  std::string line;
  for (const ExitCodeRow& row : kExitCodeTable) {
    if (row.is_of_run_alone != of_run_alone) continue;
    if (!line.empty()) line += ", ";
    line += exit_code_label(row.code) + ' ' + std::string(row.name);
  }
  return line;
}

int run_help(const CommandSet& set, const Context& context) {
  const std::vector<std::string>& words = context.command;
  if (words == std::vector<std::string>{kExitCodesTopic}) {
    if (context.globals.json) {
      context.print_json(exit_codes_json());
    } else {
      context.console.print(exit_codes_text());
    }
    return to_status(ExitCode::kDone);
  }
  const std::optional<std::string> text = set.help_of(words);
  if (!text) {
    throw Failure(Errc::kInvalidArgument, "there is no help on '" +
                                              context.console.escaped(words.back()) +
                                              "'; there is on each verb, and on exit-codes");
  }
  context.console.print(*text);
  return to_status(ExitCode::kDone);
}

}  // namespace

std::string exit_codes_line() { return list_codes(false); }
std::string run_exit_codes_line() { return list_codes(true); }

std::string exit_codes_text() {
  std::string text;
  std::size_t longest_label = 0;
  std::size_t longest_name = 0;
  for (const ExitCodeRow& row : kExitCodeTable) {
    longest_label = std::max(longest_label, exit_code_label(row.code).size());
    longest_name = std::max(longest_name, row.name.size());
  }
  for (const ExitCodeRow& row : kExitCodeTable) {
    std::string label = exit_code_label(row.code);
    label.resize(longest_label, ' ');
    std::string name(row.name);
    name.resize(longest_name, ' ');
    text += label + "  " + name + "  " + (row.is_of_run_alone ? "run: " : "") +
            std::string(row.meaning) + '\n';
  }
  return text;
}

Json exit_codes_json() {
  Json document = make_document();
  Json codes = Json::array();
  for (const ExitCodeRow& row : kExitCodeTable) {
    Json code;
    code["code"] = to_status(row.code);
    code["label"] = exit_code_label(row.code);
    code["name"] = row.name;
    code["meaning"] = row.meaning;
    code["run_only"] = row.is_of_run_alone;
    codes.push_back(std::move(code));
  }
  document["exit_codes"] = std::move(codes);
  return document;
}

void add_help(CommandSet& set) {
  // Nothing is ever parsed into it: the words are in the context (see split_topic()).
  auto words = std::make_shared<std::vector<std::string>>();
  Verb verb = set.add("help", "what a verb does and takes, and what the exit statuses mean",
                      [words, &set](const Context& context) { return run_help(set, context); });
  verb.add_words("TOPIC", *words, "a verb, or exit-codes", Need::kOptional);
}

}  // namespace slotd::ctl
