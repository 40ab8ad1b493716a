// Is slotctl's parent a good owner? Judged from what /proc shows.
#include <gtest/gtest.h>

#include "tools/slotctl/owner.hpp"

namespace slotd::ctl {
namespace {

using namespace std::string_literals;

ParentKind judge(std::vector<std::string> arguments, bool forked_only = false) {
  return judge_parent({4711, std::move(arguments), forked_only});
}

TEST(JudgeParent, ShellsForOneCommand) {
  EXPECT_EQ(judge({"sh", "-c", "slotctl claim -t web; work"}), ParentKind::kCommand);
  EXPECT_EQ(judge({"/bin/bash", "-ec", "slotctl claim"}), ParentKind::kCommand);
  EXPECT_EQ(judge({"bash", "--norc", "-c", "slotctl claim"}), ParentKind::kCommand);
}

TEST(JudgeParent, LastingShells) {
  EXPECT_EQ(judge({"-bash"}), ParentKind::kLasting);
  EXPECT_EQ(judge({"bash"}), ParentKind::kLasting);
  EXPECT_EQ(judge({"bash", "-i", "-c", "x"}), ParentKind::kLasting) << "interactive";
  EXPECT_EQ(judge({"bash", "worker.sh", "-c"}), ParentKind::kLasting) << "-c is the script's";
  EXPECT_EQ(judge({"bash", "-e", "worker.sh"}), ParentKind::kLasting);
}

TEST(JudgeParent, Subshells) {
  EXPECT_EQ(judge({"bash", "worker.sh"}, true), ParentKind::kSubshell);
  EXPECT_EQ(judge({"-zsh"}, true), ParentKind::kSubshell);
}

TEST(JudgeParent, OtherPrograms) {
  EXPECT_EQ(judge({"python3", "-c", "import subprocess"}), ParentKind::kLasting);
  EXPECT_EQ(judge({"/usr/bin/egress"}), ParentKind::kLasting);
  EXPECT_EQ(judge({"egress"}, true), ParentKind::kLasting) << "a worker that forked without exec";
  EXPECT_EQ(judge({}), ParentKind::kLasting) << "unknown";
  EXPECT_EQ(judge({""}), ParentKind::kLasting);
}

TEST(JudgeParent, ProgramsThatEndWithTheCommand) {
  EXPECT_EQ(judge({"/usr/bin/timeout", "5", "slotctl"}), ParentKind::kWrapper);
  EXPECT_EQ(judge({"sudo", "slotctl", "claim"}), ParentKind::kWrapper);
}

TEST(JudgeParent, InitAndOtherNamespaces) {
  EXPECT_EQ(judge_parent({1, {"/sbin/init"}, false}), ParentKind::kInit);
  EXPECT_EQ(judge_parent({0, {}, false}), ParentKind::kOutside);
}

TEST(ParseArguments, SplitsAtNul) {
  EXPECT_EQ(parse_arguments("sh\0-c\0a b\0"s), (std::vector<std::string>{"sh", "-c", "a b"}));
  EXPECT_EQ(parse_arguments("a\0\0b"s), (std::vector<std::string>{"a", "", "b"}));
  EXPECT_EQ(parse_arguments(""), std::vector<std::string>{});
}

TEST(ParseForkedOnly, ReadsTheFlagsBehindAnyName) {
  EXPECT_TRUE(parse_forked_only("7 (bash) S 6 7 7 0 -1 4194368 90 0"));   // 0x400040
  EXPECT_FALSE(parse_forked_only("7 (bash) S 6 7 7 0 -1 4194304 90 0"));  // 0x400000
  EXPECT_TRUE(parse_forked_only("7 (a) b 1 2 3) S 6 7 7 0 -1 64 90 0"));
  EXPECT_FALSE(parse_forked_only("7 (bash) S 6 7"));
  EXPECT_FALSE(parse_forked_only(""));
}

}  // namespace
}  // namespace slotd::ctl
