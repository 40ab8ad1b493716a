// What the tests of the configuration room share: parsing under one file name, messages in one
// line each, and texts with the message that each is to get.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/parse_config.hpp"

namespace slotd::broker {

inline constexpr std::string_view kTestFile = "t.yaml";

/// The whole text that people would see, "" for none.
inline std::string messages_of(std::string_view text) {
  return format_diagnostics(parse_config(text, kTestFile).diagnostics);
}

/// "LINE:COL: error: MESSAGE" of each diagnostic, followed by " (HINT)" where there is one.
inline std::vector<std::string> brief_messages_of(std::string_view text) {
  std::vector<std::string> out;
  for (const Diagnostic& diagnostic : parse_config(text, kTestFile).diagnostics) {
    std::string line = std::to_string(diagnostic.line) + ":" + std::to_string(diagnostic.col);
    line += diagnostic.severity == Severity::kError ? ": error: " : ": warning: ";
    line += diagnostic.message;
    if (!diagnostic.hint.empty()) line += " (" + diagnostic.hint + ")";
    out.push_back(std::move(line));
  }
  return out;
}

/// A brief message and its hint.
inline std::string with_hint(const std::string& message, const std::string& hint) {
  return message + " (" + hint + ")";
}

/// A text and the brief message that it gets.
struct ErrorCase {
  std::string text;
  std::string message;
};

/// Each text is refused with this brief message and no other.
inline void expect_each(const std::vector<ErrorCase>& cases) {
  for (const ErrorCase& c : cases) {
    EXPECT_THAT(brief_messages_of(c.text), testing::ElementsAre(c.message)) << c.text;
    EXPECT_FALSE(parse_config(c.text, kTestFile).config.has_value()) << c.text;
  }
}

/// The config of a text that must be right; the defaults after a test failure when it is not.
inline Config parse_good(std::string_view text) {
  ConfigResult result = parse_config(text, kTestFile);
  EXPECT_TRUE(result.config.has_value()) << text << "\n" << format_diagnostics(result.diagnostics);
  return result.config.value_or(Config{});
}

}  // namespace slotd::broker
