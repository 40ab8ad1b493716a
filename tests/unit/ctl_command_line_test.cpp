// Words to an exit status: what is understood, what is a usage error, and where the words of a
// command begin. No segment.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/command_line.hpp"

namespace slotd::ctl {
namespace {

/// One run of the whole program inside the test, with its two streams.
struct Ran {
  int status = 0;
  std::string out;
  std::string err;
};

std::string read_back(std::FILE* file) {
  std::string text;
  std::rewind(file);
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}

Ran run(const std::vector<std::string>& words) {
  std::FILE* out = std::tmpfile();
  std::FILE* err = std::tmpfile();
  Console console(out, err);
  Ran ran;
  ran.status = run_command_line(words, console);
  ran.out = read_back(out);
  ran.err = read_back(err);
  return ran;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr char kNowhere[] = "/nonexistent/segment";

TEST(FindVerb, SkipsOptionsAndTheirValues) {
  EXPECT_EQ(find_verb({"status"}), "status");
  EXPECT_EQ(find_verb({"-J", "--segment", "/x", "status", "-q"}), "status");
  EXPECT_EQ(find_verb({"--segment=/x", "slots"}), "slots");
  EXPECT_EQ(find_verb({"-o", "json", "--color", "never", "slots"}), "slots");
  EXPECT_EQ(find_verb({"--segment", "status"}), "");
  EXPECT_EQ(find_verb({"-J"}), "");
  EXPECT_EQ(find_verb({}), "");
}

TEST(SplitCommand, AtTheFirstDoubleDashOnly) {
  std::vector<std::string> words{"run", "-t", "web", "--", "echo", "--", "-J"};
  EXPECT_EQ(split_command(words), (std::vector<std::string>{"echo", "--", "-J"}));
  EXPECT_EQ(words, (std::vector<std::string>{"run", "-t", "web"}));
  EXPECT_TRUE(split_command(words).empty());
}

TEST(SplitTopic, TakesWordsAndLeavesOptions) {
  std::vector<std::string> words{"-q", "help", "config", "-J", "check"};
  EXPECT_EQ(split_topic(words), (std::vector<std::string>{"config", "check"}));
  EXPECT_EQ(words, (std::vector<std::string>{"-q", "help", "-J"}));
  std::vector<std::string> others{"status"};
  EXPECT_TRUE(split_topic(others).empty());
  EXPECT_EQ(others, (std::vector<std::string>{"status"}));
}

TEST(CommandLine, NoVerbIsAUsageError) {
  EXPECT_EQ(run({}).status, 64);
  EXPECT_EQ(run({"-J"}).status, 64);
  EXPECT_TRUE(has(run({}).err, "--help"));
}

TEST(CommandLine, UnknownVerbNamesTheNearest) {
  const Ran ran = run({"-J", "statsu"});
  EXPECT_EQ(ran.status, 64);
  EXPECT_TRUE(has(ran.err, "did you mean 'status'?")) << ran.err;
  EXPECT_EQ(ran.out, "");
}

TEST(CommandLine, UnknownVerbBelowAnotherNamesTheNearest) {
  const Ran ran = run({"config", "shwo"});
  EXPECT_EQ(ran.status, 64);
  EXPECT_TRUE(has(ran.err, "no verb 'config shwo'; did you mean 'config show'?")) << ran.err;
  EXPECT_TRUE(has(run({"-J", "limits", "--columns", "type", "resset"}).err, "'limits reset'?"));
  EXPECT_EQ(run({"limits", "--columns", "type", "--segment", kNowhere}).status, 69);
}

TEST(CommandLine, FormsOfOutput) {
  EXPECT_EQ(run({"-o", "jsonl", "slots", "--segment", kNowhere}).status, 69);
  EXPECT_EQ(run({"slots", "-o", "xml", "--segment", kNowhere}).status, 64);
  EXPECT_EQ(run({"slots", "-o", "table", "-J", "--segment", kNowhere}).status, 64);
  EXPECT_EQ(run({"--color", "always", "slots", "--segment", kNowhere}).status, 69);
  EXPECT_EQ(run({"slots", "--columns", "slto", "--segment", kNowhere}).status, 64);
  EXPECT_EQ(run({"run", "-t", "web", "-n", "--segment", kNowhere, "--", "true"}).status, 64)
      << "it prints no list";
}

TEST(CommandLine, UnknownVerbIsEscaped) { EXPECT_FALSE(has(run({"\x1b[2J"}).err, "\x1b")); }

TEST(CommandLine, UsageErrors) {
  EXPECT_EQ(run({"status", "--frobnicate"}).status, 64);
  EXPECT_EQ(run({"status", "extra"}).status, 64);
  EXPECT_EQ(run({"claim"}).status, 64) << "no type";
  EXPECT_EQ(run({"claim", "-t"}).status, 64);
  EXPECT_EQ(run({"claim", "-t", "web", "--pid", "0"}).status, 64);
  EXPECT_EQ(run({"claim", "-t", "web", "--pid", "x"}).status, 64);
  EXPECT_EQ(run({"bind", "v1-1-1-1-1"}).status, 64) << "no pid";
  EXPECT_EQ(run({"activate"}).status, 64);
  EXPECT_EQ(run({"report", "--cpu", "1"}).status, 64) << "no token";
  EXPECT_EQ(run({"report", "v1-1-1-1-1", "--segment", kNowhere}).status, 64) << "no figure";
  EXPECT_EQ(run({"report", "v1-1-1-1-1", "--cpu", "2m", "--segment", kNowhere}).status, 64);
  EXPECT_EQ(run({"free", "one"}).status, 64);
  EXPECT_EQ(run({"free", "-1"}).status, 64);
  EXPECT_EQ(run({"config"}).status, 64);
  EXPECT_EQ(run({"config", "check"}).status, 64);
  EXPECT_EQ(run({"limits", "set"}).status, 64);
  EXPECT_EQ(run({"status", "slots"}).status, 64) << "two verbs";
}

TEST(CommandLine, FiguresAreWrittenAsInTheConfiguration) {
  for (const char* cores : {"0.1234", "-1", "1e3", "2m", "nan", "010", "", "2000"}) {
    const Ran ran =
        run({"claim", "-t", "web", "--cpu", cores, "--pid", "1", "--segment", kNowhere});
    EXPECT_EQ(ran.status, 64) << cores << ran.err;
  }
  for (const char* bytes : {"9gb", "1.5", "-1", "1 GiB"}) {
    EXPECT_EQ(run({"claim", "-t", "web", "--memory", bytes, "--segment", kNowhere}).status, 64)
        << bytes;
  }
  for (const char* seconds : {"5s", "-1", "0.0001", "soon"}) {
    EXPECT_EQ(run({"claim", "-t", "web", "-w", seconds, "--segment", kNowhere}).status, 64)
        << seconds;
  }
  EXPECT_TRUE(has(run({"claim", "-t", "web", "--cpu", "2m"}).err, "has a unit where none belongs"));
}

TEST(CommandLine, RightFiguresAreTaken) {
  const Ran ran =
      run({"can-accept", "-t", "web", "--cpu", "0.3", "--memory", "9GB", "--segment", kNowhere});
  EXPECT_EQ(ran.status, 69) << ran.err;
}

TEST(CommandLine, GlobalOptionsStandBeforeOrAfterTheVerb) {
  for (const auto& words : std::vector<std::vector<std::string>>{
           {"-J", "--segment", kNowhere, "status"},
           {"status", "-J", "--segment", kNowhere},
           {"--segment", kNowhere, "status", "--json"},
           {"status", std::string("--segment=") + kNowhere, "-J"},
           {"config", "show", "--segment", kNowhere, "-J"},
           {"config", "-J", "show", "--segment", kNowhere},
           {"limits", "set", "web=1", "-J", "--segment", kNowhere},
           {"report", "v1-1-1-1-1", "--cpu", "0.3", "--memory", "9GB", "-J", "--segment", kNowhere},
           {"release", "v1-1-1-1-1", "-J", "-q", "--segment", kNowhere},
       }) {
    const Ran ran = run(words);
    EXPECT_EQ(ran.status, 69) << ran.err;
    EXPECT_EQ(problems("error", ran.out), "") << ran.out;
    EXPECT_TRUE(has(ran.out, R"("error":"no_segment")")) << ran.out;
  }
}

TEST(CommandLine, NoSegmentSaysWhatToDo) {
  const Ran ran = run({"status", "--segment", kNowhere});
  EXPECT_EQ(ran.status, 69);
  EXPECT_EQ(ran.out, "");
  EXPECT_TRUE(has(ran.err, kNowhere)) << ran.err;
}

TEST(CommandLine, EnvironmentNamesTheSegment) {
  ::setenv("SLOTD_SEGMENT", "/from/the/environment", 1);
  EXPECT_TRUE(has(run({"status"}).err, "/from/the/environment"));
  EXPECT_TRUE(has(run({"status", "--segment", kNowhere}).err, kNowhere));
  ::unsetenv("SLOTD_SEGMENT");
}

TEST(CommandLine, RunWantsACommand) {
  EXPECT_EQ(run({"run", "-t", "web", "--segment", kNowhere}).status, 64);
  EXPECT_EQ(run({"run", "-t", "web", "--segment", kNowhere, "--"}).status, 64);
  EXPECT_EQ(run({"run", "-t", "web", "--segment", kNowhere, "true", "--", "false"}).status, 64);
}

TEST(CommandLine, OptionsOfRunAreChecked) {
  for (const char* code : {"256", "-1", "x", "", "1.5"}) {
    const Ran ran = run({"run", "-t", "web", "-E", code, "--segment", kNowhere, "--", "true"});
    EXPECT_EQ(ran.status, 64) << code;
    EXPECT_TRUE(has(ran.err, "-E") || has(ran.err, "--exit-code")) << ran.err;
  }
  for (const char* choice : {"", "yes", "OK"}) {
    const Ran ran =
        run({"run", "-t", "web", "--no-broker", choice, "--segment", kNowhere, "--", "true"});
    EXPECT_EQ(ran.status, 64) << choice;
    EXPECT_TRUE(has(ran.err, "--no-broker")) << ran.err;
  }
}

TEST(CommandLine, RunPassesUnderstandingOfItsCommandBy) {
  const Ran ran =
      run({"run", "-t", "web", "--segment", kNowhere, "--", "true", "--frobnicate", "-J", "--"});
  EXPECT_EQ(ran.status, 69) << ran.err;
  EXPECT_EQ(ran.out, "") << "-J was the command's";
}

TEST(CommandLine, HelpAndVersionAreResults) {
  EXPECT_EQ(run({"--help"}).status, 0);
  EXPECT_TRUE(has(run({"--help"}).out, "can-accept"));
  EXPECT_EQ(run({"claim", "--help"}).status, 0);
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  EXPECT_EQ(run({"help", "claim"}).out, run({"claim", "--help"}).out);
  EXPECT_EQ(run({"help", "config", "check"}).out, run({"config", "check", "--help"}).out);
  EXPECT_TRUE(has(run({"help", "exit-codes"}).out, "\n64     usage")) << run({"help"}).out;
  EXPECT_EQ(problems("help", run({"help", "exit-codes", "-J"}).out), "");
  EXPECT_EQ(run({"help", "statsu"}).status, 64);
  EXPECT_EQ(run({"help", "status", "slots"}).status, 64);
  const Ran version = run({"--version"});
  EXPECT_EQ(version.status, 0);
  EXPECT_TRUE(has(version.out, "slotctl 0.1.0")) << version.out;
}

TEST(CommandLine, OutputThatCannotBeWrittenIsAnError) {
  std::FILE* full = std::fopen("/dev/full", "w");
  std::FILE* err = std::tmpfile();
  ASSERT_NE(full, nullptr);
  Console console(full, err);
  EXPECT_EQ(run_command_line({"--version"}, console), 70);
  std::fclose(full);
  EXPECT_TRUE(has(read_back(err), "could not be written"));
}

}  // namespace
}  // namespace slotd::ctl
