// The commands that documents name in passing: `slotctl ...` and `slotd ...` in backticks, the
// signatures of the manual page, the verbs of docs/slotctl.md; and what a program's own help says
// it takes. Pure.
#pragma once

#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/docs/blocks.hpp"

namespace slotd::testing {

struct NamedCommand {
  std::string place;
  std::vector<std::string> words;  ///< the program first

  std::string text() const {
    std::string all;
    for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
    return all;
  }
};

/// What `--help` lists: of the whole program, or of one verb.
struct Help {
  std::set<std::string> options;  ///< short and long, with their dashes
  std::set<std::string> verbs;
  std::vector<std::set<std::string>> spellings;  ///< the same options, each with all its names
};

inline Help parse_help(const std::string& text) {
  Help help;
  std::istringstream lines(text);
  std::string section;
  static const std::regex heading("([A-Z][a-z]+):");
  static const std::regex entry("  ((-[A-Za-z],)?--?[A-Za-z-]+|[a-z][a-z-]*)( .*)?");
  for (std::string line; std::getline(lines, line);) {
    std::smatch parts;
    if (std::regex_match(line, parts, heading)) section = parts[1];
    if (line.empty()) section.clear();
    if (!std::regex_match(line, parts, entry)) continue;
    if (section == "Subcommands") help.verbs.insert(parts[1]);
    if (section != "Options") continue;
    std::set<std::string> names;
    std::istringstream all(parts[1]);
    for (std::string name; std::getline(all, name, ',');) names.insert(name);
    help.options.insert(names.begin(), names.end());
    help.spellings.push_back(names);
  }
  return help;
}

/// Words as a reader takes them: brackets and commas of a signature are not part of them.
inline std::vector<std::string> split_words(const std::string& text) {
  std::vector<std::string> words;
  std::istringstream all(
      std::regex_replace(text, std::regex("[\\[\\](),]|\\\\?\\||\\.\\.\\."), " "));
  for (std::string word; all >> word;) words.push_back(word);
  return words;
}

/// One command: what stands before a pipe, `;` or `&&`; sudo left out. Empty for anything else.
inline std::vector<std::string> words_of_command(const std::string& text) {
  static const std::regex end(" (\\||;|&&|\\|\\||>|2>)( |$)");
  std::smatch at;
  const std::string first =
      std::regex_search(text, at, end) ? std::string(at.prefix()) : std::string(text);
  std::vector<std::string> words = split_words(first);
  if (!words.empty() && words[0] == "sudo") words.erase(words.begin());
  if (words.empty()) return {};
  words[0] = words[0].substr(words[0].rfind('/') + 1);
  return words[0] == "slotctl" || words[0] == "slotd" ? words : std::vector<std::string>();
}

/// Text in which fenced blocks are empty lines.
inline std::string without_blocks(const std::string& text) {
  std::string prose;
  std::istringstream lines(text);
  bool is_block = false;
  for (std::string line; std::getline(lines, line);) {
    const bool is_fence = starts_with_fence(line);
    if (is_fence) is_block = !is_block;
    prose += (is_block || is_fence ? "" : line) + "\n";
  }
  return prose;
}

/// Everything between two backticks, a line break as a space, with its line number.
inline std::vector<std::pair<int, std::string>> inline_code(const std::string& text) {
  static const std::regex code("`([^`]+)`");
  const std::string prose = without_blocks(text);
  std::vector<std::pair<int, std::string>> all;
  for (std::sregex_iterator it(prose.begin(), prose.end(), code), none; it != none; ++it) {
    const auto begin = prose.begin();
    const int line = 1 + static_cast<int>(std::count(begin, begin + it->position(), '\n'));
    all.emplace_back(line, std::regex_replace(it->str(1), std::regex("\\s+"), " "));
  }
  return all;
}

/// Of Markdown: inline code, and the lines of shell blocks that another test runs.
inline std::vector<NamedCommand> commands_of_markdown(const std::string& file,
                                                      const std::string& text) {
  std::vector<NamedCommand> all;
  const auto add = [&](int line, const std::string& command) {
    const std::vector<std::string> words = words_of_command(command);
    if (!words.empty()) all.push_back({file + ":" + std::to_string(line), words});
  };
  for (const auto& [line, code] : inline_code(text)) add(line, code);
  for (const Block& block : BlockReader(file, text).read()) {
    if (block.kind != "sh" || !block.is_run_elsewhere()) continue;
    std::istringstream lines(block.text);
    int number = block.line;
    for (std::string line; std::getline(lines, line);) add(++number, line);
  }
  return all;
}

/// The verbs' tables of docs/slotctl.md: a signature in the first cell.
inline std::vector<NamedCommand> commands_of_verb_tables(const std::string& file,
                                                         const std::string& text) {
  static const std::regex row("\\| (`[^`]+`(, `[^`]+`)*) \\|.*");
  static const std::regex code("`([^`]+)`");
  std::vector<NamedCommand> all;
  std::istringstream lines(text);
  std::string section;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.rfind("## ", 0) == 0) section = line.substr(3);
    std::smatch parts;
    if (section != "Verbs" || !std::regex_match(line, parts, row)) continue;
    const std::string cell = parts[1];
    for (std::sregex_iterator it(cell.begin(), cell.end(), code), none; it != none; ++it) {
      all.push_back({file + ":" + std::to_string(number), split_words("slotctl " + it->str(1))});
    }
  }
  return all;
}

/// Of a manual page in scdoc: `*slotctl VERB ...*`, indented examples, and in slotctl.1 the
/// signatures `*VERB* [*-o* _ARGUMENT_]` at the beginning of a line.
inline std::vector<NamedCommand> commands_of_man_page(const std::string& file,
                                                      const std::string& text) {
  static const std::regex bold("\\*((slotctl|slotd) [^*]+)\\*");
  static const std::regex signature("\\*[a-z][a-z -]*\\*( .*|,.*|$)");
  const bool is_of_verbs = file.find("slotctl.1") != std::string::npos;
  std::vector<NamedCommand> all;
  std::istringstream lines(text);
  std::string section;
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.rfind("# ", 0) == 0) section = line.substr(2);
    const std::string place = file + ":" + std::to_string(number);
    for (std::sregex_iterator it(line.begin(), line.end(), bold), none; it != none; ++it) {
      all.push_back({place, split_words(it->str(1))});
    }
    if (line.rfind("\tslot", 0) == 0 && !words_of_command(line).empty())
      all.push_back({place, words_of_command(line)});
    const bool is_signed = section == "LOOKING" || section == "CLAIMING" || section == "OPERATING";
    if (!is_of_verbs || !is_signed || !std::regex_match(line, signature)) continue;
    std::string plain = std::regex_replace(line, std::regex("[*_]"), "");
    for (std::size_t comma = 0; !plain.empty(); plain = plain.substr(comma)) {
      comma = plain.find("], ");
      comma = comma == std::string::npos ? plain.size() : comma + 3;
      all.push_back({place, split_words("slotctl " + plain.substr(0, comma))});
    }
  }
  return all;
}

/// What of a command its program's help does not know; "" if nothing. `helps` holds the help of
/// "slotctl", "slotctl run", "slotctl limits set", "slotd".
inline std::string what_is_unknown(const std::vector<std::string>& words,
                                   const std::map<std::string, Help>& helps) {
  std::string topic = words[0];
  std::set<std::string> options = helps.at(topic).options;
  bool may_be_verb = true;
  for (std::size_t i = 1; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--") break;
    if (word[0] == '-') {
      const std::string name = word.substr(0, word.find('='));
      if (options.count(name) == 0) return topic + " has no option " + name;
      continue;
    }
    // What a user fills in, or the argument of an option.
    const bool is_plain = std::regex_match(word, std::regex("[a-z][a-z-]*"));
    if (!may_be_verb || !is_plain || words[i - 1][0] == '-') continue;
    const auto sub = helps.find(topic + " " + word);
    if (sub == helps.end()) {
      if (helps.at(topic).verbs.empty()) continue;  // an argument
      return topic + " has no verb " + word;
    }
    topic = sub->first;
    options.insert(sub->second.options.begin(), sub->second.options.end());
    may_be_verb = !sub->second.verbs.empty();
  }
  return "";
}

}  // namespace slotd::testing
