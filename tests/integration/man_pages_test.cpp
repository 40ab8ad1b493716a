// The manual pages as a reader opens them: man has nothing to complain about, and the lines fit.
#include <gtest/gtest.h>

#include <filesystem>
#include <sstream>

#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

class ManPages : public ::testing::TestWithParam<std::string> {};

TEST_P(ManPages, HasNoWarningsAndFitsTheTerminal) {
  const std::string page = std::string(SLOTD_MAN_DIR) + "/" + GetParam();
  if (!std::filesystem::exists("/usr/bin/man")) GTEST_SKIP() << "man is not installed";
  if (!std::filesystem::exists(page))
    GTEST_SKIP() << "the page was not built: scdoc is not installed";
  const Ran ran = run_to_end("/usr/bin/man", {"--warnings", "-l", page},
                             {"MANWIDTH=80", "LC_ALL=C", "MAN_KEEP_FORMATTING=", "PAGER=cat"});
  // On hosts that have no manual pages man is replaced by a program that says so.
  if (ran.out.find("minimized") != std::string::npos) GTEST_SKIP() << ran.out;
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.err, "");
  EXPECT_NE(ran.out.find("NAME"), std::string::npos) << ran.out;
  std::istringstream lines(ran.out);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 80U) << line;
}

INSTANTIATE_TEST_SUITE_P(All, ManPages,
                         ::testing::Values("slotctl.1", "slotd.8", "slotd.yaml.5", "slotd.7"),
                         [](const auto& page) {
                           std::string name = page.param;
                           for (char& c : name) c = c == '.' ? '_' : c;
                           return name;
                         });

}  // namespace
}  // namespace slotd::testing
