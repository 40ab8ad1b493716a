// Claims asserted again in another segment: what keeps its name, what is taken over, what is
// dropped; and the broker's own copy of a segment.
#include "slotd/reassert.hpp"

#include <gtest/gtest.h>

#include "broker/segment/ledger_copy.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

constexpr std::uint64_t kStartTicks = 4711;

/// The caller as the second attachment of a process with this pid sees itself.
ProcessTable processes_of(const HeapSegment& segment, int pid) {
  SelfIdentity self;
  self.pid = pid;
  self.pid_ns_inode = 77;
  self.time_ns_inode = 88;
  self.start_ticks = kStartTicks;
  return {segment.view(), self, false};
}

using Fate = Reasserted::Fate;

HeldCopy make_copy(std::uint32_t generation, SlotState state = SlotState::kPending,
                   std::uint64_t nonce = 0xabcd) {
  HeldCopy copy;
  copy.nonce = nonce;
  copy.word = SlotWord::make(0, state, kParticipant, 2000, generation);
  copy.memory_bytes = 77;
  const std::string_view key = "EG_7";
  std::copy(key.begin(), key.end(), copy.key.begin());
  return copy;
}

class Reassert : public ::testing::Test {
 protected:
  HeapSegment segment_{make_spec(12'000'000), {8, 5}};
  ProcessTable table_ = processes_of(segment_, 500);
  ProcessRef self_ = segment_.add_process(500);
};

TEST_F(Reassert, keeps_slot_generation_nonce_and_description) {
  const Reasserted done = reassert_claim(table_, self_, make_copy(9, SlotState::kActive), 3);
  ASSERT_EQ(done.fate, Fate::kStands);
  EXPECT_EQ(done.ref.slot, 3U);
  EXPECT_EQ(done.ref.generation, 9U);
  EXPECT_EQ(segment_.word(3),
            SlotWord::make(self_.index, SlotState::kActive, kParticipant, 2000, 9));
  const SlotRecord& record = segment_.view().record(3);
  EXPECT_EQ(record.nonce.get(), 0xabcdU);
  EXPECT_EQ(record.memory_bytes.get(), 77U);
  EXPECT_EQ(text_view(load_text(record.key)), "EG_7");
  EXPECT_EQ(segment_.view().key_fingerprint(3).load(), key_fingerprint("EG_7"));
  EXPECT_EQ(segment_.view().mark(), 4U);
}

TEST_F(Reassert, doing_it_again_changes_nothing) {
  ASSERT_EQ(reassert_claim(table_, self_, make_copy(9), 3).fate, Fate::kStands);
  const SlotWord before = segment_.word(3);
  const Reasserted again = reassert_claim(table_, self_, make_copy(9), 3);
  ASSERT_EQ(again.fate, Fate::kStands);
  EXPECT_EQ(again.ref.slot, 3U);
  EXPECT_EQ(segment_.word(3), before);
}

TEST_F(Reassert, asks_no_limit) {
  // Eight of 2 cores on a budget of 9.6: debt, not a refusal.
  for (std::uint32_t slot = 0; slot < 8; ++slot)
    EXPECT_EQ(
        reassert_claim(table_, self_, make_copy(1, SlotState::kPending, 50 + slot), slot).fate,
        Fate::kStands)
        << slot;
  EXPECT_EQ(reassert_claim(table_, self_, make_copy(1000), 0).fate, Fate::kAbsent)
      << "no room in the table";
}

TEST_F(Reassert, takes_another_slot_where_its_own_is_taken) {
  const ProcessRef other = segment_.add_process(501);
  segment_.put_word(3, SlotWord::make(other.index, SlotState::kActive, kTrack, 500, 4));
  const Reasserted done = reassert_claim(table_, self_, make_copy(9), 3);
  ASSERT_EQ(done.fate, Fate::kStands);
  EXPECT_EQ(done.ref.slot, 0U);
  EXPECT_EQ(segment_.word(0).type(), kParticipant);
  EXPECT_EQ(segment_.word(3).owner(), other.index);
}

TEST_F(Reassert, never_goes_back_in_a_slot_s_generations) {
  segment_.put_word(3, SlotWord::make(0, SlotState::kFree, 0, 0, 20));
  const Reasserted done = reassert_claim(table_, self_, make_copy(9), 3);
  ASSERT_EQ(done.fate, Fate::kStands);
  EXPECT_EQ(done.ref.slot, 3U);
  EXPECT_EQ(done.ref.generation, 21U) << "an old token of generation 20 stays stale";
}

TEST(SameOrLater, wraps_around) {
  EXPECT_TRUE(is_same_or_later(5, 5));
  EXPECT_TRUE(is_same_or_later(6, 5));
  EXPECT_FALSE(is_same_or_later(5, 6));
  EXPECT_TRUE(is_same_or_later(0, kGenerationMask));
  EXPECT_FALSE(is_same_or_later(kGenerationMask, 0));
}

// ---- The broker's copy

class Carried : public ::testing::Test {
 protected:
  /// A process with this pid that holds `slot`, by claim number `generation`.
  ProcessRef hold(std::uint32_t pid, std::uint32_t slot, std::uint32_t generation) {
    ProcessRef ref = old_.add_process(pid);
    processes_of(old_, static_cast<int>(pid)).store_identity(ref, kStartTicks, 88, 1000, "worker");
    put(ref, slot, generation);
    return ref;
  }
  void put(ProcessRef ref, std::uint32_t slot, std::uint32_t generation) {
    old_.put_word(slot, SlotWord::make(ref.index, SlotState::kActive, kWeb, 4000, generation));
    old_.view().record(slot).nonce.set(100 + slot);
    store_text(old_.view().record(slot).key, "EG_" + std::to_string(slot));
  }
  std::uint32_t carry() {
    return broker::import_ledger(new_.view(), broker::copy_ledger(old_.processes()),
                                 [](const broker::OwnerCopy&) { return true; });
  }

  HeapSegment old_{make_spec(12'000'000), {8, 5}};
  HeapSegment new_{make_spec(12'000'000), {8, 5}};
};

TEST_F(Carried, slots_keep_their_names_and_owners_are_known_by_pid) {
  hold(500, 2, 7);
  EXPECT_EQ(carry(), 1U);
  const SlotWord word = new_.word(2);
  EXPECT_EQ(word.generation(), 7U);
  EXPECT_EQ(word.state(), SlotState::kActive);
  const ProcessTable table = new_.processes();
  const ProcessRef owner = table.find_tenant(word.owner());
  ASSERT_TRUE(owner);
  EXPECT_TRUE(table.is_made_by_pid(owner));
  EXPECT_EQ(table.judge_owner(owner, ProbeMode::kMarkOnly), OwnerLife::kAlive);
  EXPECT_EQ(Reservation{new_.view().process(owner.index).reservation.load()}.pid(), 500U);
  // The token of the old segment.
  EXPECT_EQ(check_token(new_.view(), {old_.view().segment_id(), 2, 102, 7}), Errc::kOk);
  EXPECT_EQ(check_token(new_.view(), {0x9999, 2, 102, 7}), Errc::kForeignToken);
}

TEST_F(Carried, what_the_broker_tells_of_itself_is_kept) {
  BrokerRecord& from = old_.view().node().broker;
  from.starts.set(2);
  from.rebuilds.set(3);
  from.reloads.set(5);
  from.reload_failures.set(7);
  from.is_last_reload_ok.set(1);
  from.reloaded_at_s.set(1'700'000'000);
  from.notices.set(11);
  from.signals.set(13);
  old_.view().node().reap.counts[4].set(17);
  old_.view().node().reap.sum_us.set(19);
  carry();
  const BrokerRecord& to = new_.view().node().broker;
  EXPECT_EQ(to.starts.get(), 2U);
  EXPECT_EQ(to.rebuilds.get(), 3U);
  EXPECT_EQ(to.reloads.get(), 5U);
  EXPECT_EQ(to.reload_failures.get(), 7U);
  EXPECT_EQ(to.is_last_reload_ok.get(), 1U);
  EXPECT_EQ(to.reloaded_at_s.get(), 1'700'000'000U);
  EXPECT_EQ(to.notices.get(), 11U);
  EXPECT_EQ(to.signals.get(), 13U);
  EXPECT_EQ(new_.view().node().reap.counts[4].get(), 17U);
  EXPECT_EQ(new_.view().node().reap.sum_us.get(), 19U);
}

TEST_F(Carried, the_dead_are_left_behind) {
  old_.mark_dead(hold(500, 2, 7));
  hold(501, 3, 1);
  EXPECT_EQ(carry(), 1U);
  EXPECT_TRUE(new_.word(2).is_free());
  EXPECT_TRUE(new_.word(3).is_held());
}

TEST_F(Carried, what_makes_no_sense_is_left_behind) {
  hold(500, 2, 7);
  old_.put_word(3, SlotWord::make(900, SlotState::kActive, kWeb, 4000, 1));  // no such entry
  old_.put_word(4, SlotWord::make(1, SlotState::kActive, 31, 4000, 1));      // no such type
  old_.view().record(4).nonce.set(5);
  old_.put_word(5, SlotWord::make(1, SlotState{7}, kWeb, 4000, 1));  // no such state
  old_.put_word(6, SlotWord::make(1, SlotState::kTentative, kWeb, 4000, 1));
  old_.view().header().mark.store(~std::uint64_t{0});
  EXPECT_EQ(carry(), 1U);
  EXPECT_TRUE(new_.word(2).is_held());
}

TEST_F(Carried, owners_that_nobody_sees_are_left_to_assert_themselves) {
  hold(500, 2, 7);
  EXPECT_EQ(broker::import_ledger(new_.view(), broker::copy_ledger(old_.processes()),
                                  [](const broker::OwnerCopy&) { return false; }),
            0U);
  EXPECT_TRUE(new_.word(2).is_free());
}

TEST_F(Carried, owner_takes_over_with_the_same_token) {
  hold(500, 2, 7);
  carry();
  const ProcessRef self = new_.add_process(500);
  HeldCopy copy = make_copy(7, SlotState::kPending, 102);
  const Reasserted done = reassert_claim(processes_of(new_, 500), self, copy, 2);
  ASSERT_EQ(done.fate, Fate::kStands);
  EXPECT_EQ(done.ref.slot, 2U);
  EXPECT_EQ(done.ref.generation, 7U);
  EXPECT_EQ(new_.word(2).owner(), self.index);
}

/// Two processes have a copy of one claim: the one that took it over later has it.
TEST_F(Carried, later_owner_has_the_claim_whoever_comes_first) {
  const HeldCopy service = make_copy(7);
  const HeldCopy handler = make_copy(8);
  for (const bool service_first : {true, false}) {
    HeapSegment segment(make_spec(12'000'000), {8, 5});
    const ProcessRef first = segment.add_process(500);
    const ProcessRef second = segment.add_process(501);
    const auto assert_service = [&] {
      return reassert_claim(processes_of(segment, 500), first, service, 2).fate;
    };
    if (service_first) {
      EXPECT_EQ(assert_service(), Fate::kStands);
    }
    EXPECT_EQ(reassert_claim(processes_of(segment, 501), second, handler, 2).fate, Fate::kStands);
    if (!service_first) {
      EXPECT_EQ(assert_service(), Fate::kOver);
    }
    EXPECT_EQ(segment.word(2),
              SlotWord::make(second.index, SlotState::kPending, kParticipant, 2000, 8));
    EXPECT_EQ(segment.view().mark(), 3U) << "and stands once";
  }
}

TEST_F(Carried, what_ended_in_the_new_segment_is_not_revived) {
  hold(500, 2, 7);
  carry();
  ASSERT_EQ(release_slot(new_.view(), {2, 7, 102}).code, Errc::kOk);  // by its token
  const HeldCopy copy = make_copy(7, SlotState::kPending, 102);
  EXPECT_EQ(reassert_claim(processes_of(new_, 500), new_.add_process(500), copy, 2).fate,
            Fate::kOver);
  for (std::uint32_t slot = 0; slot < 8; ++slot) EXPECT_TRUE(new_.word(slot).is_free());
}

TEST_F(Carried, generations_never_go_back) {
  hold(500, 2, 7);
  old_.put_word(1, SlotWord::make(0, SlotState::kFree, 0, 0, 55));
  carry();
  EXPECT_EQ(new_.word(1), SlotWord::make(0, SlotState::kFree, 0, 0, 55));
}

TEST_F(Carried, process_moves_into_its_entry_and_only_once) {
  hold(500, 2, 7);
  carry();
  const ProcessTable mine = processes_of(new_, 500);
  EXPECT_FALSE(take_carried_entry(processes_of(new_, 501)));
  SelfIdentity later;  // the same number, another process
  later.pid = 500;
  later.pid_ns_inode = 77;
  later.time_ns_inode = 88;
  later.start_ticks = kStartTicks + 1;
  EXPECT_FALSE(take_carried_entry({new_.view(), later, false}));
  const ProcessRef entry = take_carried_entry(mine);
  ASSERT_TRUE(entry);
  EXPECT_EQ(entry.index, new_.word(2).owner());
  EXPECT_FALSE(take_carried_entry(mine));
}

TEST_F(Carried, tokens_stay_good_through_any_number_of_rebuilds) {
  hold(500, 2, 7);
  carry();
  HeapSegment third(make_spec(12'000'000), {8, 5});
  broker::import_ledger(third.view(), broker::copy_ledger(new_.processes()),
                        [](const broker::OwnerCopy&) { return true; });
  EXPECT_EQ(check_token(third.view(), {old_.view().segment_id(), 2, 102, 7}), Errc::kOk);
}

TEST_F(Carried, what_was_ended_since_the_copy_is_dropped) {
  HeldCopies copies;
  ASSERT_TRUE(copies.create(8));
  const ProcessRef owner = hold(500, 2, 7);
  put(owner, 3, 1);
  put(owner, 4, 5);
  put(owner, 5, 1);
  carry();
  const auto note = [&](std::uint32_t slot, std::uint32_t generation, bool ended) {
    copies.note(slot, 100 + slot, SlotWord::make(0, SlotState::kPending, kWeb, 4000, generation));
    if (ended) copies.end(slot, 100 + slot, generation);
  };
  note(2, 7, true);   // released meanwhile
  note(3, 1, false);  // still held
  note(4, 9, true);   // of a later claim: the one carried over is long past
  // 5: somebody else's claim, bound to this process: nothing is known of its end.
  EXPECT_EQ(drop_ended_claims(processes_of(new_, 500), {}, copies), 2U);
  EXPECT_TRUE(new_.word(2).is_free());
  EXPECT_TRUE(new_.word(3).is_held());
  EXPECT_TRUE(new_.word(4).is_free());
  EXPECT_TRUE(new_.word(5).is_held());
}

TEST(HeldCopies, a_copy_is_of_one_claim) {
  HeldCopies copies;
  ASSERT_TRUE(copies.create(4));
  EXPECT_EQ(copies.load(1).nonce, 0U);
  HeapSegment segment(make_spec(12'000'000));
  SlotRecord& record = segment.view().record(0);
  store_text(record.key, "EG_1");
  record.memory_bytes.set(5);
  copies.note(1, 11, SlotWord::make(0, SlotState::kPending, kWeb, 4000, 1));
  copies.describe(1, 11, record);
  EXPECT_EQ(text_view(copies.load(1).key), "EG_1");
  copies.end(1, 10, 1);  // another claim's end
  EXPECT_TRUE(copies.load(1).word.is_held());
  copies.move(1, 11, SlotState::kActive);
  EXPECT_EQ(copies.load(1).word.state(), SlotState::kActive);
  copies.end(1, 11, 1);
  EXPECT_FALSE(copies.load(1).word.is_held());
  copies.move(1, 11, SlotState::kEnding);
  EXPECT_FALSE(copies.load(1).word.is_held()) << "over is over";
  // The next claim of the slot has no key: it does not inherit one.
  copies.note(1, 12, SlotWord::make(0, SlotState::kPending, kWeb, 4000, 2));
  EXPECT_EQ(text_view(copies.load(1).key), "");
  EXPECT_EQ(copies.load(1).memory_bytes, 0U);
}

/// A table that was damaged hands out a slot that this process holds: what it holds is remembered.
TEST(HeldCopies, a_slot_that_went_back_does_not_take_the_copy) {
  HeldCopies copies;
  ASSERT_TRUE(copies.create(4));
  copies.note(1, 11, SlotWord::make(0, SlotState::kActive, kWeb, 4000, 9));
  copies.note(1, 12, SlotWord::make(0, SlotState::kPending, kTrack, 500, 1));
  EXPECT_EQ(copies.load(1).nonce, 11U);
  copies.end(1, 12, 1);
  EXPECT_TRUE(copies.load(1).word.is_held());
  copies.end(1, 11, 9);
  copies.note(1, 13, SlotWord::make(0, SlotState::kPending, kTrack, 500, 10));
  EXPECT_EQ(copies.load(1).nonce, 13U);
}

}  // namespace
}  // namespace slotd
