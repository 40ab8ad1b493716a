// From samples to admissions, on a heap segment with real claims: the worked cases of a LiveKit
// egress host that need measured CPU, with their numbers. Time and use are injected.
#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "broker/metering/meter.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/snapshot.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::broker {
namespace {

using namespace slotd::testing;  // NOLINT(google-build-using-namespace): support of this room

constexpr std::uint64_t kSecond = kNsPerSecond;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

LedgerSpec make_node(std::uint64_t cores, ChargeMode mode) {
  LedgerSpec spec = make_spec(cores * 1'000'000);
  spec.charge_mode = mode;
  return spec;
}

/// A node with a broker that lives, whose beats come when the test says so.
class Node {
 public:
  explicit Node(const LedgerSpec& spec) : spec_(spec), segment_(spec) {
    broker_ = segment_.add_process(pid_);
    segment_.view().header().broker.store(pack_process_ref(broker_));
    start_ns_ = segment_.processes().clock().coarse_ns();
    beat(0);
  }

  struct Job {
    ProcessRef owner;
    SlotRef ref;
  };

  /// What a claim of this type is told now; takes nothing.
  Verdict ask(std::uint32_t type) {
    const ProcessRef asker = segment_.add_process(pid_);
    const ClaimResult result = segment_.claim(asker, type);
    if (result.verdict) {
      release_slot(segment_.view(), {result.slot, result.word.generation(), result.nonce});
    }
    return result.verdict;
  }

  /// A job in a process of its own, claimed and activated `at_s` seconds after the start.
  std::optional<Job> start_job(std::uint32_t type, double at_s, std::uint64_t memory_bytes = 0) {
    const ProcessRef owner = segment_.add_process(pid_);
    const ClaimResult result = segment_.claim(owner, type, 0, {}, memory_bytes);
    last_ = result.verdict;
    if (!result.verdict) return std::nullopt;
    const SlotRef ref{result.slot, result.word.generation(), result.nonce};
    EXPECT_EQ(activate_slot(segment_.view(), ref, at(at_s)).code, Errc::kOk);
    return Job{owner, ref};
  }

  void use(const Job& job, std::uint64_t micro, std::uint64_t memory_bytes = 0) {
    use_[job.owner.index] = {job.owner.index, job.owner.attach,   micro,
                             memory_bytes,    UsageSource::kTree, 1};
  }
  /// Both entries are of one process.
  void join(const Job& one, const Job& other) {
    pid_of_[one.owner.index] = pid_of_[other.owner.index] = 7;
  }
  void use_nothing_of(const Job& job) { use_.erase(job.owner.index); }

  /// One sample, `at_s` seconds after the start.
  Account beat(double at_s) {
    std::vector<MeasuredOwner> measured;
    for (const auto& [index, usage] : use_)
      measured.push_back(
          {usage, pid_of_.count(index) != 0 ? pid_of_[index] : static_cast<int>(1000 + index)});
    const ChargeRules rules{spec_.charge_mode, std::uint64_t{spec_.hold_ms} * kNsPerMs,
                            spec_.memory_max_bytes != 0};
    Account account = accountant_.account(segment_.processes(true), measured, rules, at(at_s));
    Sample sample;
    sample.sampled_at_ns = segment_.processes().clock().coarse_ns();  // fresh: the broker lives
    sample.measured_micro = account.measured_micro;
    publish_account(segment_.view(), account, sample);
    return account;
  }

  Snapshot snapshot() const { return read_snapshot(segment_.processes()); }
  std::int64_t available_micro() const { return snapshot().available_micro(); }
  const Verdict& last() const { return last_; }
  HeapSegment& segment() { return segment_; }
  std::uint32_t pid() const { return pid_; }
  std::uint64_t at(double seconds) const {
    return start_ns_ + static_cast<std::uint64_t>(seconds * 1e9);
  }
  void restart_broker() { accountant_.forget(); }

 private:
  // A number that lives: a snapshot asks the kernel about each.
  std::uint32_t pid_ = static_cast<std::uint32_t>(::getpid());
  LedgerSpec spec_;
  HeapSegment segment_;
  ProcessRef broker_;
  Accountant accountant_;
  std::map<std::uint32_t, OwnerUsage> use_;
  std::map<std::uint32_t, int> pid_of_;
  std::uint64_t start_ns_ = 0;
  Verdict last_;
};

/// How many participants are admitted when each has settled at `micro`, its hold over, before the
/// next one asks.
int count_settling_at(Node& node, std::uint64_t micro) {
  std::vector<Node::Job> jobs;
  double now_s = 0;
  while (auto job = node.start_job(kParticipant, now_s)) {
    jobs.push_back(*job);
    now_s += 20;  // past the hold of 15 s
    for (const Node::Job& running : jobs) node.use(running, micro);
    node.beat(now_s);
  }
  return static_cast<int>(jobs.size());
}

TEST(WorkedCases, livekit_case_2_charge_measured) {
  Node node(make_node(12, ChargeMode::kMeasured));
  EXPECT_EQ(count_settling_at(node, 1'500'000), 6);
  EXPECT_EQ(node.last().reason, Reason::kCpu);
  EXPECT_EQ(node.last().required_micro, 2'000'000);
  EXPECT_EQ(node.last().available_micro, 600'000);
}

TEST(WorkedCases, livekit_case_2_charge_max) {
  Node node(make_node(12, ChargeMode::kMax));
  EXPECT_EQ(count_settling_at(node, 1'500'000), 4);
  EXPECT_EQ(node.last().reason, Reason::kCpu);
  EXPECT_EQ(node.last().available_micro, 1'600'000);
}

class CaseFour : public ::testing::TestWithParam<ChargeMode> {};

TEST_P(CaseFour, livekit_case_4) {
  Node node(make_node(8, GetParam()));
  std::vector<Node::Job> jobs;
  for (int i = 0; i < 3; ++i) jobs.push_back(*node.start_job(kParticipant, 0));
  node.beat(1);
  ASSERT_FALSE(node.start_job(kParticipant, 1));
  EXPECT_EQ(node.last().reason, Reason::kCpu);
  EXPECT_EQ(node.last().available_micro, 400'000);

  for (const Node::Job& job : jobs) node.use(job, 500'000);
  node.beat(14);
  EXPECT_EQ(node.available_micro(), 400'000) << "the hold is not over";
  node.beat(16);
  if (GetParam() == ChargeMode::kMax) {
    EXPECT_EQ(node.available_micro(), 400'000);
    EXPECT_EQ(node.ask(kParticipant).reason, Reason::kCpu);
    return;
  }
  EXPECT_EQ(node.available_micro(), 4'900'000);
  EXPECT_TRUE(node.start_job(kParticipant, 16));
  EXPECT_EQ(node.available_micro(), 2'900'000);
  EXPECT_TRUE(node.start_job(kParticipant, 16));
  EXPECT_EQ(node.available_micro(), 900'000);
  EXPECT_FALSE(node.start_job(kParticipant, 16));
  EXPECT_EQ(node.last().reason, Reason::kCpu);
  EXPECT_EQ(node.last().available_micro, 900'000);
}
INSTANTIATE_TEST_SUITE_P(Modes, CaseFour,
                         ::testing::Values(ChargeMode::kMeasured, ChargeMode::kMax),
                         [](const auto& mode) {
                           return mode.param == ChargeMode::kMax ? "max" : "measured";
                         });

TEST(WorkedCases, livekit_case_8_handlers_are_charged_when_their_service_is_gone) {
  for (const ChargeMode mode : {ChargeMode::kMax, ChargeMode::kMeasured}) {
    Node node(make_node(12, mode));
    HeapSegment& segment = node.segment();
    const ProcessRef service = segment.add_process(node.pid());
    const ProcessTable table = segment.processes();
    std::vector<Node::Job> handlers;
    for (int i = 0; i < 2; ++i) {
      const ClaimResult claimed = segment.claim(service, kWeb);
      ASSERT_TRUE(claimed.verdict);
      const ProcessRef handler = segment.add_process(node.pid());
      const SlotRef before{claimed.slot, claimed.word.generation(), claimed.nonce};
      const StepResult given = transfer_slot(table, service, before, handler);
      ASSERT_EQ(given.code, Errc::kOk);
      const SlotRef ref{claimed.slot, given.word.generation(), claimed.nonce};
      ASSERT_EQ(activate_slot(segment.view(), ref, node.at(0)).code, Errc::kOk);
      handlers.push_back({handler, ref});
      node.use(handlers.back(), 5'000'000);
    }
    node.beat(20);
    segment.mark_dead(service);
    EXPECT_EQ(reap_all(table, ProbeMode::kMarkOnly), 0U) << "after the hand-over nothing is freed";
    node.beat(21);
    EXPECT_EQ(node.available_micro(), -400'000);
    const Verdict refused = node.ask(kWeb);
    EXPECT_EQ(refused.reason, Reason::kCpu);
    EXPECT_EQ(refused.available_micro, -400'000);
  }
}

TEST(WorkedCases, livekit_case_8_before_the_hand_over_the_slots_come_back_once) {
  Node node(make_node(12, ChargeMode::kMax));
  HeapSegment& segment = node.segment();
  const ProcessRef service = segment.add_process(node.pid());
  ASSERT_TRUE(segment.claim(service, kWeb).verdict);
  ASSERT_TRUE(segment.claim(service, kWeb).verdict);
  segment.mark_dead(service);
  EXPECT_EQ(reap_all(segment.processes(), ProbeMode::kMarkOnly), 2U);
  EXPECT_EQ(reap_all(segment.processes(), ProbeMode::kMarkOnly), 0U);
  EXPECT_TRUE(node.ask(kWeb));
}

TEST(Metering, a_restarted_broker_gives_nothing_away_before_it_has_measured) {
  Node node(make_node(12, ChargeMode::kMax));
  const auto job = node.start_job(kWeb, 0);
  node.use(*job, 9'000'000);
  node.beat(20);
  EXPECT_EQ(node.available_micro(), 600'000);
  node.restart_broker();
  node.use_nothing_of(*job);
  node.beat(21);
  EXPECT_EQ(node.available_micro(), 600'000);
  node.use(*job, 1'000'000);
  node.beat(22);
  EXPECT_EQ(node.available_micro(), 5'600'000);
}

TEST(Metering, a_new_job_in_the_slot_of_an_expensive_one_starts_at_its_own_cost) {
  Node node(make_node(12, ChargeMode::kMax));
  const auto job = node.start_job(kWeb, 0);
  node.use(*job, 9'000'000);
  node.beat(20);
  ASSERT_EQ(release_slot(node.segment().view(), job->ref).code, Errc::kOk);
  node.use_nothing_of(*job);
  const auto next = node.start_job(kTrack, 20);
  ASSERT_TRUE(next);
  ASSERT_EQ(next->ref.slot, job->ref.slot);
  EXPECT_EQ(node.available_micro(), 9'100'000);
}

TEST(Metering, snapshot_shows_reserved_measured_and_charge_with_their_source) {
  Node node(make_node(12, ChargeMode::kMax));
  const auto job = node.start_job(kParticipant, 0);
  node.use(*job, 2'700'000, 3 * kGiB);
  node.beat(1);
  const Snapshot snapshot = node.snapshot();
  ASSERT_EQ(snapshot.slots.size(), 1U);
  const SlotSnapshot& slot = snapshot.slots[0];
  EXPECT_EQ(slot.word.cost_milli(), 2000U);
  EXPECT_EQ(slot.measured_micro, 2'700'000U);
  EXPECT_EQ(slot.charge_micro, 2'700'000U);
  EXPECT_EQ(slot.charge_origin, ChargeOrigin::kMeasured);
  EXPECT_EQ(slot.measured_memory_bytes, 3 * kGiB);
  EXPECT_EQ(slot.origin, UsageOrigin::kTree);
  EXPECT_EQ(snapshot.measured_micro, 2'700'000U);
  EXPECT_EQ(snapshot.memory_used_bytes, 3 * kGiB);
  bool found = false;
  for (const ProcessSnapshot& process : snapshot.processes) {
    if (process.index != job->owner.index) continue;
    found = true;
    EXPECT_EQ(process.measured_micro, 2'700'000U);
    EXPECT_EQ(process.memory_bytes, 3 * kGiB);
  }
  EXPECT_TRUE(found);
}

TEST(Metering, two_attachments_of_one_process_share_its_use) {
  Node node(make_node(12, ChargeMode::kMeasured));
  const auto one = node.start_job(kTrackComposite, 0);  // 1.0
  const auto other = node.start_job(kParticipant, 0);   // 2.0
  node.join(*one, *other);
  node.use(*one, 2'400'000, 3 * kGiB);
  node.use(*other, 2'400'000, 3 * kGiB);
  const Account account = node.beat(20);
  EXPECT_EQ(account.measured_micro, 2'400'000U);
  EXPECT_EQ(account.memory_used_bytes, 3 * kGiB);
  EXPECT_EQ(node.available_micro(), 7'200'000);
  EXPECT_EQ(node.snapshot().slots.at(0).measured_micro, 800'000U);
  EXPECT_EQ(node.snapshot().slots.at(1).measured_micro, 1'600'000U);
}

TEST(Metering, a_report_counts_for_thirty_seconds) {
  Node node(make_node(12, ChargeMode::kMax));
  const auto job = node.start_job(kParticipant, 0);
  node.use(*job, 500'000);
  const auto report = [&](double at_s) {
    return report_slot(node.segment().view(), job->ref, {3'000'000, 2 * kGiB}, node.at(at_s)).code;
  };
  ASSERT_EQ(report(20), Errc::kOk);
  node.beat(49.9);
  EXPECT_EQ(node.available_micro(), 6'600'000);
  node.beat(50.1);
  EXPECT_EQ(node.available_micro(), 7'600'000);
  ASSERT_EQ(release_slot(node.segment().view(), job->ref).code, Errc::kOk);
  EXPECT_EQ(report(51), Errc::kStaleToken);
}

TEST(Metering, a_report_of_an_earlier_claim_is_no_later_one_s) {
  Node node(make_node(12, ChargeMode::kMax));
  const auto first = node.start_job(kParticipant, 0);
  ASSERT_EQ(report_slot(node.segment().view(), first->ref, {9'000'000, {}}, node.at(1)).code,
            Errc::kOk);
  ASSERT_EQ(release_slot(node.segment().view(), first->ref).code, Errc::kOk);
  const auto second = node.start_job(kParticipant, 1);
  ASSERT_EQ(second->ref.slot, first->ref.slot);
  node.beat(2);
  EXPECT_EQ(node.available_micro(), 7'600'000);
}

LedgerSpec make_memory_node(std::uint64_t max_bytes) {
  LedgerSpec spec = make_node(64, ChargeMode::kMax);
  spec.memory_max_bytes = max_bytes;
  spec.memory_headroom_bytes = kGiB;
  return spec;
}

TEST(MemoryLedger, a_job_counts_its_cost_until_hold_and_then_what_it_uses) {
  Node node(make_memory_node(10 * kGiB));
  const auto job = node.start_job(kTrack, 0, 6 * kGiB);
  ASSERT_TRUE(job);
  // 6 pending + 3 + 1 headroom is not below 10.
  EXPECT_FALSE(node.start_job(kTrack, 0, 3 * kGiB));
  EXPECT_EQ(node.last().reason, Reason::kMemory);
  EXPECT_EQ(node.last().memory_used, 6 * kGiB);
  node.use(*job, 0, 2 * kGiB);
  node.beat(5);
  EXPECT_EQ(node.snapshot().memory_used_bytes, 2 * kGiB);
  EXPECT_EQ(node.snapshot().memory_pending_bytes, 4 * kGiB);
  EXPECT_FALSE(node.start_job(kTrack, 5, 3 * kGiB));
  node.beat(16);
  EXPECT_EQ(node.snapshot().memory_pending_bytes, 0U);
  EXPECT_TRUE(node.start_job(kTrack, 16, 3 * kGiB)) << "2 used + 3 + 1 < 10";
}

TEST(MemoryLedger, any_end_gives_back_what_was_held_at_once) {
  Node node(make_memory_node(10 * kGiB));
  const auto job = node.start_job(kTrack, 0, 8 * kGiB);
  ASSERT_TRUE(job);
  node.use(*job, 0, kGiB);
  node.beat(1);
  EXPECT_FALSE(node.start_job(kTrack, 1, kGiB));
  ASSERT_EQ(release_slot(node.segment().view(), job->ref).code, Errc::kOk);
  EXPECT_EQ(node.snapshot().memory_pending_bytes, 0U);
  EXPECT_EQ(node.snapshot().memory_used_bytes, 0U);
  EXPECT_TRUE(node.start_job(kTrack, 1, 8 * kGiB));
}

TEST(MemoryLedger, a_slot_that_the_sample_does_not_know_counts_its_cost) {
  Node node(make_memory_node(10 * kGiB));
  node.beat(1);
  const auto job = node.start_job(kTrack, 1, 4 * kGiB);
  ASSERT_TRUE(job);
  EXPECT_EQ(node.snapshot().memory_pending_bytes, 4 * kGiB);
  EXPECT_FALSE(node.start_job(kTrack, 1, 5 * kGiB));
}

}  // namespace
}  // namespace slotd::broker
