// What a segment has to say to a monitoring system, as plain values: families with names, help and
// samples. For the broker's endpoint and for `slotctl metrics`, which print the same ones. Not the
// text: each prints it with a library of its own, which fill_families() feeds.
//
// Complete from the start: every configured type has every series, with 0 where nothing has
// happened, and no series goes away while its type has a name. Labels are names of types and groups
// and fixed words, never a pid or a key. Names are untrusted bytes: what is no printable ASCII is
// written \xNN. Pure but for read_broker_totals(), which reads memory; thread-safe; never blocks;
// allocates.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "slotd/admission.hpp"
#include "slotd/figure_text.hpp"
#include "slotd/histogram.hpp"
#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/snapshot_values.hpp"

namespace slotd::inline v0_1 {

enum class MetricKind : std::uint8_t { kGauge, kCounter, kHistogram };

struct MetricLabel {
  std::string name;
  std::string value;
};

/// One series. A histogram has buckets and no value.
struct MetricSample {
  struct Bucket {
    double upper_bound = 0;
    std::uint64_t cumulative = 0;
  };

  std::vector<MetricLabel> labels;
  double value = 0;
  std::vector<Bucket> buckets;  ///< the last one's bound is infinite
  double sum = 0;
};

struct MetricFamily {
  std::string name;
  std::string help;
  MetricKind kind = MetricKind::kGauge;
  std::vector<MetricSample> samples;
};

/// What the broker has told of itself.
struct BrokerTotals {
  std::uint64_t starts = 0;
  std::uint64_t rebuilds = 0;
  std::uint64_t reloads = 0;
  std::uint64_t reload_failures = 0;
  bool is_last_reload_ok = true;
  std::uint64_t reloaded_at_s = 0;  ///< of the last good one; CLOCK_REALTIME
  std::uint64_t notices = 0;
  std::uint64_t signals = 0;
};

inline BrokerTotals read_broker_totals(const BrokerRecord& record) noexcept {
  BrokerTotals totals;
  totals.starts = record.starts.get();
  totals.rebuilds = record.rebuilds.get();
  totals.reloads = record.reloads.get();
  totals.reload_failures = record.reload_failures.get();
  totals.is_last_reload_ok = record.is_last_reload_ok.get() != 0;
  totals.reloaded_at_s = record.reloaded_at_s.get();
  totals.notices = record.notices.get();
  totals.signals = record.signals.get();
  return totals;
}

namespace detail {

class MetricsMaker {
 public:
  MetricsMaker(const Snapshot& snapshot, const NodeTotals& totals, const BrokerTotals& broker)
      : snapshot_(snapshot), totals_(totals), broker_(broker) {}

  std::vector<MetricFamily> make() {
    add_broker();
    add_types();
    add_groups();
    add_counters();
    add_durations();
    add_cpu();
    add_memory();
    return std::move(out_);
  }

 private:
  using Labels = std::vector<MetricLabel>;

  MetricFamily& family(MetricKind kind, const char* name, const char* help) {
    out_.push_back({name, help, kind, {}});
    return out_.back();
  }
  static void add(MetricFamily& to, Labels labels, double value) {
    to.samples.push_back({std::move(labels), value, {}, 0});
  }
  void add_gauge(const char* name, const char* help, double value) {
    add(family(MetricKind::kGauge, name, help), {}, value);
  }
  void add_counter(const char* name, const char* help, std::uint64_t value) {
    add(family(MetricKind::kCounter, name, help), {}, number(value));
  }

  static double number(std::uint64_t value) noexcept { return static_cast<double>(value); }
  static double limit(std::uint32_t limit) noexcept {
    return limit == kNoLimit ? std::numeric_limits<double>::infinity() : limit;
  }
  /// One correctly rounded division of two exact numbers: it prints as the decimal that is meant.
  static double cores(std::uint64_t micro) noexcept {
    return micro == kNotMeasured ? std::numeric_limits<double>::quiet_NaN() : number(micro) / 1e6;
  }
  static Labels of_type(const TypeSnapshot& type) { return {{"type", printable_text(type.name)}}; }
  static Labels of_type(const TypeSnapshot& type, const char* name, const char* value) {
    return {{"type", printable_text(type.name)}, {name, value}};
  }
  const TypeTotals& totals_of(const TypeSnapshot& type) const noexcept {
    return totals_.types[type.index < kMaxTypes ? type.index : kMaxTypes];
  }

  template <typename Value>
  void add_by_type(const char* name, const char* help, Value value) {
    MetricFamily& to = family(MetricKind::kGauge, name, help);
    for (const TypeSnapshot& type : snapshot_.types) add(to, of_type(type), value(type));
  }

  void add_broker() {
    MetricFamily& build =
        family(MetricKind::kGauge, "slotd_build_info",
               "The version of the broker that runs or ran last and the segment's layout.");
    add(build,
        {{"version", printable_text(snapshot_.broker.version)},
         {"layout", std::to_string(kLayout)}},
        1);
    add_gauge("slotd_broker_up", "1 while a broker lives.",
              snapshot_.broker.state == BrokerState::kDown ? 0 : 1);
    add_gauge("slotd_draining", "1 while the whole node refuses new claims.",
              snapshot_.broker.state == BrokerState::kDraining ? 1 : 0);
    add_counter("slotd_broker_starts_total", "Starts of the broker on this segment.",
                broker_.starts);
    add_counter("slotd_segment_rebuilds_total",
                "Segments that were lost and made anew, since the first one.", broker_.rebuilds);
    MetricFamily& reloads = family(MetricKind::kCounter, "slotd_config_reloads_total",
                                   "Reloads of the configuration, by their result.");
    add(reloads, {{"result", "done"}}, number(broker_.reloads));
    add(reloads, {{"result", "refused"}}, number(broker_.reload_failures));
    add_gauge("slotd_config_last_reload_successful",
              "1 if the last reload was taken, or there was none.",
              broker_.is_last_reload_ok ? 1 : 0);
    add_gauge("slotd_config_last_reload_success_timestamp_seconds",
              "When the configuration in force was read, in seconds since 1970.",
              number(broker_.reloaded_at_s));
    add_gauge("slotd_sample_age_seconds",
              "How old the last sample of CPU and memory is; +Inf if there was none.",
              snapshot_.broker.sample_age_s < 0 ? std::numeric_limits<double>::infinity()
                                                : snapshot_.broker.sample_age_s);
    add_gauge("slotd_sample_stale", "1 if the last sample is older than three intervals.",
              snapshot_.broker.is_sample_stale ? 1 : 0);
    add_counter("slotd_pressure_notices_total", "Notices of overload that jobs were given.",
                broker_.notices);
    add_counter("slotd_pressure_signals_total", "Signals that were sent to jobs for overload.",
                broker_.signals);
  }

  void add_types() {
    add_by_type("slotd_slots_limit", "The limit in force, +Inf where there is none.",
                [](const TypeSnapshot& type) { return limit(type.limit); });
    add_by_type("slotd_slots_in_use", "Slots held against the limit, pending ones included.",
                [](const TypeSnapshot& type) { return number(type.in_use); });
    add_by_type("slotd_slots_pending", "Slots whose job has not begun.",
                [](const TypeSnapshot& type) { return number(type.pending); });
    add_by_type("slotd_slots_minimum",
                "Slots below which the type is sure of CPU and of its groups.",
                [](const TypeSnapshot& type) { return number(type.minimum); });
    add_by_type("slotd_waiters", "Claims that wait.",
                [](const TypeSnapshot& type) { return number(type.waiting); });
    add_by_type(
        "slotd_can_accept", "1 if a claim with default costs would be admitted now.",
        [](const TypeSnapshot& type) { return type.verdict.reason == Reason::kNone ? 1.0 : 0.0; });
    add_by_type("slotd_type_draining", "1 while the type refuses new claims.",
                [](const TypeSnapshot& type) { return type.draining ? 1.0 : 0.0; });
    add_by_type("slotd_slot_cpu_cores", "What a slot costs by default.",
                [](const TypeSnapshot& type) { return type.cost_milli / 1e3; });
  }

  void add_groups() {
    MetricFamily limits{"slotd_group_limit",
                        "The group's limit, +Inf where there is none.",
                        MetricKind::kGauge,
                        {}};
    MetricFamily uses{"slotd_group_in_use",
                      "What slots and counts from outside take of the group.",
                      MetricKind::kGauge,
                      {}};
    MetricFamily unreadable{"slotd_group_external_unreadable",
                            "1 while the group's count from outside cannot be read.",
                            MetricKind::kGauge,
                            {}};
    for (const GroupSnapshot& group : snapshot_.groups) {
      const Labels labels{{"group", printable_text(group.name)}};
      add(limits, labels, limit(group.limit));
      // Where the outside cannot be read the group counts as full.
      const bool is_full = group.external_unreadable;
      add(uses, labels, is_full ? limit(group.limit) + number(group.in_use) : number(group.in_use));
      add(unreadable, labels, is_full ? 1 : 0);
    }
    for (MetricFamily* each : {&limits, &uses, &unreadable}) out_.push_back(std::move(*each));
  }

  static std::uint64_t sum_of(const std::array<std::uint64_t, kReasons>& refusals) noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : refusals) sum += count;
    return sum;
  }

  void add_counters() {
    MetricFamily claims{
        "slotd_claims_total", "Claims by what became of them.", MetricKind::kCounter, {}};
    MetricFamily refusals{
        "slotd_refusals_total", "Refused claims by reason.", MetricKind::kCounter, {}};
    MetricFamily releases{
        "slotd_releases_total", "Slots that came back, by how.", MetricKind::kCounter, {}};
    for (const TypeSnapshot& type : snapshot_.types) {
      const TypeTotals& of = totals_of(type);
      add(claims, of_type(type, "result", "admitted"), number(of.claims));
      add(claims, of_type(type, "result", "refused"), number(sum_of(of.refusals)));
      for (std::size_t reason = 1; reason < kReasons; ++reason) {
        const char* name = reason_name(static_cast<Reason>(reason));
        add(refusals, of_type(type, "reason", name), number(of.refusals[reason]));
      }
      add(releases, of_type(type, "reason", "release"), number(of.releases));
      add(releases, of_type(type, "reason", "owner_died"), number(of.reaped));
      add(releases, of_type(type, "reason", "forced"), number(of.forced));
    }
    for (MetricFamily* each : {&claims, &refusals, &releases}) out_.push_back(std::move(*each));
    add_counter("slotd_unknown_type_refusals_total",
                "Claims that were refused because their type has never been configured.",
                sum_of(totals_.types[kMaxTypes].refusals));
    add_counter("slotd_stale_releases_total",
                "Releases and other steps refused because their token was stale or foreign.",
                totals_.stale);
  }

  /// Buckets of the segment are each their own; these hold all that is as short.
  static MetricSample sample_of(const HistogramValues& values, const BucketBounds& bounds_us) {
    MetricSample sample;
    std::uint64_t count = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      count += values.counts[i];
      const bool is_last = i == bounds_us.size();
      sample.buckets.push_back(
          {is_last ? std::numeric_limits<double>::infinity() : number(bounds_us[i]) / 1e6, count});
    }
    sample.sum = number(values.sum_us) / 1e6;
    return sample;
  }

  void add_durations() {
    MetricFamily hold{"slotd_hold_seconds",
                      "How long slots were held. Holds up to a second count 0 in the sum.",
                      MetricKind::kHistogram,
                      {}};
    MetricFamily wait{"slotd_wait_seconds",
                      "How long admitted claims had waited that had to.",
                      MetricKind::kHistogram,
                      {}};
    for (const TypeSnapshot& type : snapshot_.types) {
      hold.samples.push_back(sample_of(totals_of(type).hold, kHoldBoundsUs));
      hold.samples.back().labels = of_type(type);
      wait.samples.push_back(sample_of(totals_of(type).wait, kWaitBoundsUs));
      wait.samples.back().labels = of_type(type);
    }
    out_.push_back(std::move(hold));
    out_.push_back(std::move(wait));
    MetricFamily& reap = family(MetricKind::kHistogram, "slotd_reap_seconds",
                                "From the news of an owner's death at the broker to the freed "
                                "slot.");
    reap.samples.push_back(sample_of(totals_.reap, kReapBoundsUs));
  }

  void add_cpu() {
    add_gauge("slotd_cpu_capacity_cores", "The cores to share out.",
              cores(snapshot_.capacity_micro));
    add_gauge("slotd_cpu_budget_cores", "The part of the capacity that jobs may be promised.",
              cores(snapshot_.budget_micro));
    add_gauge("slotd_cpu_charged_cores", "What held slots are charged.",
              cores(snapshot_.charged_micro));
    add_gauge("slotd_cpu_measured_cores", "What owners of slots used; NaN before a sample.",
              cores(snapshot_.measured_micro));
    add_gauge("slotd_cpu_host_busy_cores", "What the whole host used; NaN while unknown.",
              cores(snapshot_.host_busy_micro));
    const std::uint64_t psi = snapshot_.psi_cpu_ppb;
    add_gauge("slotd_cpu_pressure_ratio",
              "The part of the last 10 s in which somebody waited for a CPU; NaN if not known.",
              psi == kNotMeasured ? std::numeric_limits<double>::quiet_NaN() : number(psi) / 1e9);
  }

  void add_memory() {
    add_gauge("slotd_memory_max_bytes", "The memory that jobs may use, +Inf where not limited.",
              snapshot_.memory_max_bytes == 0 ? std::numeric_limits<double>::infinity()
                                              : number(snapshot_.memory_max_bytes));
    add_gauge("slotd_memory_used_bytes", "The memory that owners of slots used.",
              number(snapshot_.memory_used_bytes));
    add_gauge("slotd_memory_pending_bytes", "Memory that is kept for slots beside what they use.",
              number(snapshot_.memory_pending_bytes));
    add_gauge("slotd_memory_headroom_bytes", "What has to stay free when a job is admitted.",
              number(snapshot_.memory_headroom_bytes));
    add_gauge("slotd_processes", "Processes that own slots or may.",
              number(snapshot_.processes.size()));
    add_gauge("slotd_processes_max", "Room for processes.", number(snapshot_.capacities.processes));
    add_gauge("slotd_table_slots", "Held slots of all types.", number(snapshot_.slots.size()));
    add_gauge("slotd_table_slots_max", "Room for held slots of all types.",
              number(snapshot_.capacities.slots));
  }

  const Snapshot& snapshot_;
  const NodeTotals& totals_;
  const BrokerTotals& broker_;
  std::vector<MetricFamily> out_;
};

}  // namespace detail

/// All families, in a fixed order; types in the order of their indices.
inline std::vector<MetricFamily> make_metrics(const Snapshot& snapshot, const NodeTotals& totals,
                                              const BrokerTotals& broker) {
  return detail::MetricsMaker(snapshot, totals, broker).make();
}

/// The same as values of a library that writes the text. `Family` has name, help, a type with the
/// enumerators Gauge, Counter and Histogram, and a list `metric` of series with a part for each.
template <typename Family>
std::vector<Family> fill_families(const std::vector<MetricFamily>& families) {
  using Type = decltype(Family::type);
  using Series = typename decltype(Family::metric)::value_type;
  std::vector<Family> out;
  for (const MetricFamily& from : families) {
    Family& to = out.emplace_back();
    to.name = from.name;
    to.help = from.help;
    to.type = from.kind == MetricKind::kGauge     ? Type::Gauge
              : from.kind == MetricKind::kCounter ? Type::Counter
                                                  : Type::Histogram;
    for (const MetricSample& sample : from.samples) {
      Series& series = to.metric.emplace_back();
      for (const MetricLabel& label : sample.labels)
        series.label.push_back({label.name, label.value});
      series.gauge.value = sample.value;
      series.counter.value = sample.value;
      for (const MetricSample::Bucket& bucket : sample.buckets)
        series.histogram.bucket.push_back({bucket.cumulative, bucket.upper_bound});
      if (sample.buckets.empty()) continue;
      series.histogram.sample_count = sample.buckets.back().cumulative;
      series.histogram.sample_sum = sample.sum;
    }
  }
  return out;
}

}  // namespace slotd::inline v0_1
