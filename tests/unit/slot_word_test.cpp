// Slot and charge words: bit positions, states, and what counts.
#include "slotd/slot_word.hpp"

#include <gtest/gtest.h>

namespace slotd {
namespace {

TEST(SlotWord, PacksEveryFieldWhereTheLayoutSaysSo) {
  const SlotWord word = SlotWord::make(1, SlotState::kClaiming, 1, 1, 1);
  EXPECT_EQ(word.raw, 1ULL | 1ULL << 20 | 1ULL << 25 | 1ULL << 28 | 1ULL << 38);
  const SlotWord full = SlotWord::make(1023, SlotState::kEnding, 31, 1048575, kGenerationMask);
  EXPECT_EQ(full.owner(), 1023U);
  EXPECT_EQ(full.state(), SlotState::kEnding);
  EXPECT_EQ(full.type(), 31U);
  EXPECT_EQ(full.cost_milli(), 1048575U);
  EXPECT_EQ(full.generation(), 67108863U);
}

TEST(SlotWord, ZeroIsAFreeSlotOfGenerationZero) {
  EXPECT_TRUE(SlotWord{}.is_free());
  EXPECT_TRUE(SlotWord{}.is_valid());
  EXPECT_EQ(SlotWord{}.generation(), 0U);
}

TEST(SlotWord, HeldAndCountedStates) {
  const auto in = [](SlotState state) { return SlotWord::make(1, state, 0, 0, 0); };
  EXPECT_FALSE(in(SlotState::kClaiming).is_counted());
  EXPECT_TRUE(in(SlotState::kTentative).is_counted());
  EXPECT_FALSE(in(SlotState::kTentative).is_held());
  for (const SlotState held : {SlotState::kPending, SlotState::kActive, SlotState::kEnding}) {
    EXPECT_TRUE(in(held).is_held());
    EXPECT_TRUE(in(held).is_counted());
  }
}

TEST(SlotWord, FreeingKeepsOnlyTheGeneration) {
  const SlotWord word = SlotWord::make(7, SlotState::kActive, 3, 1500, 99);
  EXPECT_EQ(word.freed().raw, 99ULL << 38);
  EXPECT_TRUE(word.freed().is_valid());
}

TEST(SlotWord, TransferGrowsTheGenerationAndWrapsAt26Bits) {
  const SlotWord word = SlotWord::make(7, SlotState::kPending, 3, 1500, kGenerationMask);
  const SlotWord moved = word.transferred(9);
  EXPECT_EQ(moved.owner(), 9U);
  EXPECT_EQ(moved.generation(), 0U);
  EXPECT_EQ(moved.state(), SlotState::kPending);
  EXPECT_EQ(moved.cost_milli(), 1500U);
}

TEST(SlotWord, SameClaimIgnoresMovesAmongHeldStatesOnly) {
  const SlotWord pending = SlotWord::make(7, SlotState::kPending, 3, 1500, 5);
  EXPECT_TRUE(pending.same_claim(pending.with_state(SlotState::kEnding)));
  EXPECT_FALSE(pending.same_claim(SlotWord::make(7, SlotState::kPending, 3, 1500, 6)));
  EXPECT_FALSE(pending.same_claim(SlotWord::make(7, SlotState::kPending, 4, 1500, 5)));
  EXPECT_FALSE(pending.same_claim(SlotWord::make(7, SlotState::kPending, 3, 1501, 5)));
}

TEST(SlotWord, UnusedStatesAndOwnerlessWordsAreInvalid) {
  EXPECT_FALSE(SlotWord::make(1, static_cast<SlotState>(7), 0, 0, 0).is_valid());
  EXPECT_FALSE(SlotWord::make(0, SlotState::kActive, 0, 0, 0).is_valid());
  EXPECT_FALSE(SlotWord{1}.is_valid());  // free, yet with a cost
}

TEST(ChargeWord, SpeaksOnlyOfItsOwnGeneration) {
  const SlotWord word = SlotWord::make(1, SlotState::kActive, 0, 2000, 5);
  EXPECT_EQ(charge_micro(word, ChargeWord::make(5, ChargeWord::kValid, 1'500'000), false),
            1'500'000U);
  EXPECT_EQ(charge_micro(word, ChargeWord::make(4, ChargeWord::kValid, 1'500'000), false),
            2'000'000U);
  EXPECT_EQ(charge_micro(word, ChargeWord{}, false), 2'000'000U);
}

TEST(ChargeWord, BelowTheReservedCostOnlyWhileTheBrokerIsUp) {
  const SlotWord word = SlotWord::make(1, SlotState::kActive, 0, 2000, 5);
  EXPECT_EQ(charge_micro(word, ChargeWord::make(5, ChargeWord::kValid, 1'500'000), true),
            2'000'000U);
  EXPECT_EQ(charge_micro(word, ChargeWord::make(5, ChargeWord::kValid, 2'500'000), true),
            2'500'000U);
}

TEST(ChargeWord, SaturatesInsteadOfWrapping) {
  EXPECT_EQ(ChargeWord::make(0, ChargeWord::kValid, ~0ULL).figure_micro(), 1'073'741'823U);
}

}  // namespace
}  // namespace slotd
