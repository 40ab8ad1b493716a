// `slotctl metrics` against a real broker: what has happened is counted, through a restart of the
// broker and the loss of the segment, and Prometheus' own checker has nothing to say.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>

#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8, sample_interval: 100ms }\n"
    "types:\n"
    "  participant: { max: 2, cpu: 2.0 }\n"
    "  track: { cpu: 0.5 }\n";

/// The value of a series in the text, as it is written; empty when it is not there.
std::string series(const std::string& text, const std::string& name) {
  const std::size_t at = ("\n" + text).find("\n" + name + " ");
  if (at == std::string::npos) return {};
  const std::size_t begin = at + name.size() + 1;
  return text.substr(begin, text.find('\n', begin) - begin);
}

class Metrics : public ::testing::Test {
 protected:
  std::string metrics() const {
    const Ran ran = slotctl_({"metrics"});
    EXPECT_EQ(ran.status, 0) << ran.err;
    return ran.out;
  }
  bool comes(const std::string& name, const std::string& value) const {
    return wait_until([&] { return series(metrics(), name) == value; });
  }
  std::string claim(const std::string& type) const {
    return slotctl_({"claim", "-t", type}).line();
  }

  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(Metrics, SayWhatHasHappened) {
  const std::string first = claim("participant");
  claim("participant");
  EXPECT_EQ(slotctl_({"claim", "-t", "participant"}).status, 75);
  ASSERT_EQ(slotctl_({"release", first}).status, 0);
  EXPECT_EQ(slotctl_({"release", first}).status, 1) << "stale";
  const std::string text = metrics();
  EXPECT_EQ(series(text, "slotd_claims_total{type=\"participant\",result=\"admitted\"}"), "2");
  EXPECT_EQ(series(text, "slotd_claims_total{type=\"participant\",result=\"refused\"}"), "1");
  EXPECT_EQ(series(text, "slotd_refusals_total{type=\"participant\",reason=\"type_limit\"}"), "1");
  EXPECT_EQ(series(text, "slotd_releases_total{type=\"participant\",reason=\"release\"}"), "1");
  EXPECT_EQ(series(text, "slotd_hold_seconds_count{type=\"participant\"}"), "1");
  EXPECT_EQ(series(text, "slotd_stale_releases_total"), "1");
  EXPECT_EQ(series(text, "slotd_slots_in_use{type=\"participant\"}"), "1");
  EXPECT_EQ(series(text, "slotd_slots_limit{type=\"participant\"}"), "2");
  EXPECT_EQ(series(text, "slotd_slots_limit{type=\"track\"}"), "+Inf");
  EXPECT_EQ(series(text, "slotd_cpu_charged_cores"), "2");
  EXPECT_EQ(series(text, "slotd_cpu_budget_cores"), "9.6");
  EXPECT_EQ(series(text, "slotd_broker_up"), "1");
}

TEST_F(Metrics, AReapedSlotIsTimed) {
  WorkerProcess worker(broker_.segment());
  ASSERT_TRUE(worker.ask("claim track").is_claimed());
  // The broker hears of a death by the descriptor that it holds.
  ASSERT_TRUE(wait_until([&] {
    const SegmentProbe probe(broker_.segment());
    for (const ProcessSnapshot& process : probe.snapshot().processes) {
      if (process.pid == worker.pid()) return process.watched;
    }
    return false;
  }));
  worker.kill_now();
  EXPECT_TRUE(comes("slotd_releases_total{type=\"track\",reason=\"owner_died\"}", "1"));
  EXPECT_TRUE(comes("slotd_reap_seconds_count", "1"));
  EXPECT_EQ(series(metrics(), "slotd_reap_seconds_bucket{le=\"+Inf\"}"), "1");
}

TEST_F(Metrics, SurviveTheBroker) {
  claim("track");
  ASSERT_TRUE(broker_.reload());
  broker_.write_config("types: {");
  ASSERT_FALSE(broker_.reload());
  std::string text = metrics();
  EXPECT_EQ(series(text, "slotd_config_reloads_total{result=\"done\"}"), "1");
  EXPECT_EQ(series(text, "slotd_config_reloads_total{result=\"refused\"}"), "1");
  EXPECT_EQ(series(text, "slotd_config_last_reload_successful"), "0");
  broker_.kill_now();
  ASSERT_TRUE(comes("slotd_broker_up", "0")) << "the text is there without a broker";
  EXPECT_EQ(series(metrics(), "slotd_claims_total{type=\"track\",result=\"admitted\"}"), "1");
  broker_.write_config(kConfig);
  broker_.start();
  text = metrics();
  EXPECT_EQ(series(text, "slotd_broker_starts_total"), "2");
  EXPECT_EQ(series(text, "slotd_config_reloads_total{result=\"refused\"}"), "1");
  EXPECT_EQ(series(text, "slotd_config_last_reload_successful"), "1");
  EXPECT_EQ(series(text, "slotd_claims_total{type=\"track\",result=\"admitted\"}"), "1");
}

TEST_F(Metrics, SurviveTheSegment) {
  claim("track");
  ASSERT_TRUE(broker_.reload());
  std::this_thread::sleep_for(
      std::chrono::milliseconds(300));  // the broker's copies are 100 ms old
  std::filesystem::remove(broker_.segment());
  ASSERT_TRUE(broker_.wait_log("event=settled"));
  const std::string text = metrics();
  EXPECT_EQ(series(text, "slotd_segment_rebuilds_total"), "1");
  EXPECT_EQ(series(text, "slotd_broker_starts_total"), "1");
  EXPECT_EQ(series(text, "slotd_config_reloads_total{result=\"done\"}"), "1");
  EXPECT_EQ(series(text, "slotd_claims_total{type=\"track\",result=\"admitted\"}"), "1");
}

TEST_F(Metrics, GoIntoAFileThatIsReplacedWhole) {
  const TestFolder folder;
  const std::string path = folder.file("slotd.prom");
  write_text(path, "old\n");
  struct stat before {};
  ASSERT_EQ(::stat(path.c_str(), &before), 0);
  const Ran ran = slotctl_({"metrics", "--textfile", path});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "");
  struct stat after {};
  ASSERT_EQ(::stat(path.c_str(), &after), 0);
  EXPECT_NE(after.st_ino, before.st_ino) << "a reader of the old one has the old one";
  EXPECT_EQ(after.st_mode & 07777U, 0644U);
  EXPECT_EQ(series(read_text(path), "slotd_broker_up"), "1");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder.path()), {}), 1);
}

TEST_F(Metrics, SayWhichFileCannotBeWritten) {
  const Ran ran = slotctl_({"metrics", "--textfile", "/dev/shm/slotd-no-such-folder/a.prom"});
  EXPECT_EQ(ran.status, 70);
  EXPECT_NE(ran.err.find("/dev/shm/slotd-no-such-folder/a.prom"), std::string::npos) << ran.err;
  EXPECT_EQ(slotctl_({"metrics", "-J"}).status, 64);
}

TEST_F(Metrics, PrometheusHasNothingToSay) {
  if (std::system("command -v promtool >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "promtool is missing (Debian's package prometheus)";
  claim("track");
  const Ran ran = slotctl_.shell("\"$SLOTCTL\" metrics | promtool check metrics");
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  EXPECT_EQ(ran.out + ran.err, "");
}

}  // namespace
}  // namespace slotd::testing
