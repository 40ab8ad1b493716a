// What a snapshot has to say to a monitoring system: families complete from the start, figures in
// base units, histograms cumulative, names escaped, and the same text by broker and slotctl.
#include "slotd/metrics.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>

#include "broker/metrics/exposition.hpp"
#include "ctl_snapshot_support.hpp"
#include "tools/slotctl/metrics_text.hpp"

namespace slotd {
namespace {

constexpr std::size_t kParticipant = 2;  // indices of busy_node()
constexpr std::size_t kTrack = 4;

const MetricFamily& family(const std::vector<MetricFamily>& families, const std::string& name) {
  for (const MetricFamily& each : families) {
    if (each.name == name) return each;
  }
  throw std::runtime_error("no family " + name);
}

std::string labels_of(const MetricSample& sample) {
  std::string out;
  for (const MetricLabel& label : sample.labels) out += label.name + "=" + label.value + ";";
  return out;
}

const MetricSample& sample(const std::vector<MetricFamily>& families, const std::string& name,
                           const std::string& labels) {
  for (const MetricSample& each : family(families, name).samples) {
    if (labels_of(each) == labels) return each;
  }
  throw std::runtime_error(name + " has no " + labels);
}

double value(const std::vector<MetricFamily>& families, const std::string& name,
             const std::string& labels = "") {
  return sample(families, name, labels).value;
}

TEST(Metrics, EverySeriesIsThereBeforeAnythingHasHappened) {
  const auto families = make_metrics(ctl::busy_node(), {}, {});
  // 11 reasons, from unknown_type to contended.
  EXPECT_EQ(family(families, "slotd_refusals_total").samples.size(), 2 * 11U);
  for (const char* const type : {"participant", "track"}) {
    const std::string of = "type=" + std::string(type) + ";";
    for (const char* const result : {"admitted", "refused"})
      EXPECT_EQ(value(families, "slotd_claims_total", of + "result=" + result + ";"), 0);
    for (const char* const reason :
         {"unknown_type", "draining", "duplicate_key", "too_large", "type_limit", "group_limit",
          "memory", "cpu", "table_full", "queued_ahead", "contended"})
      EXPECT_EQ(value(families, "slotd_refusals_total", of + "reason=" + reason + ";"), 0);
    for (const char* const reason : {"release", "owner_died", "forced"})
      EXPECT_EQ(value(families, "slotd_releases_total", of + "reason=" + reason + ";"), 0);
    for (const char* const name : {"slotd_hold_seconds", "slotd_wait_seconds"}) {
      const MetricSample& histogram = sample(families, name, of);
      EXPECT_EQ(histogram.buckets.size(), 12U);
      EXPECT_EQ(histogram.buckets.back().cumulative, 0U);
      EXPECT_TRUE(std::isinf(histogram.buckets.back().upper_bound));
    }
  }
}

TEST(Metrics, FiguresAreInBaseUnits) {
  Snapshot node = ctl::busy_node();
  node.memory_max_bytes = 16ULL << 30;
  node.psi_cpu_ppb = 125'000'000;
  const auto families = make_metrics(node, {}, {});
  EXPECT_EQ(value(families, "slotd_slots_limit", "type=participant;"), 3);
  EXPECT_TRUE(std::isinf(value(families, "slotd_slots_limit", "type=track;"))) << "no limit";
  EXPECT_EQ(value(families, "slotd_slots_in_use", "type=participant;"), 3);
  EXPECT_EQ(value(families, "slotd_slots_pending", "type=participant;"), 1);
  EXPECT_EQ(value(families, "slotd_can_accept", "type=participant;"), 0);
  EXPECT_EQ(value(families, "slotd_can_accept", "type=track;"), 1);
  EXPECT_EQ(value(families, "slotd_group_limit", "group=web;"), 18);
  EXPECT_EQ(value(families, "slotd_cpu_capacity_cores"), 12);
  EXPECT_EQ(value(families, "slotd_cpu_budget_cores"), 9.6);
  EXPECT_EQ(value(families, "slotd_cpu_charged_cores"), 6);
  EXPECT_EQ(value(families, "slotd_cpu_measured_cores"), 5.1);
  EXPECT_TRUE(std::isnan(value(families, "slotd_cpu_host_busy_cores"))) << "not measured";
  EXPECT_EQ(value(families, "slotd_cpu_pressure_ratio"), 0.125);
  EXPECT_EQ(value(families, "slotd_memory_max_bytes"), 17'179'869'184.0);
  EXPECT_EQ(value(families, "slotd_sample_age_seconds"), 0.4);
  EXPECT_EQ(value(families, "slotd_broker_up"), 1);
}

TEST(Metrics, WithoutASampleItsAgeHasNoEnd) {
  const auto families = make_metrics(Snapshot{}, {}, {});
  EXPECT_TRUE(std::isinf(value(families, "slotd_sample_age_seconds")));
  EXPECT_TRUE(std::isinf(value(families, "slotd_memory_max_bytes"))) << "not limited";
  EXPECT_EQ(value(families, "slotd_broker_up"), 0);
}

TEST(Metrics, CountersAreOfTheirTypeAlone) {
  NodeTotals totals;
  totals.types[kParticipant].claims = 7;
  totals.types[kParticipant].releases = 3;
  totals.types[kParticipant].reaped = 2;
  totals.types[kParticipant].forced = 1;
  totals.types[kParticipant].refusals[static_cast<std::size_t>(Reason::kTypeLimit)] = 4;
  totals.types[kParticipant].refusals[static_cast<std::size_t>(Reason::kCpu)] = 1;
  totals.types[kMaxTypes].refusals[static_cast<std::size_t>(Reason::kUnknownType)] = 9;
  totals.stale = 6;
  const auto families = make_metrics(ctl::busy_node(), totals, {});
  const std::string of = "type=participant;";
  EXPECT_EQ(value(families, "slotd_claims_total", of + "result=admitted;"), 7);
  EXPECT_EQ(value(families, "slotd_claims_total", of + "result=refused;"), 5);
  EXPECT_EQ(value(families, "slotd_refusals_total", of + "reason=type_limit;"), 4);
  EXPECT_EQ(value(families, "slotd_refusals_total", of + "reason=cpu;"), 1);
  EXPECT_EQ(value(families, "slotd_releases_total", of + "reason=release;"), 3);
  EXPECT_EQ(value(families, "slotd_releases_total", of + "reason=owner_died;"), 2);
  EXPECT_EQ(value(families, "slotd_releases_total", of + "reason=forced;"), 1);
  EXPECT_EQ(value(families, "slotd_claims_total", "type=track;result=refused;"), 0);
  EXPECT_EQ(value(families, "slotd_unknown_type_refusals_total"), 9);
  EXPECT_EQ(value(families, "slotd_stale_releases_total"), 6);
}

TEST(Metrics, BucketsHoldAllThatIsAsShort) {
  NodeTotals totals;
  totals.types[kTrack].wait.counts[0] = 1;   // up to 100 us
  totals.types[kTrack].wait.counts[4] = 2;   // up to 1 s
  totals.types[kTrack].wait.counts[11] = 4;  // above an hour
  totals.types[kTrack].wait.sum_us = 2'500'000;
  totals.reap.counts[4] = 3;  // up to 1 ms
  const auto families = make_metrics(ctl::busy_node(), totals, {});
  const MetricSample& wait = sample(families, "slotd_wait_seconds", "type=track;");
  EXPECT_EQ(wait.buckets[0].upper_bound, 0.0001);
  EXPECT_EQ(wait.buckets[0].cumulative, 1U);
  EXPECT_EQ(wait.buckets[3].cumulative, 1U);
  EXPECT_EQ(wait.buckets[4].upper_bound, 1);
  EXPECT_EQ(wait.buckets[4].cumulative, 3U);
  EXPECT_EQ(wait.buckets[10].upper_bound, 3600);
  EXPECT_EQ(wait.buckets[10].cumulative, 3U);
  EXPECT_EQ(wait.buckets[11].cumulative, 7U);
  EXPECT_EQ(wait.sum, 2.5);
  const MetricSample& reap = sample(families, "slotd_reap_seconds", "");
  EXPECT_EQ(reap.buckets[3].cumulative, 0U);
  EXPECT_EQ(reap.buckets[4].upper_bound, 0.001);
  EXPECT_EQ(reap.buckets[4].cumulative, 3U);
}

TEST(Metrics, ADrawnOutGroupCountsAsFull) {
  Snapshot node = ctl::busy_node();
  node.groups[0].in_use = 2;
  node.groups[0].external_unreadable = true;
  const auto families = make_metrics(node, {}, {});
  EXPECT_EQ(value(families, "slotd_group_in_use", "group=web;"), 20);
  EXPECT_EQ(value(families, "slotd_group_external_unreadable", "group=web;"), 1);
}

TEST(Metrics, LabelsAreNamesAndFixedWordsAlone) {
  Snapshot node = ctl::busy_node();
  node.slots = {ctl::held_slot()};  // of EG_1, by pid 4712
  const std::set<std::string> known{"version", "layout", "type", "group", "result", "reason"};
  for (const MetricFamily& each : make_metrics(node, {}, {})) {
    for (const MetricSample& series : each.samples) {
      for (const MetricLabel& label : series.labels) {
        EXPECT_EQ(known.count(label.name), 1U) << each.name << " " << label.name;
        EXPECT_EQ(label.value.find("EG_1"), std::string::npos);
        EXPECT_EQ(label.value.find("4712"), std::string::npos);
      }
    }
  }
}

TEST(MetricsText, IsTheSameOfBoth) {
  Snapshot node = ctl::busy_node();
  node.types[0].name = "a\"b\\c\n\xff";
  const auto families = make_metrics(node, {}, {});
  const std::string text = ctl::metrics_text(families);
  EXPECT_EQ(text, broker::write_exposition(families));
  EXPECT_NE(text.find("slotd_slots_limit{type=\"track\"} +Inf\n"), std::string::npos) << text;
  EXPECT_NE(text.find("slotd_cpu_budget_cores 9.6\n"), std::string::npos);
  EXPECT_NE(text.find("slotd_hold_seconds_bucket{type=\"track\",le=\"15\"} 0\n"),
            std::string::npos);
  EXPECT_NE(text.find("slotd_slots_in_use{type=\"a\\\"b\\\\c\\\\x0a\\\\xff\"} 3\n"),
            std::string::npos);
  EXPECT_NE(text.find("# TYPE slotd_reap_seconds histogram\n"), std::string::npos);
}

}  // namespace
}  // namespace slotd
