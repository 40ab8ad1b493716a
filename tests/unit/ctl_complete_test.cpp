// Completion: what is offered where, from an outline and values that are made up here.
#include <gtest/gtest.h>

#include <algorithm>

#include "tools/slotctl/completion/complete.hpp"

namespace slotd::ctl {
namespace {

using Words = std::vector<std::string>;

const VerbOutline kRoot{
    "slotctl",
    "",
    {{{"-h", "--help"}, false, "", "help"},
     {{"-J", "--json"}, false, "", "print JSON"},
     {{"--segment"}, true, "PATH", "the segment file"}},
    {},
    {{"status", "broker and types", {{{"-h", "--help"}, false, "", "help"}}, {}, {}},
     {"slots", "who holds what", {}, {}, {}},
     {"claim",
      "claim for another process",
      {{{"-t", "--type"}, true, "TYPE", "the kind of job"},
       {{"--pid"}, true, "PID", "the owner"},
       {{"--key"}, true, "KEY", "the job's id"},
       {{"--no-broker"}, true, "ok|fail", "without a segment"}},
      {},
      {}},
     {"bind", "give away", {{{"--pid"}, true, "PID", "the owner"}}, {{"TOKEN", false}}, {}},
     {"free", "free a slot", {{{"--force"}, false, "", "do not ask"}}, {{"SLOT", false}}, {}},
     {"drain", "refuse new claims", {}, {{"TYPE", true}}, {}},
     {"limits",
      "limits in force",
      {},
      {},
      {{"set", "override", {}, {{"TYPE=N", true}}, {}},
       {"reset", "back", {}, {{"TYPE", true}}, {}}}},
     {"config", "the configuration", {}, {}, {{"check", "a file", {}, {{"FILE", false}}, {}}}},
     {"help", "what a verb does", {}, {{"TOPIC", true}}, {}},
     {"run",
      "run a command",
      {{{"-t", "--type"}, true, "TYPE", "the kind"}},
      {{"COMMAND", true}},
      {}}}};

class Complete : public ::testing::Test {
 protected:
  /// The last word is the one at the cursor.
  Completion at(const Words& words) {
    asked_ = 0;
    return complete_words(kRoot, words, words.size() - 1, [this](const std::string& segment) {
      ++asked_;
      segment_ = segment;
      return LiveValues{{{"web", "1 of 5 in use"}, {"track", ""}},
                        {{"0", "web"}, {"12", "track"}},
                        {{"v1-1-2-3-4", "web"}},
                        {{"4711", "handler"}}};
    });
  }
  Words words_at(const Words& words) {
    Words out;
    for (const Candidate& candidate : at(words).candidates) out.push_back(candidate.word);
    std::sort(out.begin(), out.end());
    return out;
  }

  int asked_ = 0;
  std::string segment_;
};

TEST_F(Complete, Verbs) {
  EXPECT_EQ(words_at({""}), (Words{"bind", "claim", "config", "drain", "free", "help", "limits",
                                   "run", "slots", "status"}));
  EXPECT_EQ(words_at({"s"}), (Words{"slots", "status"}));
  EXPECT_EQ(words_at({"-J", "--segment", "/x", "cl"}), (Words{"claim"}));
  EXPECT_EQ(words_at({"limits", ""}), (Words{"reset", "set"}));
  EXPECT_EQ(words_at({"nonsense", "st"}), (Words{}));
  EXPECT_EQ(asked_, 0) << "the segment is not needed for these";
  EXPECT_EQ(at({"st"}).candidates[0].help, "broker and types");
}

TEST_F(Complete, Options) {
  EXPECT_EQ(words_at({"-"}), (Words{"--help", "--json", "--segment", "-J", "-h"}));
  EXPECT_EQ(words_at({"--j"}), (Words{"--json"}));
  EXPECT_EQ(words_at({"claim", "--"}),
            (Words{"--help", "--json", "--key", "--no-broker", "--pid", "--segment", "--type"}));
  EXPECT_EQ(words_at({"claim", "-t", "web", "--t"}), (Words{})) << "given already";
  EXPECT_EQ(words_at({"-J", "claim", "--j"}), (Words{}));
  EXPECT_EQ(words_at({"status", "-h"}), (Words{"-h"})) << "once";
  EXPECT_EQ(words_at({"claim", ""}).size(), 10U) << "where nothing else can stand";
}

TEST_F(Complete, ValuesOfTheSegment) {
  EXPECT_EQ(words_at({"claim", "-t", ""}), (Words{"track", "web"}));
  EXPECT_EQ(words_at({"claim", "--type", "w"}), (Words{"web"}));
  EXPECT_EQ(words_at({"claim", "--type=w"}), (Words{"--type=web"}));
  EXPECT_EQ(words_at({"claim", "--pid", ""}), (Words{"4711"}));
  EXPECT_EQ(words_at({"bind", ""}), (Words{"v1-1-2-3-4"}));
  EXPECT_EQ(words_at({"bind", "v1-1-2-3-4", ""}).size(), 6U) << "options: no second token";
  EXPECT_EQ(words_at({"free", "1"}), (Words{"12"}));
  EXPECT_EQ(words_at({"drain", "web", "t"}), (Words{"track"}));
  EXPECT_EQ(words_at({"limits", "reset", "-J", ""}), (Words{"track", "web"}));
  EXPECT_EQ(asked_, 1);
  EXPECT_EQ(at({"claim", "-t", "w"}).candidates[0].help, "1 of 5 in use");
}

TEST_F(Complete, SegmentOfTheCommandLineIsTheOneThatIsAsked) {
  words_at({"--segment", "/x", "claim", "-t", ""});
  EXPECT_EQ(segment_, "/x");
  words_at({"claim", "--segment=/y", "-t", ""});
  EXPECT_EQ(segment_, "/y");
  words_at({"claim", "-t", ""});
  EXPECT_EQ(segment_, "");
}

TEST_F(Complete, ValuesThatOnlyTheUserKnows) {
  EXPECT_EQ(words_at({"claim", "--key", ""}), (Words{}));
  EXPECT_FALSE(at({"claim", "--key", ""}).files);
  EXPECT_EQ(asked_, 0);
}

TEST_F(Complete, Choices) {
  EXPECT_EQ(words_at({"claim", "--no-broker", ""}), (Words{"fail", "ok"}));
  EXPECT_EQ(words_at({"claim", "--no-broker=o"}), (Words{"--no-broker=ok"}));
}

TEST_F(Complete, LimitsTakeAnEqualsSign) {
  const Completion names = at({"limits", "set", "w"});
  ASSERT_EQ(names.candidates.size(), 1U);
  EXPECT_EQ(names.candidates[0].word, "web=");
  EXPECT_TRUE(names.no_space);
  EXPECT_EQ(words_at({"limits", "set", "web=u"}), (Words{"web=unlimited"}));
  EXPECT_FALSE(at({"limits", "set", "web=u"}).no_space);
  EXPECT_FALSE(at({"limits", "set", "web=1", "zzz"}).no_space) << "nothing to stay behind";
}

TEST_F(Complete, Files) {
  EXPECT_TRUE(at({"--segment", ""}).files);
  EXPECT_TRUE(at({"--segment=/r"}).files);
  EXPECT_TRUE(at({"config", "check", ""}).files);
  EXPECT_FALSE(at({"config", ""}).files);
}

TEST_F(Complete, Topics) {
  EXPECT_EQ(words_at({"help", "l"}), (Words{"limits"}));
  EXPECT_EQ(words_at({"help", "limits", ""}), (Words{"reset", "set"}));
  EXPECT_EQ(words_at({"help", "ex"}), (Words{"exit-codes"}));
}

TEST_F(Complete, CommandOfRun) {
  EXPECT_EQ(at({"run", "-t", "web", "--", "l"}).command_from, 4U);
  EXPECT_EQ(at({"run", "-t", "web", "--", "ls", "-", "--type"}).command_from, 4U);
  EXPECT_EQ(at({"run", "-t", "web", "l"}).command_from, 3U);
  EXPECT_EQ(at({"run", "-t", "web", "ls", "-"}).command_from, 3U);
  EXPECT_FALSE(at({"run", ""}).command_from) << "-t comes first";
  EXPECT_EQ(words_at({"run", "-t", ""}), (Words{"track", "web"}));
}

TEST_F(Complete, IndexBehindTheLastWordIsAnEmptyOne) {
  EXPECT_EQ(complete_words(kRoot, {"limits"}, 1, {}).candidates.size(), 2U);
  EXPECT_EQ(complete_words(kRoot, {"limits"}, 9, {}).candidates.size(), 2U);
}

TEST(CompletionText, LinesForTheShims) {
  Completion completion;
  completion.candidates = {{"web=", "1 of 5"}, {"track", ""}};
  completion.no_space = true;
  EXPECT_EQ(completion_text(completion), ":nospace\nweb=\t1 of 5\ntrack\n");
  completion = {};
  completion.files = true;
  EXPECT_EQ(completion_text(completion), ":files\n");
  completion.command_from = 4;
  EXPECT_EQ(completion_text(completion), ":command 4\n");
}

TEST(CompletionText, StrangersWordsDoNotReachTheShell) {
  Completion completion;
  completion.candidates = {
      {"$(reboot)", ""}, {"a b", ""}, {":files", ""}, {"", ""}, {"ok", "x\n:command 1\t\x1b[2J"}};
  EXPECT_EQ(completion_text(completion), "ok\tx\\x0a:command 1\\x09\\x1b[2J\n");
}

}  // namespace
}  // namespace slotd::ctl
