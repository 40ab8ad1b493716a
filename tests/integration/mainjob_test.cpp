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
#include "tools/dev/mainjob/burn_plan.hpp"
#include "tools/dev/mainjob/burn_report.hpp"
#include "tools/dev/mainjob/burn_trace.hpp"
#include "tools/dev/mainjob/burn_watch.hpp"

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

/// Figures depend on what else the machine does; that they agree with each other does not.
TEST(MainJobBurn, compares_measured_with_used) {
  ChildProgram job("slotd-mainjob", {"--burn", "--seconds", "5", "--seed", "1"});
  const int status = job.wait_end();
  static const std::regex kForm(
      R"(verdict: burn compared=(\d+) worst_error_percent=(\d+\.\d) wanted=5 over_budget=(\d+) admitted_measured=(\d+) admitted_max=(\d+))");
  const std::string line = job.last_line();
  std::smatch parts;
  ASSERT_TRUE(std::regex_match(line, parts, kForm)) << job.out() << job.err();
  EXPECT_GT(std::stoi(parts[1]), 0);
  EXPECT_EQ(parts[3], "0");
  EXPECT_GT(std::stoi(parts[4]), 0);
  EXPECT_GT(std::stoi(parts[5]), 0);
  EXPECT_EQ(status, std::stod(parts[2]) <= 10 ? 0 : 1) << job.out();
  EXPECT_EQ(job.err(), "");
}

TEST(MainJob, refuses_options_that_it_does_not_have) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{"--second", "3"},
                                                    {"--seconds", "0"},
                                                    {"--services", "0"},
                                                    {"--burn", "--services", "2"},
                                                    {"--burn", "--no-kill"},
                                                    {"--config", "/nowhere"}}) {
    ChildProgram job("slotd-mainjob", arguments);
    EXPECT_EQ(job.wait_end(), 64) << arguments[0];
    EXPECT_EQ(job.out(), "");
  }
}

using mainjob::BurnOutcome;
using mainjob::ChargeLook;
using mainjob::Trace;

TEST(MainJobTrace, between_two_points_time_passes_evenly) {
  const Trace trace = {{1000, 0}, {2000, 100}, {4000, 500}};
  EXPECT_DOUBLE_EQ(mainjob::cpu_until(trace, 0), 0);
  EXPECT_DOUBLE_EQ(mainjob::cpu_until(trace, 1000), 0);
  EXPECT_DOUBLE_EQ(mainjob::cpu_until(trace, 1500), 50);
  EXPECT_DOUBLE_EQ(mainjob::cpu_until(trace, 3000), 300);
  EXPECT_DOUBLE_EQ(mainjob::cpu_until(trace, 9000), 500);
  EXPECT_DOUBLE_EQ(mainjob::cpu_until({}, 9000), 0);
  EXPECT_DOUBLE_EQ(mainjob::cpu_within({trace, {{0, 0}, {4000, 4000}}}, 1500, 3000), 250 + 1500);
}

TEST(MainJobTrace, is_read_as_it_was_written) {
  const TestFolder folder;
  mainjob::write_trace(folder.file("trace"), {{1, 2}, {3, 4}});
  const Trace trace = mainjob::read_trace(folder.file("trace"));
  ASSERT_EQ(trace.size(), 2U);
  EXPECT_EQ(trace[1].at_ns, 3U);
  EXPECT_EQ(trace[1].cpu_ns, 4U);
  EXPECT_TRUE(mainjob::read_trace(folder.file("none")).empty());
}

TEST(MainJobBurnReport, compares_over_the_samples_alone) {
  // 2 s at 0.5 cores and, after a gap of 1 s, 1 s at 0.8: 1.8 s. The process used half a core all
  // the while: 1.5 s, so slotd is off by a fifth.
  constexpr std::uint64_t kSecond = 1'000'000'000;
  const mainjob::BurnComparison row = mainjob::compare_burn(
      {{10 * kSecond, 12 * kSecond, 500'000}, {13 * kSecond, 14 * kSecond, 800'000}},
      {Trace{{0, 0}, {20 * kSecond, 10 * kSecond}}});
  EXPECT_DOUBLE_EQ(row.window_s, 3);
  EXPECT_DOUBLE_EQ(row.slotd_cpu_s, 1.8);
  EXPECT_DOUBLE_EQ(row.used_cpu_s, 1.5);
  EXPECT_NEAR(row.error_percent(), 20, 1e-9);
}

ChargeLook make_look(std::uint64_t epoch, std::uint64_t charged_micro, std::size_t slots) {
  ChargeLook look;
  look.sample_epoch = epoch;
  look.charged_micro = charged_micro;
  look.is_broker_up = true;
  for (std::uint32_t slot = 0; slot < slots; ++slot) look.slots.emplace(slot, 1);
  return look;
}

TEST(MainJobBurnWatch, sees_an_admission_over_the_budget) {
  mainjob::AdmissionCheck check;
  mainjob::check_admissions(make_look(7, 1'000'000, 2), make_look(7, 1'600'000, 3), 1'600'000,
                            check);
  EXPECT_EQ(check.checked, 1U);
  EXPECT_EQ(check.over_budget, 0U);
  EXPECT_EQ(check.highest_micro, 1'600'000U);
  mainjob::check_admissions(make_look(7, 1'000'000, 2), make_look(7, 1'600'001, 3), 1'600'000,
                            check);
  EXPECT_EQ(check.over_budget, 1U);
  EXPECT_EQ(check.checked, 2U);
}

TEST(MainJobBurnWatch, judges_only_what_it_knows) {
  mainjob::AdmissionCheck check;
  // Charges of another sample are not those that the claim saw.
  mainjob::check_admissions(make_look(7, 0, 2), make_look(8, 2'000'000, 3), 1'600'000, check);
  // Nobody came: what is charged grew by a sample.
  mainjob::check_admissions(make_look(8, 0, 3), make_look(8, 2'000'000, 3), 1'600'000, check);
  ChargeLook down = make_look(8, 2'000'000, 4);
  down.is_broker_up = false;
  mainjob::check_admissions(make_look(8, 0, 3), down, 1'600'000, check);
  EXPECT_EQ(check.seen, 2U);
  EXPECT_EQ(check.checked, 0U);
  EXPECT_EQ(check.over_budget, 0U);
}

BurnOutcome make_outcome(const std::string& charge, double slotd_cpu_s) {
  BurnOutcome outcome;
  outcome.charge = charge;
  outcome.admitted = 9;
  outcome.admissions.checked = 9;
  outcome.handlers.push_back({4711, "light", false, 4.0, slotd_cpu_s, 1.0});
  return outcome;
}

TEST(MainJobBurnReport, is_clean_up_to_ten_percent_and_within_the_budget) {
  BurnOutcome good = make_outcome("max", 0.95);
  EXPECT_TRUE(mainjob::is_burn_clean({good, make_outcome("measured", 1.09)}));
  EXPECT_FALSE(mainjob::is_burn_clean({good, make_outcome("measured", 1.11)}));
  EXPECT_FALSE(mainjob::is_burn_clean({}));
  EXPECT_EQ(mainjob::format_burn_verdict({make_outcome("measured", 1.09), good}),
            "verdict: burn compared=2 worst_error_percent=9.0 wanted=5 over_budget=0 "
            "admitted_measured=9 admitted_max=9");
  good.admissions.over_budget = 1;
  EXPECT_FALSE(mainjob::is_burn_clean({good}));
  good = make_outcome("max", 1);
  good.admissions.checked = 0;
  EXPECT_FALSE(mainjob::is_burn_clean({good}));
  good = make_outcome("max", 1);
  good.handlers.clear();
  EXPECT_FALSE(mainjob::is_burn_clean({good}));
}

TEST(MainJobBurnPlan, the_same_jobs_for_the_same_seed_and_none_that_never_fits) {
  mainjob::BurnLane first(7, 1, 40, 1600);
  mainjob::BurnLane again(7, 1, 40, 1600);
  mainjob::BurnLane small(7, 0, 40, 900);
  for (int i = 0; i < 50; ++i) {
    const mainjob::BurnJob job = first.next();
    const mainjob::BurnJob same = again.next();
    EXPECT_EQ(job.type.name, same.type.name);
    EXPECT_EQ(job.run_ms, same.run_ms);
    EXPECT_GE(job.run_ms, 6400U);
    EXPECT_LE(job.run_ms, 12800U);
    EXPECT_LE(small.next().type.cost_milli, 900U);
  }
  EXPECT_EQ(mainjob::BurnLane(7, 0, 40, 1600).next().type.name, "heavy");
  EXPECT_EQ(mainjob::count_lanes(1'600'000), 6U);
}

}  // namespace
}  // namespace slotd::testing
