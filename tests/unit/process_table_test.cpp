// Entries of the process table: phases, reuse, who may free what, hazards.
#include "slotd/process_table.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

class Entries : public ::testing::Test {
 protected:
  EntryPhase phase(std::uint32_t index) const {
    const ProcessEntry& entry = view_.process(index);
    return judge_phase(Reservation{entry.reservation.load()}, entry.attach.load());
  }
  void prove_gone(ProcessRef ref) const { view_.process(ref.index).gone.store(ref.attach); }

  HeapSegment segment_{make_spec(12'000'000), {16, 5}};  // the fifth is the broker's
  SegmentView view_ = segment_.view();
  ProcessTable table_ = segment_.processes();
};

TEST_F(Entries, ReservationPacksPidNamespaceAndTenancy) {
  const Reservation word = Reservation::make(4194303, 0xf0000001, 1023);
  EXPECT_EQ(word.pid(), 4194303U);
  EXPECT_EQ(word.pid_ns_inode(), 0xf0000001U);
  EXPECT_EQ(word.tenancy(), 1023U);
  EXPECT_TRUE(Reservation::make(0, 0, 5).is_free());
}

TEST_F(Entries, AFullLifeReturnsTheEntryWithTheNextTenancy) {
  EXPECT_EQ(phase(1), EntryPhase::kFree);
  const ProcessRef first = segment_.add_process(11);
  EXPECT_EQ(first.index, 1U);
  EXPECT_EQ(first.attach, 1U);
  EXPECT_EQ(phase(1), EntryPhase::kInUse);
  EXPECT_FALSE(table_.try_recycle(1, ProbeMode::kMarkOnly)) << "alive";
  prove_gone(first);
  EXPECT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  EXPECT_EQ(phase(1), EntryPhase::kFree);
  const ProcessRef second = segment_.add_process(11);
  EXPECT_EQ(second.index, 1U);
  EXPECT_EQ(second.attach, 3U);
}

/// A word that names an entry which was never used is damage: workers take nobody for dead by it.
TEST_F(Entries, NumberZeroProvesNobodyDead) {
  EXPECT_EQ(table_.judge_owner({1, 0}, ProbeMode::kPidfd), OwnerLife::kAlive);
  EXPECT_EQ(segment_.processes(true).judge_owner({1, 0}, ProbeMode::kMarkOnly), OwnerLife::kGone);
  segment_.put_word(3, SlotWord::make(1, SlotState::kActive, kWeb, 4000, 1));
  EXPECT_FALSE(table_.reap_word(3, ProbeMode::kPidfd));
  EXPECT_TRUE(segment_.processes(true).reap_word(3, ProbeMode::kMarkOnly));
}

TEST_F(Entries, TenancyNumbersWrapTogether) {
  for (int i = 0; i < 3000; ++i) {
    const ProcessRef ref = segment_.add_process(11);
    ASSERT_EQ(ref.index, 1U);
    ASSERT_EQ(phase(1), EntryPhase::kInUse);
    prove_gone(ref);
    ASSERT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
    ASSERT_EQ(phase(1), EntryPhase::kFree);
  }
}

TEST_F(Entries, AMarkOfAnEarlierTenantSaysNothingOfTheNext) {
  const ProcessRef first = segment_.add_process(11);
  segment_.mark_dead(first);
  EXPECT_EQ(table_.judge_owner(first, ProbeMode::kMarkOnly), OwnerLife::kMarked);
  prove_gone(first);
  ASSERT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  const ProcessRef second = table_.reserve(12);  // not armed yet
  ASSERT_EQ(second.index, 1U);
  EXPECT_EQ(table_.judge_owner(second, ProbeMode::kMarkOnly), OwnerLife::kAlive);
}

TEST_F(Entries, AForcedMarkNeverHitsTheNextTenant) {
  const ProcessRef first = segment_.add_process(11);
  prove_gone(first);
  ASSERT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  const ProcessRef second = segment_.add_process(12);
  force_mark(view_.process(1), first.attach);
  EXPECT_EQ(table_.judge_owner(second, ProbeMode::kMarkOnly), OwnerLife::kAlive);
  force_mark(view_.process(1), second.attach);
  EXPECT_EQ(table_.judge_owner(second, ProbeMode::kMarkOnly), OwnerLife::kMarked);
}

TEST_F(Entries, MarkedButNotGoneIsRecycledOnlyAfterTheQuarantine) {
  const ProcessRef ref = segment_.add_process(11);
  segment_.mark_dead(ref);
  EXPECT_FALSE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  const std::uint64_t note = view_.process(1).marked.load();
  EXPECT_EQ(note >> 32, ref.attach);
  view_.process(1).marked.store(note - kQuarantineSeconds);
  EXPECT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
}

TEST_F(Entries, ANoteYoungerThanTheClockDoesNotEndTheQuarantine) {
  const ProcessRef ref = segment_.add_process(11);
  segment_.mark_dead(ref);
  ASSERT_FALSE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  view_.process(1).marked.store(view_.process(1).marked.load() + 5);
  EXPECT_FALSE(table_.try_recycle(1, ProbeMode::kMarkOnly));
}

TEST_F(Entries, ContradictoryWordsAreRepairedAfterTheQuarantineUnlessPresenceIsAlive) {
  const ProcessRef ref = segment_.add_process(11);
  ProcessEntry& entry = view_.process(1);
  entry.reservation.store(Reservation::make(0, 0, 5).raw);
  ASSERT_EQ(phase(1), EntryPhase::kInvalid);
  EXPECT_FALSE(table_.try_repair(1));
  EXPECT_EQ(entry.marked.load(), 0U) << "alive: not even a quarantine begins";
  segment_.put_word(3, SlotWord::make(1, SlotState::kActive, kTrack, 1, 1));
  segment_.mark_dead(ref);
  EXPECT_FALSE(table_.try_repair(1));
  entry.marked.store(entry.marked.load() - kQuarantineSeconds);
  EXPECT_TRUE(table_.try_repair(1));
  EXPECT_EQ(phase(1), EntryPhase::kFree);
  EXPECT_TRUE(segment_.word(3).is_free());
  EXPECT_EQ(segment_.add_process(12).index, 1U);
}

TEST_F(Entries, TheFullTableReusesTheDeadAndSaysSoWhenAllLive) {
  ProcessRef refs[4];
  for (std::uint32_t i = 0; i < 4; ++i)
    refs[i] = segment_.add_process(static_cast<std::uint32_t>(::getpid()));
  EXPECT_FALSE(table_.reserve(1));
  prove_gone(refs[2]);
  EXPECT_EQ(table_.reserve(1).index, refs[2].index);
}

TEST_F(Entries, TheLastOneIsKeptForTheBroker) {
  while (segment_.add_process(static_cast<std::uint32_t>(::getpid()))) {
  }
  const ProcessRef broker = segment_.processes(true).reserve(12);
  EXPECT_EQ(broker.index, 5U);
  EXPECT_FALSE(table_.reserve(static_cast<std::uint32_t>(::getpid())));
}

TEST_F(Entries, ABrokerThatHoldsTheLockFreesItsPredecessorsEntryInAnyState) {
  const ProcessTable broker = segment_.processes(true);
  ProcessEntry& entry = view_.process(5);
  // In use, in a PID namespace that nobody sees, without a mark.
  ASSERT_TRUE(broker.reserve(12));
  entry.reservation.store(Reservation::make(12, 1234, 0).raw);
  broker.clear_broker_entry();
  EXPECT_EQ(phase(5), EntryPhase::kFree);
  // Killed while reserving.
  entry.reservation.store(Reservation::make(12, 1234, 1).raw);
  ASSERT_EQ(phase(5), EntryPhase::kReserving);
  broker.clear_broker_entry();
  EXPECT_EQ(phase(5), EntryPhase::kFree);
  ASSERT_TRUE(broker.reserve(13));
  // Scribbled.
  entry.reservation.store(Reservation::make(13, 77, 500).raw);
  ASSERT_EQ(phase(5), EntryPhase::kInvalid);
  broker.clear_broker_entry();
  EXPECT_EQ(phase(5), EntryPhase::kFree);
  EXPECT_TRUE(broker.reserve(14));
}

TEST_F(Entries, RecyclingFreesTheWordsFirst) {
  const ProcessRef dead = segment_.add_process(11);
  ASSERT_TRUE(segment_.claim(dead, kTrack).verdict);
  segment_.put_word(9, SlotWord::make(dead.index, SlotState::kClaiming, kTrack, 1, 1));
  segment_.put_word(10, SlotWord::make(dead.index, SlotState::kTentative, kTrack, 1, 1));
  view_.header().mark.store(1);  // sweeps go over the whole table
  prove_gone(dead);
  ASSERT_TRUE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly));
  for (std::uint32_t slot = 0; slot < 16; ++slot) EXPECT_TRUE(segment_.word(slot).is_free());
  EXPECT_EQ(view_.counters(dead.index).shared.reaped.get(), 1U) << "held ones are counted";
}

TEST_F(Entries, AHazardOfALiveProcessKeepsTheEntryOutOfUse) {
  const ProcessRef binder = segment_.add_process(static_cast<std::uint32_t>(::getpid()));
  const ProcessRef dead = segment_.add_process(12);
  ASSERT_TRUE(table_.publish_hazard(binder, dead));
  prove_gone(dead);
  EXPECT_FALSE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly));
  EXPECT_EQ(phase(dead.index), EntryPhase::kEnding);
  EXPECT_FALSE(table_.publish_hazard(binder, dead)) << "its tenancy is over";
  EXPECT_TRUE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly))
      << "anybody finishes, without a new proof";
  EXPECT_EQ(phase(dead.index), EntryPhase::kFree);
}

TEST_F(Entries, AHazardOfAProcessThatIsGoneIsNone) {
  const ProcessRef binder = segment_.add_process(11);
  const ProcessRef dead = segment_.add_process(12);
  ASSERT_TRUE(table_.publish_hazard(binder, dead));
  prove_gone(binder);
  prove_gone(dead);
  EXPECT_TRUE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly));
}

TEST_F(Entries, AStaleHazardOfAnEarlierTenantIsNone) {
  const ProcessRef binder = segment_.add_process(11);
  const ProcessRef dead = segment_.add_process(12);
  ASSERT_TRUE(table_.publish_hazard(binder, dead));
  prove_gone(binder);
  ASSERT_TRUE(table_.try_recycle(binder.index, ProbeMode::kMarkOnly));
  const ProcessRef next = segment_.add_process(static_cast<std::uint32_t>(::getpid()));
  ASSERT_EQ(next.index, binder.index);
  prove_gone(dead);
  EXPECT_TRUE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly));
}

TEST_F(Entries, AReserverThatStoppedHalfwayIsOverrunAfterTheQuarantine) {
  // What reserve() does, up to its first CAS.
  ProcessEntry& entry = view_.process(1);
  entry.reservation.store(Reservation::make(0x3ffff0, 99, 0).raw);
  EXPECT_EQ(phase(1), EntryPhase::kReserving);
  EXPECT_FALSE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  entry.marked.store(entry.marked.load() - kQuarantineSeconds);
  EXPECT_TRUE(table_.try_recycle(1, ProbeMode::kMarkOnly));
  EXPECT_EQ(phase(1), EntryPhase::kFree);
  EXPECT_EQ(entry.attach.load(), 2U) << "so the late reserver's CAS from 0 fails";
}

TEST_F(Entries, OnlyTheBrokerRecyclesWhatALiveBrokerWatches) {
  const ProcessRef broker_entry = segment_.add_process(13);
  view_.header().broker.store(pack_process_ref(broker_entry));
  broker::Sample sample;
  sample.sampled_at_ns = table_.clock().coarse_ns();
  broker::publish_sample(view_, sample);
  ASSERT_FALSE(table_.is_broker_down());
  const ProcessRef dead = segment_.add_process(14);
  view_.process(dead.index).watched.store(dead.attach);
  prove_gone(dead);
  EXPECT_FALSE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly));
  segment_.mark_dead(broker_entry);
  EXPECT_TRUE(table_.try_recycle(dead.index, ProbeMode::kMarkOnly)) << "no broker, no privilege";
}

TEST_F(Entries, BrokerIsDownByMarkByAgeAndByAbsence) {
  EXPECT_TRUE(table_.is_broker_down());
  const ProcessRef broker_entry = segment_.add_process(13);
  view_.header().broker.store(pack_process_ref(broker_entry));
  broker::Sample sample;
  sample.sampled_at_ns = table_.clock().coarse_ns();
  broker::publish_sample(view_, sample);
  EXPECT_FALSE(table_.is_broker_down());
  sample.sampled_at_ns -= 3'100'000'000;  // older than three intervals of 1 s
  broker::publish_sample(view_, sample);
  EXPECT_TRUE(table_.is_broker_down());
}

TEST_F(Entries, OwnPidOfAnotherNamespaceProvesNothing) {
  const ProcessRef ref = segment_.add_process(0x3ffff0);  // no such process here
  ProcessEntry& entry = view_.process(ref.index);
  entry.reservation.store(Reservation::make(0x3ffff0, 1234, 0).raw);
  EXPECT_EQ(table_.judge_owner(ref, ProbeMode::kPidfd), OwnerLife::kAlive);
  entry.reservation.store(Reservation::make(0x3ffff0, 77, 0).raw);  // the test's own namespace
  EXPECT_EQ(table_.judge_owner(ref, ProbeMode::kPidfd), OwnerLife::kGone);
}

TEST_F(Entries, TaggedValuesAreTheirTenantsOnly) {
  EXPECT_EQ(untag_value(5, tag_value(5, 133681)), 133681U);
  EXPECT_EQ(untag_value(7, tag_value(5, 133681)), 0U);
}

}  // namespace
}  // namespace slotd
