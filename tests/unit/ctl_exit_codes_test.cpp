// The exit statuses that scripts build on.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <string>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/help.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {
namespace {

int status_of(Errc code) { return to_status(exit_code_of(code)); }

TEST(ExitCodes, OfErrors) {
  EXPECT_EQ(status_of(Errc::kOk), 0);
  EXPECT_EQ(status_of(Errc::kStaleToken), 1);
  EXPECT_EQ(status_of(Errc::kForeignToken), 1);
  EXPECT_EQ(status_of(Errc::kMalformedToken), 1);
  EXPECT_EQ(status_of(Errc::kNoSuchProcess), 1);
  EXPECT_EQ(status_of(Errc::kWrongState), 1);
  EXPECT_EQ(status_of(Errc::kInvalidArgument), 64);
  EXPECT_EQ(status_of(Errc::kCorrupt), 65);
  EXPECT_EQ(status_of(Errc::kNoSegment), 69);
  EXPECT_EQ(status_of(Errc::kNotReady), 69);
  EXPECT_EQ(status_of(Errc::kRetired), 69);
  EXPECT_EQ(status_of(Errc::kSystem), 70);
  EXPECT_EQ(status_of(Errc::kPresenceUnavailable), 70);
  EXPECT_EQ(status_of(Errc::kProcessTableFull), 75);
  EXPECT_EQ(status_of(Errc::kLayoutMismatch), 76);
  EXPECT_EQ(status_of(Errc::kPermissionDenied), 77);
}

int before_start(Errc code) { return to_status(exit_code_before_start(exit_code_of(code))); }

TEST(ExitCodes, OfRunBeforeItsCommandStarts) {
  EXPECT_EQ(before_start(Errc::kNoSegment), 69);
  EXPECT_EQ(before_start(Errc::kProcessTableFull), 75);
  EXPECT_EQ(before_start(Errc::kPermissionDenied), 77);
  EXPECT_EQ(before_start(Errc::kInvalidArgument), 64);
  EXPECT_EQ(before_start(Errc::kLayoutMismatch), 125);
  EXPECT_EQ(before_start(Errc::kCorrupt), 125);
  EXPECT_EQ(before_start(Errc::kSystem), 125);
  EXPECT_EQ(before_start(Errc::kNoSuchProcess), 125);
}

TEST(ExitCodes, OfSignals) { EXPECT_EQ(status_of_signal(9), 137); }

/// The numbers of the specification: 0 yes/done, 1 negative, 64 usage, ...
const std::map<int, std::string> kSpecified{
    {0, "done"},           {1, "negative"},       {64, "usage"},   {65, "corrupt"},
    {69, "unavailable"},   {70, "internal"},      {75, "refused"}, {76, "mismatch"},
    {77, "no_permission"}, {78, "config_invalid"}};
const std::map<int, std::string> kSpecifiedOfRun{
    {125, "wrapper_failed"}, {126, "not_executable"}, {127, "not_found"}, {128, "by_signal"}};

TEST(ExitCodeTable, HasTheNumbersOfTheSpecificationAndNoOthers) {
  std::map<int, std::string> of_all;
  std::map<int, std::string> of_run;
  for (const ExitCodeRow& row : kExitCodeTable)
    (row.is_of_run_alone ? of_run : of_all)[to_status(row.code)] = row.name;
  EXPECT_EQ(of_all, kSpecified);
  EXPECT_EQ(of_run, kSpecifiedOfRun);
  EXPECT_EQ(kSpecified.size() + kSpecifiedOfRun.size(), kExitCodeTable.size()) << "none twice";
}

TEST(ExitCodeTable, HasWhateverAnErrorBecomes) {
  const auto is_in_table = [](ExitCode code) {
    return std::any_of(kExitCodeTable.begin(), kExitCodeTable.end(),
                       [code](const ExitCodeRow& row) { return row.code == code; });
  };
  for (int code = 0; code <= static_cast<int>(Errc::kSystem); ++code) {
    const ExitCode mapped = exit_code_of(static_cast<Errc>(code));
    EXPECT_TRUE(is_in_table(mapped)) << code;
    EXPECT_TRUE(is_in_table(exit_code_before_start(mapped))) << code;
  }
}

TEST(ExitCodeTable, IsWhatHelpPrints) {
  const std::string text = exit_codes_text();
  EXPECT_NE(text.find("75     refused         refused, the time to wait is over"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("128+N  by_signal       run: the command was ended by signal N\n"),
            std::string::npos)
      << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 14);
  EXPECT_EQ(run_exit_codes_line(),
            "125 wrapper_failed, 126 not_executable, 127 not_found, 128+N by_signal");
  EXPECT_EQ(problems("help", print_json(exit_codes_json())), "");
}

std::string read_document(const std::string& path) {
  std::ifstream in(std::string(SLOTD_SOURCE_DIR) + "/" + path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// From a heading to the next one.
std::string section_of(const std::string& document, const std::string& heading,
                       const std::string& mark) {
  const std::size_t begin = document.find(heading + "\n");
  if (begin == std::string::npos) return {};
  return document.substr(begin, document.find("\n" + mark, begin + heading.size()) - begin);
}

TEST(ExitCodeTable, IsTheOneOfTheDocument) {
  const std::string section = section_of(read_document("docs/slotctl.md"), "## Exit status", "## ");
  for (const ExitCodeRow& row : kExitCodeTable) {
    const std::string line = "\n| " + exit_code_label(row.code) + " | " + std::string(row.name) +
                             " | " + (row.is_of_run_alone ? "`run`: " : "") +
                             std::string(row.meaning) + " |\n";
    EXPECT_NE(section.find(line), std::string::npos) << line;
  }
  EXPECT_EQ(std::count(section.begin(), section.end(), '|'), 4 * (2 + 14)) << "no others";
}

TEST(ErrorNames, AreAllDifferent) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(Errc::kSystem); ++code) {
    names.insert(error_name(static_cast<Errc>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::kSystem) + 1);
  EXPECT_EQ(names.count("unknown"), 0U);
}

TEST(Failure, SaysSomethingInAnyCase) {
  EXPECT_STREQ(Failure(Errc::kStaleToken).what(), describe(Errc::kStaleToken));
  EXPECT_STREQ(Failure(Errc::kNoSegment, "none at /x").what(), "none at /x");
}

}  // namespace
}  // namespace slotd::ctl
