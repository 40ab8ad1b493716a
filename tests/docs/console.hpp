// A console session in a document, and whether what was really printed is what it shows. Figures,
// durations, sizes, tokens and times are masked: a document shows the form, tests elsewhere the
// values. Pure.
#pragma once

#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "tests/docs/blocks.hpp"

namespace slotd::testing {

struct ConsoleStep {
  std::string command;
  std::vector<std::string> shown;
};

/// `$ command` lines, `> ` goes on with a command; everything else is output.
inline std::vector<ConsoleStep> read_console(const std::string& text) {
  std::vector<ConsoleStep> steps;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("$ ", 0) == 0) {
      steps.push_back({line.substr(2), {}});
    } else if (!steps.empty() && steps.back().shown.empty() && line.rfind("> ", 0) == 0) {
      steps.back().command += "\n" + line.substr(2);
    } else if (!steps.empty()) {
      steps.back().shown.push_back(line);
    }
  }
  return steps;
}

/// A line in which everything that differs from run to run is the same.
inline std::string mask(std::string line) {
  struct Rule {
    std::regex from;
    const char* to;
  };
  static const std::vector<Rule> rules{
      {std::regex("v1-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+-[0-9a-f]+"), "<token>"},
      {std::regex("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"), "<time>"},
      {std::regex("\\b[0-9]+(\\.[0-9]+)?([KMGT]i?)?B\\b"), "<size>"},
      {std::regex("\\b([0-9]+(\\.[0-9]+)?(ms|us|s|m|h|d))+\\b"), "<duration>"},
      {std::regex("[0-9]+(\\.[0-9]+)*"), "#"},
      {std::regex("[-=]{3,}"), "---"},
      {std::regex("[ \t]+"), " "},
  };
  for (const Rule& rule : rules) line = std::regex_replace(line, rule.from, rule.to);
  return trim(line);
}

/// `...` alone stands for any lines, at the end of a line for any text.
inline bool is_as_shown(const std::vector<std::string>& shown, std::size_t at,
                        const std::vector<std::string>& printed, std::size_t from) {
  if (at == shown.size()) return from == printed.size();
  const std::string line = trim(shown[at]);
  if (line == "...") {
    for (std::size_t next = from; next <= printed.size(); ++next) {
      if (is_as_shown(shown, at + 1, printed, next)) return true;
    }
    return false;
  }
  if (from == printed.size()) return false;
  const bool is_begin = line.size() > 3 && line.compare(line.size() - 3, 3, "...") == 0;
  const std::string wanted = mask(is_begin ? line.substr(0, line.size() - 3) : line);
  const std::string seen = mask(printed[from]);
  if (is_begin ? seen.rfind(wanted, 0) != 0 : seen != wanted) return false;
  return is_as_shown(shown, at + 1, printed, from + 1);
}

/// Lines, without the empty ones at the end.
inline std::vector<std::string> split_lines(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) all.push_back(line);
  while (!all.empty() && trim(all.back()).empty()) all.pop_back();
  return all;
}

inline bool is_as_shown(std::vector<std::string> shown, const std::string& printed) {
  while (!shown.empty() && trim(shown.back()).empty()) shown.pop_back();
  return is_as_shown(shown, 0, split_lines(printed), 0);
}

}  // namespace slotd::testing
