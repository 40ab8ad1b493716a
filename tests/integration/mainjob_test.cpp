// The main job as developers start it: it has to end with a clean verdict, and leave nothing behind
// however it ends.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/child_program.hpp"

namespace slotd::testing {
namespace {

using ::testing::HasSubstr;

/// The figures of a verdict line; empty when the line is not of the agreed form.
std::map<std::string, std::uint64_t> parse_verdict(const std::string& line) {
  static const std::regex kForm(
      R"(verdict: (claims=\d+ refused=\d+) \((type_limit=\d+ cpu=\d+(?: [a-z_]+=\d+)*)\) (killed=\d+ reaped=\d+ leaked=\d+ over_limit=\d+))");
  std::smatch parts;
  std::map<std::string, std::uint64_t> figures;
  if (!std::regex_match(line, parts, kForm)) return figures;
  const std::string text = parts[1].str() + " " + parts[2].str() + " " + parts[3].str();
  static const std::regex kFigure(R"(([a-z_]+)=(\d+))");
  for (std::sregex_iterator at(text.begin(), text.end(), kFigure); at != std::sregex_iterator();
       ++at) {
    figures[(*at)[1].str()] = std::stoull((*at)[2].str());
  }
  return figures;
}

/// The sum of the reasons is the number of refusals.
std::uint64_t sum_reasons(std::map<std::string, std::uint64_t> figures) {
  std::uint64_t sum = 0;
  for (const char* other : {"claims", "refused", "killed", "reaped", "leaked", "over_limit"})
    figures.erase(other);
  for (const auto& [reason, count] : figures) sum += count;
  return sum;
}

std::string find_segment(const std::string& output) {
  static const std::regex kPath(R"(segment=(\S+))");
  std::smatch parts;
  return std::regex_search(output, parts, kPath) ? parts[1].str() : "";
}

/// Pids of the processes that were started on this segment.
std::vector<std::string> find_processes_of(const std::string& segment) {
  std::vector<std::string> found;
  if (segment.empty()) return found;  // the job has not named it yet
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    if (read_text(entry.path() / "environ").find("SLOTD_SEGMENT=" + segment) != std::string::npos) {
      found.push_back(entry.path().filename());
    }
  }
  return found;
}

void expect_nothing_left(const std::string& output) {
  const std::string segment = find_segment(output);
  ASSERT_FALSE(segment.empty()) << output;
  EXPECT_TRUE(find_processes_of(segment).empty());
  EXPECT_FALSE(std::filesystem::exists(std::filesystem::path(segment).parent_path()));
}

TEST(MainJob, with_kills_ends_clean) {
  ChildProgram job("slotd-mainjob", {"--seconds", "3", "--seed", "7"});
  EXPECT_EQ(job.wait_end(), 0) << job.out() << job.err();
  const auto figures = parse_verdict(job.last_line());
  ASSERT_FALSE(figures.empty()) << job.last_line();
  EXPECT_GT(figures.at("claims"), 0U);
  EXPECT_EQ(figures.at("refused"), sum_reasons(figures));
  EXPECT_GE(figures.at("killed"), 4U);  // one every 700 ms at the least
  EXPECT_EQ(figures.at("leaked"), 0U);
  EXPECT_EQ(figures.at("over_limit"), 0U);
  EXPECT_THAT(job.out(), HasSubstr("seed=7"));
  EXPECT_EQ(job.err(), "");
  expect_nothing_left(job.out());
}

TEST(MainJob, without_kills_reaps_nothing) {
  ChildProgram job("slotd-mainjob",
                   {"--seconds", "2", "--seed", "1", "--no-kill", "--services", "2"});
  EXPECT_EQ(job.wait_end(), 0) << job.out() << job.err();
  const auto figures = parse_verdict(job.last_line());
  ASSERT_FALSE(figures.empty()) << job.last_line();
  EXPECT_GT(figures.at("claims"), 0U);
  EXPECT_EQ(figures.at("killed"), 0U);
  EXPECT_EQ(figures.at("reaped"), 0U);
  EXPECT_EQ(figures.at("leaked"), 0U);
  expect_nothing_left(job.out());
}

TEST(MainJob, runs_on_the_config_that_it_is_given) {
  const TestFolder folder;
  write_text(folder.file("one.yaml"),
             "cpu: { capacity: 8 }\ntypes: { only: { max: 1, cpu: 0.5 } }\nsegment: { slots: 16, "
             "processes: 64 }\n");
  ChildProgram job("slotd-mainjob",
                   {"--seconds", "2", "--seed", "3", "--config", folder.file("one.yaml")});
  EXPECT_EQ(job.wait_end(), 0) << job.out() << job.err();
  const auto figures = parse_verdict(job.last_line());
  ASSERT_FALSE(figures.empty()) << job.last_line();
  EXPECT_GT(figures.at("type_limit"), 0U);
  EXPECT_EQ(figures.at("cpu"), 0U);  // one job of 0.5 always fits the budget
  EXPECT_THAT(job.out(), HasSubstr(" only="));
}

TEST(MainJob, stopped_by_a_signal_leaves_nothing_behind) {
  for (const int signal : {SIGINT, SIGTERM}) {
    ChildProgram job("slotd-mainjob", {"--seconds", "60", "--seed", "5"});
    ASSERT_TRUE(wait_until([&] { return find_processes_of(find_segment(job.out())).size() >= 6; }))
        << job.out();
    job.signal(signal);
    EXPECT_EQ(job.wait_end(), 128 + signal);
    EXPECT_FALSE(parse_verdict(job.last_line()).empty()) << job.last_line();
    expect_nothing_left(job.out());
  }
}

TEST(MainJob, without_a_broker_is_not_clean) {
  const TestFolder folder;
  write_text(folder.file("bad.yaml"), "cpu: { capacity: 8 }\ntipes: {}\n");
  ChildProgram job("slotd-mainjob", {"--seconds", "1", "--config", folder.file("bad.yaml")});
  EXPECT_EQ(job.wait_end(), 1);
  EXPECT_THAT(job.err(), HasSubstr("bad.yaml:2:1: error:"));
  EXPECT_THAT(job.err(), HasSubstr("broker exited with 78"));
  EXPECT_EQ(
      job.last_line(),
      "verdict: claims=0 refused=0 (type_limit=0 cpu=0) killed=0 reaped=0 leaked=0 over_limit=0");
  expect_nothing_left(job.out());
}

TEST(MainJob, refuses_options_that_it_does_not_have) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--second", "3"},
                                                    {"--seconds", "0"},
                                                    {"--services", "0"},
                                                    {"--config", "/nowhere"}}) {
    ChildProgram job("slotd-mainjob", arguments);
    EXPECT_EQ(job.wait_end(), 64) << arguments[0];
    EXPECT_EQ(job.out(), "");
  }
}

}  // namespace
}  // namespace slotd::testing
