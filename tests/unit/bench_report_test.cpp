// docs/bench.json keeps its form, and docs/benchmarks.md and the plots say what it says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/bench/report/plots.hpp"
#include "tests/bench/report/tables.hpp"
#include "tests/bench/report/words.hpp"

namespace slotd::bench {
namespace {

using ::testing::HasSubstr;

std::string read_docs(const std::string& name) {
  const std::string path = std::string(SLOTD_DOCS_DIR) + "/" + name;
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

Document read_committed() { return read_document(std::string(SLOTD_DOCS_DIR) + "/bench.json"); }

TEST(BenchJson, says_where_and_of_what_it_is) {
  const auto json = nlohmann::json::parse(read_docs("bench.json"));
  EXPECT_EQ(json.at("schema"), 1);
  for (const char* key : {"machine", "kernel", "compiler", "commit"})
    EXPECT_FALSE(json.at(key).get<std::string>().empty()) << key;
}

TEST(BenchJson, one_pair_for_each_number_of_held_slots_and_processes) {
  const auto json = nlohmann::json::parse(read_docs("bench.json"));
  std::map<std::pair<int, int>, int> count;
  for (const auto& row : json.at("rows")) {
    if (row.at("name") == "pair") ++count[{row.at("held"), row.at("procs")}];
  }
  for (const int held : {0, 30, 100, 300, 1000, 4000}) {
    for (const int procs : {1, 2, 8, 64})
      EXPECT_EQ((count[{held, procs}]), 1) << held << " held, " << procs << " processes";
  }
  EXPECT_EQ(count.size(), 24U);
}

TEST(BenchJson, a_ratio_is_the_rival_s_time_divided_by_slotd_s) {
  const auto json = nlohmann::json::parse(read_docs("bench.json"));
  for (const auto& row : json.at("rows")) {
    if (row.contains("skipped") || row.at("name") == "memory") continue;
    const char* rival = row.at("rival") == "sysv" ? "sysv_ns" : "rival_ns";
    const double ours = row.at("slotd_ns");
    ASSERT_GT(ours, 0) << row;
    EXPECT_NEAR(row.at("ratio").get<double>() * ours / row.at(rival).get<double>(), 1, 1e-6) << row;
    EXPECT_LE(row.at("slotd_min"), row.at("slotd_ns")) << row;
    EXPECT_GE(row.at("slotd_max"), row.at("slotd_ns")) << row;
  }
}

TEST(BenchJson, row_without_figures_says_why) {
  const auto json = nlohmann::json::parse(read_docs("bench.json"));
  for (const auto& row : json.at("rows")) {
    const std::string why = row.value("skipped", "");
    EXPECT_NE(why.empty(), !row.contains("slotd_ns") && !row.contains("slotd_bytes")) << row;
    EXPECT_TRUE(!row.contains("outcome") || !why.empty()) << row;
  }
}

TEST(BenchJson, every_pair_has_figures_against_sysv) {
  const auto json = nlohmann::json::parse(read_docs("bench.json"));
  for (const auto& row : json.at("rows")) {
    if (row.at("name") == "pair") {
      EXPECT_TRUE(row.contains("slotd_ns") && row.contains("sysv_ns") && row.contains("ratio"));
    }
  }
}

TEST(BenchReport, committed_document_says_what_the_figures_say) {
  const std::string text = read_docs("benchmarks.md");
  EXPECT_EQ(fill_parts(read_committed(), text), text) << "tools/dev/bench --redraw";
}

TEST(BenchReport, committed_plots_show_what_the_figures_say) {
  for (const NamedPlot& plot : draw_plots(read_committed()))
    EXPECT_EQ(plot.svg, read_docs(plot.file)) << "tools/dev/bench --redraw";
}

Row make_row(const char* name, const char* rival, double ours, double theirs) {
  Row row;
  row.name = name;
  row.rival = rival;
  row.slotd = {ours, ours, ours};
  row.theirs = {theirs, theirs, theirs};
  row.ratio = {theirs / ours, theirs / ours, theirs / ours};
  row.runs = 1;
  return row;
}

TEST(BenchReport, what_people_wrote_stays_and_parts_are_written_anew) {
  Document document;
  document.rows = {make_row("pair", "sysv", 100, 250)};
  const std::string text = "before\n<!-- bench pairs -->\nold\n<!-- end bench -->\nafter\n";
  const std::string filled = fill_parts(document, text);
  EXPECT_TRUE(filled.starts_with("before\n<!-- bench pairs -->\n"));
  EXPECT_TRUE(filled.ends_with("<!-- end bench -->\nafter\n"));
  EXPECT_THAT(filled,
              HasSubstr("| 0 | 100 (100..100) ns | 250 (250..250) ns | 2.50 (2.50..2.50) |"));
  EXPECT_EQ(filled.find("old"), std::string::npos);
  EXPECT_EQ(fill_parts(document, filled), filled);
}

TEST(BenchReport, unknown_part_or_one_without_end_is_an_error) {
  EXPECT_THROW(fill_parts({}, "<!-- bench nonsense --><!-- end bench -->"), std::runtime_error);
  EXPECT_THROW(fill_parts({}, "<!-- bench pairs -->"), std::runtime_error);
}

TEST(BenchReport, losses_are_listed) {
  Document document;
  document.rows = {make_row("pair", "sysv", 100, 250),
                   make_row("rival_pair", "posix_semaphores", 100, 50)};
  const std::string losses = write_part(document, "losses");
  EXPECT_THAT(losses, HasSubstr("slower in 1 of 2 comparisons"));
  EXPECT_THAT(losses, HasSubstr("| 100 ns | POSIX semaphores 50.0 ns (2.00) |"));
  EXPECT_EQ(losses.find("SysV"), std::string::npos);
}

TEST(BenchReport, missed_aims_say_by_how_much) {
  Document document;
  document.rows = {make_row("pair", "sysv", 100, 900)};
  document.rows[0].aim = 12;  // 9 of 12 is a quarter too little
  EXPECT_THAT(write_part(document, "aims"), HasSubstr("missed by 25 %"));
  document.rows[0].aim = 9;
  EXPECT_THAT(write_part(document, "aims"), HasSubstr("| met |"));
}

TEST(BenchReport, skipped_rivals_are_named_with_the_reason) {
  Document document;
  document.rows = {make_row("rival_pair", "redis_leases", 0, 0)};
  document.rows[0].skipped = "not installed";
  EXPECT_THAT(write_part(document, "skipped"), HasSubstr("Redis, leases by Lua: not installed"));
  EXPECT_THAT(write_part({}, "skipped"), HasSubstr("Nothing was left out"));
}

Row make_waiter(const char* rival, const char* what, const char* outcome, double theirs) {
  Row row = make_row("waiter", rival, 10'000, theirs);
  row.what = what;
  row.outcome = outcome;
  if (!row.outcome.empty()) row.skipped = "no waiter was woken within 1 s";
  return row;
}

TEST(BenchReport, who_never_tells_a_waiter_of_a_death_is_said_to) {
  Document document;
  document.rows = {
      make_waiter("sysv", "SIGKILL of the holder, broker up", "", 20'000),
      make_waiter("pipe_tokens", "SIGKILL of the holder, broker up", "never", 0),
      make_waiter("redis_leases", "SIGKILL of the holder, broker up", "lease, 60 s", 0),
      make_waiter("flock", "SIGKILL of the holder, broker up", "", 5'000)};
  const std::string table = write_part(document, "waiter_rivals");
  EXPECT_THAT(table, HasSubstr("| **slotd** | `claim_for` |  |  | 10.0 µs |  |  |"));
  EXPECT_THAT(table, HasSubstr("| SysV, SEM_UNDO | `semop` |  |  | 20.0 µs (2.00) |  |  |"));
  EXPECT_THAT(table, HasSubstr("|  |  | 5.00 µs (**0.50**) |  |  |"));
  EXPECT_THAT(table, HasSubstr("| tokens in pipes | `poll` and `read` |  |  | never |  |  |"));
  EXPECT_THAT(table, HasSubstr("|  |  | lease, 60 s |  |  |"));
  EXPECT_EQ(table.find("daemon"), std::string::npos) << "nothing is known of it";
  EXPECT_THAT(write_part(document, "skipped"), HasSubstr("Nothing was left out"));
  EXPECT_THAT(write_part(document, "losses"), HasSubstr("slower in 1 of 2 comparisons"));
  EXPECT_EQ(write_part(document, "waiters").find("5.00"), std::string::npos) << "SysV's table";
}

TEST(BenchReport, plot_of_waiters_has_a_bar_for_each_that_was_measured) {
  Document document;
  document.rows = {make_waiter("sysv", "release, broker up", "", 20'000),
                   make_waiter("flock", "release, broker up", "", 5'000),
                   make_waiter("pipe_tokens", "release, broker up", "never", 0)};
  for (const NamedPlot& plot : draw_plots(document)) {
    if (plot.file != "bench-waiter.svg") continue;
    EXPECT_THAT(plot.svg, HasSubstr("10.0 µs  slotd<"));
    EXPECT_THAT(plot.svg, HasSubstr("20.0 µs  SysV, SEM_UNDO<"));
    EXPECT_THAT(plot.svg, HasSubstr("5.00 µs  flock, slot files<"));
    EXPECT_EQ(plot.svg.find("pipes"), std::string::npos);
  }
}

TEST(BenchReport, how_a_peer_was_throttled_is_said) {
  Row row = make_row("stopped_peer", "sysv", 100, 200);
  row.what = "throttled";
  row.held = kUsualHeld;
  row.procs = 2;
  Document document;
  document.rows = {row};
  EXPECT_THAT(write_part(document, "stopped"), HasSubstr("\nThrottled by SIGSTOP for 4.5 ms"));
  document.rows[0].note = "a CPU quota";
  EXPECT_THAT(write_part(document, "stopped"), HasSubstr("\nThrottled by a CPU quota.\n"));
  EXPECT_EQ(write_part({}, "stopped").find("Throttled"), std::string::npos);
}

TEST(BenchReport, figures_have_three_digits) {
  EXPECT_EQ(format_figure(0.412), "0.41");
  EXPECT_EQ(format_figure(7.889), "7.89");
  EXPECT_EQ(format_figure(35.24), "35.2");
  EXPECT_EQ(format_figure(1240), "1240");
  EXPECT_EQ(format_time(999), "999 ns");
  EXPECT_EQ(format_time(1240), "1.24 µs");
  EXPECT_EQ(format_time(91e6), "91.0 ms");
  EXPECT_EQ(format_rate(100), "10.0 M");
}

}  // namespace
}  // namespace slotd::bench
