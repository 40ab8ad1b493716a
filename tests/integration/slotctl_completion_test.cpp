// Completion in the shells that people use: each real shell, on a terminal, with the shim as it is
// installed, against a live segment.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 4 }\n"
    "types:\n"
    "  participant: { max: 5, cpu: 0.1 }\n"
    "  track: { max: 5, cpu: 0.1 }\n"
    "segment: { slots: 16, processes: 16 }\n";

/// Until the tab behind which its description stands.
std::string first_word(const std::string& line) {
  return line.substr(0, line.find_first_of("\t\n"));
}

const std::string kShims = std::string(SLOTD_SOURCE_DIR) + "/tools/slotctl/completion";

class Completion : public ::testing::Test {
 protected:
  void SetUp() override {
    const Ran ran = slotctl_({"claim", "-t", "track", "--key", "EG_1"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    token_ = ran.line();
  }
  Words environment() const {
    Words words = slotctl_.environment();
    words.push_back("PATH=" + bin_dir() + ":/usr/local/bin:/usr/bin:/bin");
    words.push_back("HOME=" + home_.path());
    words.push_back("LC_ALL=C.UTF-8");
    words.push_back("TERM=xterm");
    return words;
  }
  /// Types the beginning of a line and a tab into a shell, and expects what it makes of it.
  void expect_completed(Terminal& shell, const std::string& typed, const std::string& completed) {
    shell.forget_seen();
    shell.type(typed + "\t");
    EXPECT_TRUE(shell.read_until(completed)) << typed << "\n" << shell.seen();
    shell.type("\x15");  // ^U: the line is thrown away
  }
  /// The cases that are the same in every shell.
  void expect_all(Terminal& shell) {
    expect_completed(shell, "slotctl can-a", "can-accept");
    expect_completed(shell, "slotctl claim -t part", "participant");
    expect_completed(shell, "slotctl claim --pri", "--priority");
    expect_completed(shell, "slotctl claim --type=part", "--type=participant");
    expect_completed(shell, "slotctl limits set tr", "track=");
    expect_completed(shell, "slotctl release v", token_);
    expect_completed(shell, "slotctl help exit", "exit-codes");
    expect_completed(shell, "slotctl config check " + home_.path() + "/some", "some-file");
    expect_completed(shell, "slotctl run -t track -- slotct", "slotctl run -t track -- slotctl");
  }

  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};
  TestFolder home_;
  std::string token_;
};

TEST_F(Completion, AnswersOfSlotctlItself) {
  const auto complete = [&](const Words& words) {
    Words all{"__complete", std::to_string(words.size() - 1), "--"};
    all.insert(all.end(), words.begin(), words.end());
    return run_to_end("slotctl", all, slotctl_.environment());
  };
  EXPECT_EQ(complete({"claim", "-t", "t"}).out, "track\t1 of 5 in use\n");
  EXPECT_EQ(complete({"free", ""}).out.substr(0, 15), "0\ttrack EG_1 of");
  EXPECT_EQ(complete({"bind", ""}).out.substr(0, token_.size()), token_);
  EXPECT_EQ(first_word(complete({"bind", token_, "--pid", ""}).out), std::to_string(::getpid()));
  EXPECT_EQ(complete({"claim", "--segment", "/nonexistent/segment", "-t", ""}).out, "")
      << "the one that is named";
}

TEST_F(Completion, QuietWithoutASegment) {
  for (const std::string& segment :
       {std::string("/nonexistent/segment"), broker_.config_path(), std::string("/dev/null")}) {
    const Ran ran = run_to_end("slotctl", {"__complete", "2", "--", "claim", "-t", ""},
                               {"SLOTD_SEGMENT=" + segment});
    EXPECT_EQ(ran.status, 0) << segment;
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(ran.err, "");
  }
}

TEST_F(Completion, AskedInAnotherWayItSaysNothing) {
  for (const Words& words : {Words{}, Words{"x", "--"}, Words{"-1", "--"}, Words{"0"}}) {
    Words all{"__complete"};
    all.insert(all.end(), words.begin(), words.end());
    const Ran ran = run_to_end("slotctl", all);
    EXPECT_EQ(ran.status, 64);
    EXPECT_EQ(ran.out + ran.err, "");
  }
}

TEST_F(Completion, Bash) {
  if (!std::filesystem::exists("/bin/bash")) GTEST_SKIP() << "bash is not installed";
  write_text(home_.file("some-file"), "");
  for (const bool with_package : {true, false}) {
    const std::string package = "/usr/share/bash-completion/bash_completion";
    if (with_package && !std::filesystem::exists(package)) continue;
    write_text(home_.file("rc"), (with_package ? ". " + package + "\n" : std::string()) + ". " +
                                     kShims + "/slotctl.bash\nPS1='ready> '\n");
    Terminal shell("/bin/bash", {"--noprofile", "--rcfile", home_.file("rc"), "-i"}, 200,
                   environment());
    ASSERT_TRUE(shell.read_until("ready> ")) << shell.seen();
    expect_all(shell);
  }
}

TEST_F(Completion, Zsh) {
  std::string zsh = "/usr/bin/zsh";
  if (!std::filesystem::exists(zsh)) GTEST_SKIP() << "zsh is not installed";
  write_text(home_.file("some-file"), "");
  write_text(home_.file(".zshrc"), "fpath=(" + kShims +
                                       " $fpath)\nautoload -U compinit\ncompinit -u -D\n"
                                       "unsetopt beep\nbindkey -e\nPS1='ready> '\n");
  Terminal shell(zsh, {"-d", "-i"}, 200, environment());
  ASSERT_TRUE(shell.read_until("ready> ")) << shell.seen();
  expect_all(shell);
}

TEST_F(Completion, Fish) {
  const std::string fish = "/usr/bin/fish";
  if (!std::filesystem::exists(fish)) GTEST_SKIP() << "fish is not installed";
  write_text(home_.file("some-file"), "");
  const auto complete = [&](const std::string& line) {
    Words words = environment();
    words.push_back("LINE=" + line);
    return run_to_end(
               fish,
               {"--no-config", "-c", "source " + kShims + "/slotctl.fish; complete -C \"$LINE\""},
               words)
        .out;
  };
  EXPECT_EQ(complete("slotctl can-a").substr(0, 11), "can-accept\t");
  EXPECT_EQ(complete("slotctl claim -t part"), "participant\t0 of 5 in use\n");
  EXPECT_EQ(complete("slotctl claim --pri").substr(0, 11), "--priority\t");
  EXPECT_EQ(complete("slotctl claim --type=part").substr(0, 19), "--type=participant\t");
  EXPECT_EQ(complete("slotctl limits set tr").substr(0, 7), "track=\t");
  EXPECT_EQ(complete("slotctl release v").substr(0, token_.size()), token_);
  EXPECT_NE(complete("slotctl config check " + home_.path() + "/some").find("some-file"),
            std::string::npos);
  EXPECT_NE(complete("slotctl run -t track -- slotct").find("slotctl"), std::string::npos);
  EXPECT_EQ(complete("slotctl no-such-verb st"), "");
}

}  // namespace
}  // namespace slotd::testing
