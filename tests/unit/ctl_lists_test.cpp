// `slots`, `procs`, `limits`, `drain` and the answers to steps: the contract's fields with literal
// figures, and the tables.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/drain.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/procs.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(SlotsJson, HasTheContractsFields) {
  Snapshot snapshot;
  snapshot.slots = {held_slot()};
  const std::string text = print_json(slots_json(snapshot));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_EQ(
      text,
      R"({"schema":1,"slots":[{"slot":5,"token":"v1-a-5-b-4d","type":"participant","key":"EG_1",)"
      R"("state":"active","owner":{"pid":4712,"name":"handler","dead":false},"cpu":2.0,)"
      R"("charge":2.5,"measured":2.5,"memory":1073741824,"age":12.5}]})");
}

TEST(SlotsJson, WhatIsNotThereIsNull) {
  Snapshot snapshot;
  snapshot.slots = {held_slot()};
  snapshot.slots[0].key.clear();
  snapshot.slots[0].measured = false;
  const std::string text = print_json(slots_json(snapshot));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_TRUE(has(text, R"("key":null)"));
  EXPECT_TRUE(has(text, R"("measured":null)"));
}

TEST(SlotsJson, IsValidWhateverTheKeyHolds) {
  Snapshot snapshot;
  snapshot.stable = false;
  snapshot.slots = {held_slot()};
  snapshot.slots[0].key = "\xff\xfe\"\n";
  snapshot.slots[0].owner_name = "\x1b[31m";
  const std::string text = print_json(slots_json(snapshot));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_FALSE(has(text, "\x1b"));
  EXPECT_TRUE(has(text, R"("unstable":true)"));
}

TEST(SlotStates, HaveTheContractsNames) {
  EXPECT_STREQ(slot_state_name(SlotState::kPending), "pending");
  EXPECT_STREQ(slot_state_name(SlotState::kActive), "active");
  EXPECT_STREQ(slot_state_name(SlotState::kEnding), "ending");
  EXPECT_STREQ(slot_state_name(static_cast<SlotState>(7)), "invalid");
}

TEST(SlotsText, ALineASlot) {
  Snapshot snapshot;
  snapshot.slots = {held_slot()};
  EXPECT_EQ(slots_text(snapshot, {}, Charset::kUtf8),
            "SLOT TYPE        STATE    AGE CPU CHARGE MEMORY  PID OWNER   KEY\n"
            "   5 participant active 12.5s   2    2.5   1GiB 4712 handler EG_1\n");
}

TEST(SlotsText, DeadOwnersAndEvilKeys) {
  Snapshot snapshot;
  snapshot.slots = {held_slot()};
  snapshot.slots[0].owner_dead = true;
  snapshot.slots[0].key = "EG\x1b[2J\xff";
  const std::string text = slots_text(snapshot, {}, Charset::kUtf8);
  EXPECT_TRUE(has(text, "handler (dead)")) << text;
  EXPECT_TRUE(has(text, "EG\\x1b[2J\\xff")) << text;
}

TEST(ProcsJson, SaysHowLivenessIsKnown) {
  Snapshot snapshot;
  ProcessSnapshot process;
  process.index = 3;
  process.pid = 4712;
  process.pid_ns_inode = 4026531836;
  process.uid = 1000;
  process.name = "handler";
  process.liveness = Liveness::kPresence;
  process.watched = true;
  process.slots = 2;
  process.attached_age_s = 200;
  ProcessSnapshot other = process;
  other.uid = ~std::uint64_t{0};
  other.liveness = Liveness::kDead;
  snapshot.processes = {process, other};
  const std::string text = print_json(procs_json(snapshot));
  EXPECT_EQ(problems("procs", text), "");
  EXPECT_TRUE(has(text, R"("liveness":"presence","watched":true,"age":200.0)")) << text;
  EXPECT_TRUE(has(text, R"("uid":null)")) << text;
  EXPECT_EQ(procs_text(snapshot, {}, Charset::kUtf8),
            " PID NAME     UID SLOTS LIVENESS WATCHED   AGE\n"
            "4712 handler 1000     2 presence yes     3m20s\n"
            "4712 handler    -     2 dead     yes     3m20s\n");
}

TEST(LimitDebt, IsWhatIsHeldBeyondTheLimit) {
  EXPECT_EQ(limit_debt(3, 5), 0U);
  EXPECT_EQ(limit_debt(5, 5), 0U);
  EXPECT_EQ(limit_debt(5, 2), 3U);
  EXPECT_EQ(limit_debt(5, 0), 5U);
  EXPECT_EQ(limit_debt(4096, kNoLimit), 0U);
}

TEST(LimitsJson, ConfigOverrideEffectiveDebt) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].overridden = true;
  snapshot.types[0].limit = 1;
  snapshot.types[1].overridden = true;
  snapshot.types[1].configured_limit = 10;
  const std::string text = print_json(limits_json(snapshot));
  EXPECT_EQ(problems("limits", text), "");
  EXPECT_TRUE(has(text, R"({"type":"participant","config":3,"overridden":true,"override":1,)"
                        R"("effective":1,"in_use":3,"debt":2,)"))
      << text;
  EXPECT_TRUE(has(text, R"({"type":"track","config":10,"overridden":true,"override":null,)"
                        R"("effective":null,"in_use":0,"debt":0,)"))
      << text;
}

TEST(LimitsText, ConfigOverrideEffectiveDebt) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].overridden = true;
  snapshot.types[0].limit = 1;
  snapshot.types[0].draining = true;
  snapshot.types[1].counts_as = "web";
  EXPECT_EQ(limits_text(snapshot, {}, Charset::kUtf8),
            "TYPE        CONFIG OVERRIDE EFFECTIVE IN USE DEBT NOTE\n"
            "participant      3        1         1      3    2 draining\n"
            "track            -        -         -      0    0 as web\n");
}

TEST(ParseLimitSetting, TypeAndFigure) {
  std::string problem;
  const auto setting = parse_limit_setting("participant=4", problem);
  ASSERT_TRUE(setting);
  EXPECT_EQ(setting->type, "participant");
  EXPECT_EQ(setting->limit, 4U);
  EXPECT_EQ(parse_limit_setting("web=unlimited", problem)->limit, kNoLimit);
  EXPECT_EQ(parse_limit_setting("web=0", problem)->limit, 0U);
  EXPECT_EQ(parse_limit_setting("a=b=1", problem)->type, "a=b");
}

TEST(ParseLimitSetting, AnythingElseIsAProblem) {
  for (const char* text :
       {"participant", "=4", "web=", "web=-1", "web=1.5", "web=010", "web=4294967295", "web=x"}) {
    std::string problem;
    EXPECT_FALSE(parse_limit_setting(text, problem)) << text;
    EXPECT_NE(problem, "") << text;
  }
}

TEST(DrainJson, NodeAndTypes) {
  const std::string text = print_json(drain_json(true, {"web", "track"}));
  EXPECT_EQ(text, R"({"schema":1,"node":true,"types":["web","track"]})");
  EXPECT_EQ(problems("drain", text), "");
}

TEST(TokenJson, HasTheContractsFields) {
  const std::string text = print_json(token_json("v1-1-2-3-4", 2, "participant", 4711));
  EXPECT_EQ(
      text,
      R"({"schema":1,"token":"v1-1-2-3-4","slot":2,"type":"participant","owner":{"pid":4711}})");
  EXPECT_EQ(problems("token", text), "");
}

TEST(StepJson, SlotAndState) {
  EXPECT_EQ(print_json(step_json(2, "free")), R"({"schema":1,"slot":2,"state":"free"})");
  EXPECT_EQ(problems("step", print_json(step_json(2, "ending"))), "");
}

TEST(AgeText, ForEyes) {
  EXPECT_EQ(age_text(0), "0.0s");
  EXPECT_EQ(age_text(-3), "0.0s");
  EXPECT_EQ(age_text(12.56), "12.5s");
  EXPECT_EQ(age_text(59.99), "59.9s");
  EXPECT_EQ(age_text(60), "1m00s");
  EXPECT_EQ(age_text(200), "3m20s");
  EXPECT_EQ(age_text(3600 * 2 + 300), "2h05m");
  EXPECT_EQ(age_text(86400 * 4 + 3600 * 3), "4d03h");
}

}  // namespace
}  // namespace slotd::ctl
