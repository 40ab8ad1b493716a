// Who belongs to whom: every case is a small table of processes, and what follows from the rules in
// process_tree.hpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "broker/host/process_tree.hpp"

namespace slotd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr std::uint64_t kStart = 1000;

/// A process whose group and session are its own unless given. All started in the same tick.
ProcessStat process(int pid, int parent, int group = 0, int session = 0) {
  ProcessStat stat;
  stat.pid = pid;
  stat.parent = parent;
  stat.group = group != 0 ? group : pid;
  stat.session = session != 0 ? session : pid;
  stat.start_ticks = kStart;
  return stat;
}

KnownMember known(int pid, std::uint32_t owner) { return {pid, kStart, owner}; }

/// pid -> place of its owner, nobody's left out.
std::map<int, std::uint32_t> assign(std::vector<ProcessStat> processes, std::vector<int> owners,
                                    std::vector<KnownMember> before = {}) {
  std::sort(processes.begin(), processes.end(),
            [](const auto& a, const auto& b) { return a.pid < b.pid; });
  std::sort(before.begin(), before.end(),
            [](const auto& a, const auto& b) { return a.pid < b.pid; });
  const auto result = assign_owners(processes, owners, before);
  std::map<int, std::uint32_t> named;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (result[i] != kNobody) named[processes[i].pid] = result[i];
  }
  return named;
}

TEST(ProcessTree, DescendantsOfAnOwner) {
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(11, 10), process(12, 11), process(20, 1)},
             {10}),
      UnorderedElementsAre(Pair(10, 0), Pair(11, 0), Pair(12, 0)));
}

TEST(ProcessTree, ParentsMayHaveHigherPids) {
  EXPECT_THAT(assign({process(1, 0), process(90, 1), process(5, 90), process(3, 5)}, {90}),
              UnorderedElementsAre(Pair(90, 0), Pair(5, 0), Pair(3, 0)));
}

TEST(ProcessTree, TheNearestOwnerHasIt) {
  // A service (10), its handler that is an owner too (20), the handler's browser (21).
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(20, 10), process(21, 20), process(11, 10)},
             {10, 20}),
      UnorderedElementsAre(Pair(10, 0), Pair(11, 0), Pair(20, 1), Pair(21, 1)));
}

TEST(ProcessTree, MemberStaysWhenItsParentDies) {
  // 12's parent 11 has died; it hangs at init now, with a child that was not there before.
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(12, 1), process(13, 12)}, {10},
                     {known(10, 0), known(11, 0), known(12, 0)}),
              UnorderedElementsAre(Pair(10, 0), Pair(12, 0), Pair(13, 0)));
}

TEST(ProcessTree, MemberStaysWhenASubreaperThatIsAnOwnerTakesIt) {
  // The service 10 is a subreaper and an owner; 22 was the handler's (20).
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(20, 10), process(22, 10)}, {10, 20},
                     {known(10, 0), known(20, 1), known(21, 1), known(22, 1)}),
              UnorderedElementsAre(Pair(10, 0), Pair(20, 1), Pair(22, 1)));
}

TEST(ProcessTree, MembersFollowAHandlerThatHasBecomeAnOwner) {
  // At the last look 20 and 21 were the service's; now the slot is bound to 20.
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(20, 10), process(21, 20)}, {10, 20},
                     {known(10, 0), known(20, 0), known(21, 0)}),
              UnorderedElementsAre(Pair(10, 0), Pair(20, 1), Pair(21, 1)));
}

TEST(ProcessTree, MembersFollowThroughTwoNewOwners) {
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(20, 10), process(30, 20), process(31, 30)},
             {10, 20, 30}, {known(10, 0), known(20, 0), known(30, 0), known(31, 0)}),
      UnorderedElementsAre(Pair(10, 0), Pair(20, 1), Pair(30, 2), Pair(31, 2)));
}

TEST(ProcessTree, MembersReturnToTheServiceWhenTheHandlerIsNoOwnerAnyMore) {
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(20, 10), process(21, 20)}, {10},
                     {known(10, 0), known(20, kNobody), known(21, kNobody)}),
              UnorderedElementsAre(Pair(10, 0), Pair(20, 0), Pair(21, 0)));
}

TEST(ProcessTree, AReusedPidIsNoMember) {
  auto stranger = process(12, 1);
  stranger.start_ticks = 999'999;
  EXPECT_THAT(assign({process(1, 0), process(10, 1), stranger}, {10}, {known(10, 0), known(12, 0)}),
              UnorderedElementsAre(Pair(10, 0)));
}

TEST(ProcessTree, ForkedTwiceBetweenTwoLooksByItsGroup) {
  // 12 was never seen below 10, but it is in 10's group; 13 below it is in a group of its own.
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(12, 1, 10, 10), process(13, 12)}, {10}),
      UnorderedElementsAre(Pair(10, 0), Pair(12, 0), Pair(13, 0)));
}

TEST(ProcessTree, ForkedTwiceBetweenTwoLooksBySession) {
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(12, 1, 12, 10)}, {10}),
              UnorderedElementsAre(Pair(10, 0), Pair(12, 0)));
}

TEST(ProcessTree, ByAGroupWhoseLeaderWasAMemberAndHasDied) {
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(12, 1, 11, 11)}, {10},
                     {known(10, 0), known(11, 0)}),
              UnorderedElementsAre(Pair(10, 0), Pair(12, 0)));
}

TEST(ProcessTree, TheGroupComesBeforeTheSession) {
  // In the service's session, in the handler's group.
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(20, 10, 20, 10), process(21, 1, 20, 10)},
             {10, 20}),
      UnorderedElementsAre(Pair(10, 0), Pair(20, 1), Pair(21, 1)));
}

TEST(ProcessTree, ALeaderFoundByItsSessionCarriesItsGroup) {
  // 14 leads a group inside 10's session; 13 is in that group and in a session nobody knows.
  EXPECT_THAT(
      assign({process(1, 0), process(10, 1), process(13, 1, 14, 77), process(14, 1, 14, 10)}, {10}),
      UnorderedElementsAre(Pair(10, 0), Pair(13, 0), Pair(14, 0)));
}

TEST(ProcessTree, AYoungerParentIsNone) {
  // 20 is nobody's; its parent has ended, and the number 12 was given to a new child of the owner.
  auto reused = process(12, 10);
  reused.start_ticks = kStart + 1;
  EXPECT_THAT(assign({process(1, 0), process(10, 1), reused, process(20, 12)}, {10}),
              UnorderedElementsAre(Pair(10, 0), Pair(12, 0)));
}

TEST(ProcessTree, SharingAGroupWithAnOwnerThatIsNotItsLeaderSaysNothing) {
  // A shell's pipeline without job control: the shell (5) leads, the owner is one of many.
  EXPECT_THAT(
      assign({process(1, 0), process(5, 1), process(10, 5, 5, 5), process(11, 5, 5, 5)}, {10}),
      UnorderedElementsAre(Pair(10, 0)));
}

TEST(ProcessTree, TwoEntriesOfOneProcessCountAtTheFirst) {
  EXPECT_THAT(assign({process(1, 0), process(10, 1), process(11, 10)}, {10, 10}),
              UnorderedElementsAre(Pair(10, 0), Pair(11, 0)));
}

TEST(ProcessTree, OwnersWithoutAProcessAreSkipped) {
  EXPECT_THAT(assign({process(1, 0), process(10, 1)}, {999, 0, 10}),
              UnorderedElementsAre(Pair(10, 2)));
  EXPECT_TRUE(assign({}, {10}, {known(10, 0)}).empty());
  EXPECT_TRUE(assign({process(1, 0)}, {}, {known(1, 0)}).empty());  // the place is out of range
}

TEST(ProcessTree, AChainThatComesBackToItselfEnds) {
  EXPECT_TRUE(assign({process(2, 3), process(3, 4), process(4, 2), process(5, 4)}, {}).empty());
  // The ring is cut somewhere; the owner is its own in any case.
  EXPECT_EQ(assign({process(6, 6), process(10, 11), process(11, 10)}, {10}).at(10), 0U);
}

TEST(ProcessTree, OwnersThatSeemToBeBelowEachOtherEnd) {
  // What was known and what is now say the opposite.
  const auto named = assign({process(10, 20), process(20, 10), process(30, 20)}, {10, 20},
                            {known(10, 1), known(20, 0), known(30, 0)});
  EXPECT_EQ(named.at(10), 0U);
  EXPECT_EQ(named.at(20), 1U);
  EXPECT_EQ(named.size(), 3U);
}

TEST(ProcessTree, AChainOfThirtyThousandIsFollowed) {
  constexpr int kLength = 30'000;
  std::vector<ProcessStat> processes;
  for (int pid = 1; pid <= kLength; ++pid) processes.push_back(process(pid, pid + 1, 1, 1));
  const std::vector<int> owners{kLength};
  const auto result = assign_owners(processes, owners, {});
  EXPECT_EQ(std::count(result.begin(), result.end(), 0U), kLength);
}

}  // namespace
}  // namespace slotd::broker
