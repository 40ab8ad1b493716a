// `slots`, `procs`, `limits`, `drain` and the answers to steps: the contract's fields with literal
// figures, and the tables.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/drain.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/procs.hpp"
#include "tools/slotctl/commands/report.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {
namespace {

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(SlotsJson, HasTheContractsFields) {
  const std::string text = print_json(slots_json(sampled_node({held_slot()})));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_EQ(
      text,
      R"({"schema":1,"slots":[{"slot":5,"token":"v1-a-5-b-4d","type":"participant","key":"EG_1",)"
      R"("state":"active","owner":{"pid":4712,"name":"handler","dead":false},"cpu":2.0,)"
      R"("charge":2.5,"measured":2.734567,"memory":1073741824,"age":12.5,)"
      R"("charge_source":"measured","memory_measured":891289600,"memory_pending":182452224,)"
      R"("source":"tree","sample_age":0.4,"reported":null,"notice":null,"active_age":10.25}]})");
}

TEST(SlotsJson, WhatIsNotThereIsNull) {
  Snapshot snapshot = sampled_node({held_slot()});
  SlotSnapshot& slot = snapshot.slots[0];
  slot.key.clear();
  slot.word = SlotWord::make(9, SlotState::kPending, 2, 2000, 77);
  slot.charge_micro = 2'000'000;
  slot.charge_origin = ChargeOrigin::kReserved;
  slot.measured_micro.reset();
  slot.measured_memory_bytes.reset();  // whatever is known of its owner
  slot.active_s = -1;
  const std::string text = print_json(slots_json(snapshot));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_TRUE(has(text, R"("key":null)"));
  EXPECT_TRUE(has(text, R"("measured":null)"));
  EXPECT_TRUE(has(text, R"("charge_source":"reserved","memory_measured":null)")) << text;
  EXPECT_TRUE(has(text, R"("source":null,"sample_age":null)")) << text;
  EXPECT_TRUE(has(text, R"("active_age":null)")) << text;
}

TEST(SlotsJson, ReportsAndNotices) {
  SlotSnapshot slot = held_slot();
  slot.charge_origin = ChargeOrigin::kReported;
  slot.reported.cpu_micro = 300'000;
  slot.notice = Notice::kMemory;
  slot.origin = UsageOrigin::kCgroup;
  SlotSnapshot other = held_slot();
  other.reported.memory_bytes = 9'000'000'000;
  other.notice = Notice::kCpu;
  other.origin = UsageOrigin::kClock;
  const std::string text = print_json(slots_json(sampled_node({slot, other})));
  EXPECT_EQ(problems("slots", text), "");
  EXPECT_TRUE(has(text, R"("charge_source":"reported")")) << text;
  EXPECT_TRUE(has(text, R"("reported":{"cpu":0.3,"memory":null},"notice":"memory")")) << text;
  EXPECT_TRUE(has(text, R"("reported":{"cpu":null,"memory":9000000000},"notice":"cpu")")) << text;
  EXPECT_TRUE(has(text, R"("source":"cgroup")"));
  EXPECT_TRUE(has(text, R"("source":"clock")"));
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
  // 2.734567 cores to the millicore is 2.735.
  EXPECT_EQ(
      slots_text(sampled_node({held_slot()}), {}, Charset::kUtf8),
      "SLOT TYPE        STATE    AGE CPU  USED CHARGE BY       MEMORY   USED  PID OWNER   KEY\n"
      "   5 participant active 12.5s   2 2.735    2.5 measured   1GiB 850MiB 4712 handler EG_1\n"
      "\n"
      "measured 0.4s ago, by process trees (source tree)\n");
}

TEST(SlotsText, ColumnsThatSayNothingAreLeftOut) {
  SlotSnapshot slot = held_slot();
  slot.key.clear();
  slot.memory_bytes = 0;
  slot.charge_micro = 2'000'000;
  slot.charge_origin = ChargeOrigin::kReserved;
  slot.measured_micro.reset();
  slot.measured_memory_bytes.reset();
  slot.origin = UsageOrigin::kNone;
  Snapshot snapshot = sampled_node({slot});
  snapshot.broker.sample_age_s = -1;
  EXPECT_EQ(slots_text(snapshot, {}, Charset::kUtf8),
            "SLOT TYPE        STATE    AGE CPU USED CHARGE BY        PID OWNER\n"
            "   5 participant active 12.5s   2    -      2 reserved 4712 handler\n"
            "\n"
            "nothing measured yet\n");
}

TEST(SlotsText, SourcesThatDifferHaveAColumn) {
  SlotSnapshot other = held_slot();
  other.origin = UsageOrigin::kClock;
  const std::string text = slots_text(sampled_node({held_slot(), other}), {}, Charset::kUtf8);
  EXPECT_TRUE(has(text, "  USED SOURCE  PID ")) << text;
  EXPECT_TRUE(has(text, "850MiB tree   4712 ")) << text;
  EXPECT_TRUE(has(text, "850MiB clock  4712 ")) << text;
  EXPECT_TRUE(has(text, "\nmeasured 0.4s ago\n")) << text;
}

TEST(SlotsText, NoticesCannotBeMissed) {
  SlotSnapshot slot = held_slot();
  slot.notice = Notice::kCpu;
  SlotSnapshot calm = held_slot();
  calm.slot = 6;
  SlotSnapshot large = held_slot();
  large.slot = 7;
  large.owner_pid = 4800;
  large.notice = Notice::kMemory;
  const std::string text = slots_text(sampled_node({slot, calm, large}), {}, Charset::kUtf8);
  EXPECT_EQ(text.substr(0, text.find("\n\n")),
            "NOTICE  slot 5, pid 4712, cpu: the node is too busy, and this job over its cost\n"
            "NOTICE  slot 7, pid 4800, memory: the owners use too much, and this job the most");
  EXPECT_TRUE(has(text, "SLOT NOTICE TYPE ")) << text;
  EXPECT_TRUE(has(text, "   5 cpu    participant ")) << text;
  EXPECT_TRUE(has(text, "   6 -      participant ")) << text;
  EXPECT_TRUE(has(text, "   7 memory participant ")) << text;
  const std::string coloured =
      slots_text(sampled_node({slot}), {true, std::nullopt}, Charset::kUtf8);
  EXPECT_TRUE(has(coloured, "\033[31mNOTICE  slot 5")) << coloured;
}

TEST(SlotsText, ReportsAreShown) {
  SlotSnapshot slot = held_slot();
  slot.reported = {300'000, 9'000'000'000};  // 9e9 / 2^30 is 8.38
  const std::string text = slots_text(sampled_node({slot}), {}, Charset::kUtf8);
  EXPECT_TRUE(has(text, "BY          REPORTED MEMORY ")) << text;
  EXPECT_TRUE(has(text, "measured 0.3, 8.3GiB   1GiB ")) << text;
}

TEST(SlotsText, StaleFiguresSaySo) {
  Snapshot snapshot = sampled_node({held_slot()});
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", 12.3, true};
  EXPECT_TRUE(has(slots_text(snapshot, {}, Charset::kUtf8),
                  "\nSTALE     measured 12.3s ago, broker down: not what is used now\n"));
  snapshot.broker.state = BrokerState::kReady;
  EXPECT_TRUE(has(slots_text(snapshot, {true, std::nullopt}, Charset::kUtf8),
                  "\033[31mSTALE     measured 12.3s ago, broker late: "));
}

TEST(SlotsText, IsTwoTablesWhereOneIsTooWide) {
  SlotSnapshot slot = held_slot();
  slot.slot = 1023;
  slot.type = "audio_room_composite";
  slot.key = "EG_7mJ2kqXw9sTz";
  slot.owner_pid = 1'234'567;
  slot.age_s = 12'345;
  slot.reported = {300'000, 9'000'000'000};
  const Snapshot snapshot = sampled_node({slot});
  const std::string at_80 =
      "SLOT TYPE                 STATE    AGE     PID OWNER   KEY\n"
      "1023 audio_room_composite active 3h25m 1234567 handler EG_7mJ2kqXw9sTz\n"
      "\n"
      "SLOT TYPE                 CPU  USED CHARGE BY          REPORTED MEMORY   USED\n"
      "1023 audio_room_composite   2 2.735    2.5 measured 0.3, 8.3GiB   1GiB 850MiB\n"
      "\n"
      "measured 0.4s ago, by process trees (source tree)\n";
  EXPECT_EQ(slots_text(snapshot, {false, 80}, Charset::kUtf8), at_80);
  // As wide as the one table is, and one less.
  const std::string whole = slots_text(snapshot, {}, Charset::kUtf8);
  const std::size_t heading =
      whole.find('\n');  // ends with the key's, which is shorter than the key
  const std::size_t width = whole.find('\n', heading + 1) - heading - 1;
  EXPECT_EQ(slots_text(snapshot, {false, width}, Charset::kUtf8), whole);
  EXPECT_EQ(slots_text(snapshot, {false, width - 1}, Charset::kUtf8), at_80);
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
  Snapshot snapshot = sampled_node({});
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
  process.measured_micro = 1'734'211;
  process.memory_bytes = 850ULL << 20;
  process.origin = UsageOrigin::kCgroup;
  ProcessSnapshot other = process;
  other.uid = ~std::uint64_t{0};
  other.liveness = Liveness::kDead;
  other.measured_micro.reset();
  other.memory_bytes.reset();
  other.origin = UsageOrigin::kNone;
  snapshot.processes = {process, other};
  const std::string text = print_json(procs_json(snapshot));
  EXPECT_EQ(problems("procs", text), "");
  EXPECT_TRUE(has(text, R"("liveness":"presence","watched":true,"age":200.0,)"
                        R"("measured":1.734211,"memory":891289600,"source":"cgroup",)"
                        R"("sample_age":0.4)"))
      << text;
  EXPECT_TRUE(has(text, R"("uid":null)")) << text;
  EXPECT_TRUE(has(text, R"("measured":null,"memory":null,"source":null,"sample_age":null)"))
      << text;
  EXPECT_EQ(procs_text(snapshot, {}, Charset::kUtf8),
            " PID NAME     UID SLOTS LIVENESS WATCHED   AGE   CPU MEMORY SOURCE\n"
            "4712 handler 1000     2 presence yes     3m20s 1.734 850MiB cgroup\n"
            "4712 handler    -     2 dead     yes     3m20s     -      - -\n"
            "\n"
            "measured 0.4s ago\n");
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
            "track            -        -         -      0    0 as web\n"
            "\n"
            "GROUP LIMIT IN USE DEBT\n"
            "web      18      0    0\n");
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

TEST(ReportJson, SaysWhatWasGiven) {
  const std::string both = print_json(report_json(2, {300'000, 9'000'000'000}));
  EXPECT_EQ(both, R"({"schema":1,"slot":2,"reported":{"cpu":0.3,"memory":9000000000}})");
  EXPECT_EQ(problems("report", both), "");
  const std::string one = print_json(report_json(2, {std::nullopt, 0}));
  EXPECT_EQ(one, R"({"schema":1,"slot":2,"reported":{"cpu":null,"memory":0}})");
  EXPECT_EQ(problems("report", one), "");
}

TEST(RoundedCoresText, ToTheNearestMillicore) {
  EXPECT_EQ(rounded_cores_text(0), "0");
  EXPECT_EQ(rounded_cores_text(499), "0");
  EXPECT_EQ(rounded_cores_text(500), "0.001");
  EXPECT_EQ(rounded_cores_text(1'734'211), "1.734");
  EXPECT_EQ(rounded_cores_text(1'999'500), "2");
  EXPECT_EQ(rounded_cores_text(-800'499), "-0.8");
  EXPECT_EQ(rounded_cores_text(-800'500), "-0.801");
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
