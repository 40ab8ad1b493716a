// doctor on real segments: whole, broken in each way, left behind by the dead, and seen by users
// who may not.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "slotd/layout.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 1 }\n"
    "types:\n"
    "  track: { max: 5, cpu: 0.1 }\n"
    "segment: { slots: 16, processes: 16, mode: \"0664\" }\n";

class SlotctlDoctor : public ::testing::Test {
 protected:
  Ran doctor(const Words& options = {}) const {
    Words words{"doctor"};
    words.insert(words.end(), options.begin(), options.end());
    return slotctl_(words);
  }
  /// The level of one check; "" where it was not made. The document follows its schema.
  std::string level(const std::string& check, const Words& options = {}) const {
    Words words{"-J"};
    words.insert(words.end(), options.begin(), options.end());
    const Ran ran = doctor(words);
    EXPECT_EQ(schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", "doctor", ran.out),
              "");
    const AnyJson document = ran.json();
    EXPECT_EQ(ran.status, document["worst"] == "fail" ? 1 : 0);
    for (const AnyJson& row : document["checks"]) {
      if (row["check"] == check) return row["level"];
    }
    return "";
  }
  /// What is wrong with the segment itself: said, with a remedy, and exit status 1.
  void expect_broken(const std::string& text) const {
    const Ran ran = doctor();
    EXPECT_EQ(ran.status, 1) << ran.out;
    EXPECT_NE(ran.out.find("fail  segment"), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(text), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find("remedy: "), std::string::npos) << ran.out;
    EXPECT_EQ(ran.err, "");
    EXPECT_EQ(level("segment"), "fail");
    EXPECT_EQ(level("broker"), "") << "nothing is judged that cannot be seen";
    EXPECT_EQ(doctor({"--fix"}).status, 1) << "there is nothing to fix by this";
  }
  void write_at(std::size_t offset, std::uint64_t value) const {
    std::fstream file(broker_.segment(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(reinterpret_cast<const char*>(&value), sizeof(value));
  }

  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlDoctor, NothingFailsOnAHealthyNode) {
  const Ran ran = doctor();
  EXPECT_EQ(ran.status, 0) << ran.out;
  EXPECT_EQ(ran.out.find("fail"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("ok    broker"), std::string::npos) << ran.out;
  for (const char* check : {"segment", "place", "membership", "broker", "samples", "dead owners",
                            "invariants", "tables", "drain", "limits", "capacity"}) {
    EXPECT_EQ(level(check), "ok") << check << '\n' << ran.out;
  }
  EXPECT_EQ(doctor({"-q"}).out.find("ok "), std::string::npos) << "only what is not";
}

TEST_F(SlotctlDoctor, BrokerThatIsDownFails) {
  broker_.kill_now();
  EXPECT_EQ(level("broker"), "fail");
  EXPECT_NE(doctor().out.find("down: it has ended"), std::string::npos) << doctor().out;
}

TEST_F(SlotctlDoctor, BrokerThatIsStoppedFails) {
  broker_.signal(SIGSTOP);
  EXPECT_TRUE(wait_until([&] { return level("broker") == "fail"; }));
  EXPECT_NE(doctor().out.find("pid " + std::to_string(broker_.pid()) + ", version"),
            std::string::npos);
  EXPECT_EQ(level("samples"), "warn");
  broker_.signal(SIGCONT);
  EXPECT_TRUE(wait_until([&] { return level("broker") == "ok"; }));
}

TEST_F(SlotctlDoctor, NoSegment) {
  broker_.kill_now();
  std::filesystem::remove(broker_.segment());
  expect_broken("no segment here");
}

TEST_F(SlotctlDoctor, TruncatedSegment) {
  broker_.kill_now();
  std::filesystem::resize_file(broker_.segment(), 8192);
  expect_broken("contradicts itself or the file's size");
  std::filesystem::resize_file(broker_.segment(), 100);
  expect_broken("too small");
}

TEST_F(SlotctlDoctor, SegmentThatIsNone) {
  broker_.kill_now();
  write_at(offsetof(Header, magic), 0x1234);
  expect_broken("contradicts itself");
}

TEST_F(SlotctlDoctor, SegmentOfAnotherLayout) {
  broker_.kill_now();
  write_at(offsetof(Header, fingerprint), 0x1234);
  expect_broken("0000000000001234");
}

TEST_F(SlotctlDoctor, RetiredSegment) {
  broker_.kill_now();
  write_at(offsetof(Header, state), static_cast<std::uint64_t>(SegmentState::kRetired));
  expect_broken("was replaced by the broker");
}

TEST_F(SlotctlDoctor, SegmentThatIsBeingMade) {
  broker_.kill_now();
  write_at(offsetof(Header, state), static_cast<std::uint64_t>(SegmentState::kBuilding));
  expect_broken("is being made");
}

TEST_F(SlotctlDoctor, SegmentOfAnEarlierBoot) {
  broker_.kill_now();
  write_at(offsetof(Header, boot_id), 0x1234);
  expect_broken("earlier boot");
}

TEST_F(SlotctlDoctor, DeadOwnersAreReportedAndFixed) {
  broker_.kill_now();
  Sleeper dead;
  Sleeper alive;
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--pid", dead.pid_text()}).status, 0);
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--pid", alive.pid_text()}).status, 0);
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--pid", dead.pid_text()}).status, 0);
  EXPECT_EQ(level("dead owners"), "ok");
  dead.die();
  EXPECT_EQ(level("dead owners"), "warn");
  EXPECT_NE(doctor().out.find("2 slots: 0, 2"), std::string::npos) << doctor().out;
  const SegmentProbe probe(broker_.segment());
  EXPECT_EQ(probe.taken(), 3U) << "looking frees nothing";
  const Ran fixed = doctor({"--fix", "-J"});
  EXPECT_EQ(fixed.json()["fixed"][0], "freed what dead owners held: slot 0, 2") << fixed.out;
  EXPECT_EQ(fixed.status, 1) << "the broker is still down";
  EXPECT_EQ(probe.taken(), 1U);
  const AnyJson slots = slotctl_({"slots", "-J"}).json()["slots"];
  ASSERT_EQ(slots.size(), 1U);
  EXPECT_EQ(slots[0]["owner"]["pid"], alive.pid());
  EXPECT_EQ(slotctl_({"status", "-J"}).json()["counters"]["reaped"], 2);
  EXPECT_EQ(level("dead owners"), "ok");
  EXPECT_EQ(doctor({"--fix", "-J"}).json()["fixed"].size(), 0U) << "nothing twice";
}

TEST_F(SlotctlDoctor, FixTakesNothingFromTheLiving) {
  broker_.kill_now();
  Sleeper alive;
  for (int i = 0; i < 4; ++i)
    ASSERT_EQ(slotctl_({"claim", "-t", "track", "--pid", alive.pid_text()}).status, 0);
  EXPECT_EQ(doctor({"--fix"}).out.find("freed"), std::string::npos);
  EXPECT_EQ(slotctl_({"slots", "-J"}).json()["slots"].size(), 4U);
}

TEST_F(SlotctlDoctor, DrainThatARebuildLeftBehind) {
  broker_.kill_now();
  write_at(offsetof(Header, drain), kDrainRebuild);
  EXPECT_EQ(level("drain"), "warn");
  // Made longer ago than a rebuild can take.
  write_at(offsetof(Header, created_at_ns), 1);
  EXPECT_NE(doctor().out.find("whose broker is gone"), std::string::npos) << doctor().out;
  EXPECT_NE(doctor({"--fix"}).out.find("ended the drain"), std::string::npos);
  EXPECT_EQ(level("drain"), "ok");
}

TEST_F(SlotctlDoctor, WhatOperatorsLeftBehind) {
  ASSERT_EQ(slotctl_({"limits", "set", "track=1"}).status, 0);
  ASSERT_EQ(slotctl_({"drain", "track"}).status, 0);
  EXPECT_EQ(level("limits"), "warn");
  EXPECT_EQ(level("drain"), "warn");
  EXPECT_EQ(doctor({"--fix"}).status, 0) << "warnings, and none of doctor's business to undo";
  EXPECT_EQ(level("limits"), "warn");
  ASSERT_EQ(slotctl_({"drain"}).status, 0);
  EXPECT_NE(doctor().out.find("all types are drained"), std::string::npos);
}

TEST_F(SlotctlDoctor, ScribbledWordsFail) {
  broker_.kill_now();
  const SegmentProbe probe(broker_.segment(), Access::kReadWrite);
  // Held, of owner 900 in a table of 16.
  probe.view().word(3).store(SlotWord::make(900, SlotState::kActive, 0, 100, 1).raw);
  EXPECT_EQ(level("invariants"), "fail");
  EXPECT_NE(doctor().out.find("slot 3 names a process entry that does not exist"),
            std::string::npos)
      << doctor().out;
  probe.view().word(3).store(SlotWord::make(0, SlotState::kFree, 0, 100, 1).raw);
  EXPECT_NE(doctor().out.find("slot 3 is free, and not empty"), std::string::npos);
  probe.view().word(3).store(0);
  EXPECT_EQ(level("invariants"), "ok");
}

TEST_F(SlotctlDoctor, CapacityAboveTheMachineIsAWarning) {
  broker_.write_config(
      "cpu: { capacity: 5000 }\ntypes: { track: { max: 5, cpu: 0.1 } }\n"
      "segment: { slots: 16, processes: 16, mode: \"0664\" }\n");
  ASSERT_EQ(slotctl_({"reload", "--wait"}).status, 0);
  EXPECT_EQ(level("capacity"), "warn");
  EXPECT_EQ(doctor().status, 0);
}

TEST_F(SlotctlDoctor, UsersWhoMayNot) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root can become another user";
  const Words as_nobody{
      "--reuid=65534", "--regid=65534",   "--clear-groups", bin_dir() + "/slotctl",
      "--segment",     broker_.segment(), "doctor"};
  std::filesystem::permissions(broker_.folder(), std::filesystem::perms(0755));
  const Ran looking = run_to_end("/usr/bin/setpriv", as_nobody);
  if (looking.status == 126 || looking.status == 127)
    GTEST_SKIP() << "no setpriv, or the programs cannot be reached by another user";
  EXPECT_NE(looking.out.find("may only look, not claim"), std::string::npos) << looking.out;
  EXPECT_EQ(looking.status, 0) << looking.out << looking.err;
  Words fix = as_nobody;
  fix.emplace_back("--fix");
  EXPECT_EQ(run_to_end("/usr/bin/setpriv", fix).status, 77);
  std::filesystem::permissions(broker_.segment(), std::filesystem::perms(0660));
  const Ran outside = run_to_end("/usr/bin/setpriv", as_nobody);
  EXPECT_EQ(outside.status, 1);
  EXPECT_NE(outside.out.find("may not open the segment"), std::string::npos) << outside.out;
  EXPECT_NE(outside.out.find("usermod -aG"), std::string::npos) << outside.out;
}

}  // namespace
}  // namespace slotd::testing
