// Refusals with the figures that explain them, for machines and for people.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "slotd/segment.hpp"
#include "tests/support/heap_segment.hpp"
#include "tools/slotctl/commands/can_accept.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {
namespace {

Refusal refusal(Reason reason) {
  Refusal out;
  out.type = "participant";
  out.verdict.reason = reason;
  return out;
}

std::string json(const Refusal& out) { return print_json(refusal_json(out)); }
std::string text(const Refusal& out) { return refusal_text(out, Charset::kUtf8); }

TEST(Refusal, TypeLimit) {
  Refusal out = refusal(Reason::kTypeLimit);
  out.verdict.limit = 3;
  out.verdict.in_use = 3;
  EXPECT_EQ(json(out),
            R"({"schema":1,"refusal":"type_limit","type":"participant","limit":3,"in_use":3})");
  EXPECT_EQ(text(out), "type_limit: 3 of 3 in use");
}

TEST(Refusal, GroupLimit) {
  Refusal out = refusal(Reason::kGroupLimit);
  out.group = "pulse";
  out.verdict.weight = 4;
  out.verdict.limit = 60;
  out.verdict.in_use = 57;
  EXPECT_EQ(json(out), R"({"schema":1,"refusal":"group_limit","type":"participant",)"
                       R"("group":"pulse","weight":4,"limit":60,"in_use":57})");
  EXPECT_EQ(text(out), "group_limit: group 'pulse' has 57 of 60 in use, this takes 4");
}

TEST(Refusal, Cpu) {
  Refusal out = refusal(Reason::kCpu);
  out.verdict.required_micro = 2'000'000;
  out.verdict.available_micro = 1'600'000;
  EXPECT_EQ(json(out),
            R"({"schema":1,"refusal":"cpu","type":"participant","required":2.0,"available":1.6})");
  EXPECT_EQ(text(out), "cpu: required 2, available 1.6");
}

TEST(Refusal, WhatIsKeptForOthersIsSaid) {
  Refusal out = refusal(Reason::kCpu);
  out.verdict.required_micro = 2'000'000;
  out.verdict.available_micro = 1'600'000;
  out.verdict.kept_micro = 4'000'000;
  EXPECT_EQ(json(out), R"({"schema":1,"refusal":"cpu","type":"participant","required":2.0,)"
                       R"("available":1.6,"kept":4.0})");
  EXPECT_EQ(text(out), "cpu: required 2, available 1.6, 4 kept for types below their min");
  out = refusal(Reason::kGroupLimit);
  out.group = "pulse";
  out.verdict.weight = 4;
  out.verdict.limit = 60;
  out.verdict.in_use = 50;
  out.verdict.kept_weight = 8;
  EXPECT_EQ(json(out), R"({"schema":1,"refusal":"group_limit","type":"participant",)"
                       R"("group":"pulse","weight":4,"limit":60,"in_use":50,"kept":8})");
  EXPECT_EQ(
      text(out),
      "group_limit: group 'pulse' has 50 of 60 in use, 8 kept for types below their min, this "
      "takes 4");
}

TEST(Refusal, NegativeRoomIsShown) {
  Refusal out = refusal(Reason::kCpu);
  out.verdict.required_micro = 500'000;
  out.verdict.available_micro = -800'000;
  EXPECT_EQ(text(out), "cpu: required 0.5, available -0.8");
}

TEST(Refusal, Memory) {
  Refusal out = refusal(Reason::kMemory);
  out.verdict.memory_required = 1ULL << 30;
  out.verdict.memory_used = 7ULL << 30;
  out.verdict.memory_max = 9'000'000'000;
  EXPECT_EQ(json(out), R"({"schema":1,"refusal":"memory","type":"participant",)"
                       R"("required":1073741824,"used":7516192768,"max":9000000000})");
  EXPECT_EQ(text(out), "memory: required 1GiB, used 7GiB of 9GB");
}

TEST(Refusal, TooLargeForCpu) {
  Refusal out = refusal(Reason::kTooLarge);
  out.verdict.required_micro = 4'000'000;
  out.verdict.available_micro = 3'900'000;
  EXPECT_EQ(
      json(out),
      R"({"schema":1,"refusal":"too_large","type":"participant","required":4.0,"available":3.9})");
  EXPECT_EQ(text(out), "too_large: required 4, and there are only 3.9 cores in all");
}

TEST(Refusal, TooLargeForMemory) {
  Refusal out = refusal(Reason::kTooLarge);
  out.verdict.memory_required = 9ULL << 30;
  out.verdict.memory_max = 8ULL << 30;
  EXPECT_EQ(
      json(out),
      R"({"schema":1,"refusal":"too_large","type":"participant","required":9663676416,"max":8589934592})");
  EXPECT_EQ(text(out), "too_large: memory required 9GiB of 8GiB in all");
}

TEST(Refusal, TooLargeForAGroup) {
  Refusal out = refusal(Reason::kTooLarge);
  out.group = "pulse";
  out.verdict.weight = 4;
  out.verdict.limit = 3;
  EXPECT_EQ(
      json(out),
      R"({"schema":1,"refusal":"too_large","type":"participant","group":"pulse","weight":4,"limit":3})");
}

TEST(Refusal, TableFull) {
  Refusal out = refusal(Reason::kTableFull);
  out.verdict.limit = 1024;
  out.verdict.in_use = 1024;
  EXPECT_EQ(text(out), "table_full: 1024 of 1024 in use");
}

TEST(Refusal, ReasonsWithoutFigures) {
  for (const Reason reason : {Reason::kDraining, Reason::kDuplicateKey, Reason::kQueuedAhead,
                              Reason::kContended, Reason::kUnknownType}) {
    const std::string name = reason_name(reason);
    EXPECT_EQ(json(refusal(reason)),
              R"({"schema":1,"refusal":")" + name + R"(","type":"participant"})");
    EXPECT_EQ(text(refusal(reason)), name);
  }
}

TEST(Refusal, UntrustedNamesAreEscapedForPeople) {
  Refusal out = refusal(Reason::kGroupLimit);
  out.group = "\x1b[2J";
  EXPECT_EQ(text(out).find('\x1b'), std::string::npos);
}

broker::LedgerSpec spec_with_alias_and_group() {
  broker::LedgerSpec spec = testing::make_spec(12'000'000);
  spec.aliases.push_back({"media", testing::kParticipant});
  broker::LedgerGroup group;
  group.name = "web";
  group.limit = 18;
  group.weights[testing::kWeb] = 1;
  spec.groups.push_back(group);
  return spec;
}

TEST(MakeRefusal, SuggestsNamesAndAliases) {
  const testing::HeapSegment segment(spec_with_alias_and_group());
  Verdict verdict;
  verdict.reason = Reason::kUnknownType;
  EXPECT_EQ(make_refusal(segment.view(), verdict, "participnt").did_you_mean, "participant");
  EXPECT_EQ(make_refusal(segment.view(), verdict, "medai").did_you_mean, "media");
  EXPECT_EQ(make_refusal(segment.view(), verdict, "zzz").did_you_mean, "");
}

TEST(MakeRefusal, NamesTypeAndGroupAsTheConfigurationDoes) {
  const testing::HeapSegment segment(spec_with_alias_and_group());
  Verdict verdict;
  verdict.reason = Reason::kGroupLimit;
  verdict.weight = 1;
  const Refusal out = make_refusal(segment.view(), verdict, "media");
  EXPECT_EQ(out.type, "participant");
  EXPECT_EQ(out.group, "web");
}

TEST(CanAccept, Yes) {
  const Refusal yes = refusal(Reason::kNone);
  EXPECT_EQ(print_json(can_accept_json(yes, 1)),
            R"({"schema":1,"type":"participant","can_accept":true,"refusal":null,"affinity":1})");
  EXPECT_EQ(can_accept_text(yes, 0.5, Charset::kUtf8), "participant: yes; affinity 0.5\n");
}

TEST(CanAccept, No) {
  Refusal no = refusal(Reason::kTypeLimit);
  no.verdict.limit = 3;
  no.verdict.in_use = 4;
  EXPECT_EQ(print_json(can_accept_json(no, -1)),
            R"({"schema":1,"type":"participant","can_accept":false,"refusal":"type_limit",)"
            R"("affinity":-1,"limit":3,"in_use":4})");
  EXPECT_EQ(can_accept_text(no, -1, Charset::kUtf8),
            "participant: no, type_limit: 4 of 3 in use; affinity -1\n");
}

}  // namespace
}  // namespace slotd::ctl
