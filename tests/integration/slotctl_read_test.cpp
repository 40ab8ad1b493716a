// The verbs that only look, against a real broker and against files that are no good segments.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <random>

#include "slotd/layout.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 3, cpu: 2.0 }\n"
    "  track: { cpu: 0.5, aliases: [sound] }\n"
    "  web: { max: 5, cpu: 4.0, groups: [web] }\n"
    "groups: { web: { max: 18 } }\n"
    "segment: { mode: \"0664\" }\n";

std::string problems(const std::string& schema, const Ran& ran) {
  return schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", schema, ran.out);
}

class SlotctlRead : public ::testing::Test {
 protected:
  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlRead, StatusOfAnIdleNode) {
  const Ran ran = slotctl_({"status", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(problems("status", ran), "");
  const AnyJson out = ran.json();
  EXPECT_EQ(out["broker"]["state"], "ready");
  EXPECT_EQ(out["broker"]["pid"], broker_.pid());
  EXPECT_EQ(out["segment"]["path"], broker_.segment());
  EXPECT_EQ(out["cpu"]["capacity"], 12.0);
  EXPECT_EQ(out["cpu"]["budget"], 9.6);
  EXPECT_EQ(out["cpu"]["available"], 9.6);
  EXPECT_EQ(out["types"][0]["name"], "participant");
  EXPECT_EQ(out["types"][0]["limit"], 3);
  EXPECT_TRUE(out["types"][1]["limit"].is_null());
  EXPECT_EQ(out["groups"][0]["limit"], 18);
}

TEST_F(SlotctlRead, StatusOfABusyNode) {
  for (int i = 0; i < 3; ++i) EXPECT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
  const AnyJson out = slotctl_({"status", "-J"}).json();
  EXPECT_EQ(out["cpu"]["charged"], 6.0);
  EXPECT_EQ(out["cpu"]["available"], 3.6);
  EXPECT_EQ(out["types"][0]["in_use"], 3);
  EXPECT_EQ(out["types"][0]["pending"], 3);
  EXPECT_EQ(out["types"][0]["can_accept"], false);
  EXPECT_EQ(out["types"][0]["refusal"], "type_limit");
  EXPECT_EQ(out["counters"]["claims"], 3);
}

TEST_F(SlotctlRead, EveryDocumentFollowsItsSchema) {
  ASSERT_EQ(slotctl_({"claim", "-t", "web", "--key", "EG_1", "--memory", "1GiB"}).status, 0);
  const std::vector<std::pair<std::string, Words>> documents{
      {"status", {"status"}},
      {"slots", {"slots"}},
      {"procs", {"procs"}},
      {"waiters", {"waiters"}},
      {"limits", {"limits"}},
      {"config-show", {"config", "show"}},
      {"can-accept", {"can-accept", "-t", "web"}},
      {"can-accept", {"can-accept", "-t", "web", "--cpu", "99"}},
      {"can-accept", {"can-accept", "-t", "wbe"}},
      {"can-accept", {"can-accept", "-t", "web", "--key", "EG_1"}},
      {"token", {"claim", "-t", "track"}},
      {"refusal", {"claim", "-t", "web", "--cpu", "99"}},
      {"refusal", {"claim", "-t", "web", "--key", "EG_1"}},
      {"drain", {"drain", "track"}},
      {"drain", {"undrain"}},
      {"step", {"free", "0", "--force"}},
      {"error", {"free", "0", "--force"}},
      {"config-check", {"config", "check", broker_.config_path()}},
  };
  for (auto [schema, words] : documents) {
    words.emplace_back("-J");
    EXPECT_EQ(problems(schema, slotctl_(words)), "") << schema << " " << words[0];
  }
}

TEST_F(SlotctlRead, SlotsAndTheirOwners) {
  const Sleeper owner;
  const Ran claim = slotctl_(
      {"claim", "-t", "sound", "--key", "EG_1", "--cpu", "0.3", "--pid", owner.pid_text()});
  ASSERT_EQ(claim.status, 0) << claim.err;
  const AnyJson slot = slotctl_({"slots", "-J"}).json()["slots"][0];
  EXPECT_EQ(slot["token"], claim.line());
  EXPECT_EQ(slot["type"], "track") << "an alias is the type";
  EXPECT_EQ(slot["key"], "EG_1");
  EXPECT_EQ(slot["state"], "pending");
  EXPECT_EQ(slot["owner"]["pid"], owner.pid());
  EXPECT_EQ(slot["owner"]["name"], "sleep");
  EXPECT_EQ(slot["cpu"], 0.3);
  EXPECT_EQ(slot["charge"], 0.3);
  bool found = false;
  const AnyJson procs = slotctl_({"procs", "-J"}).json();
  for (const AnyJson& process : procs["processes"]) {
    if (process["pid"] != owner.pid()) continue;
    found = true;
    EXPECT_EQ(process["slots"], 1);
    EXPECT_EQ(process["liveness"], "pid");
  }
  EXPECT_TRUE(found);
}

TEST_F(SlotctlRead, CanAcceptAnswersByItsStatus) {
  EXPECT_EQ(slotctl_({"can-accept", "-t", "participant", "-J"}).out,
            R"({"schema":1,"type":"participant","can_accept":true,"refusal":null,"affinity":0.5})"
            "\n");
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  const Ran yes = slotctl_({"can-accept", "-t", "participant"});
  EXPECT_EQ(yes.status, 0);
  EXPECT_EQ(yes.out, "participant: yes; affinity 1\n");
  const Ran no = slotctl_({"can-accept", "-t", "participant", "--cpu", "9.2"});
  EXPECT_EQ(no.status, 75);
  EXPECT_EQ(no.out, "participant: no, cpu: required 9.2, available 9.1; affinity -1\n");
  EXPECT_EQ(slotctl_({"can-accept", "-t", "participant", "--cpu", "9.2", "-q"}).out, "");
  EXPECT_EQ(slotctl_({"slots", "-J"}).json()["slots"].size(), 1U) << "nothing was taken";
}

TEST_F(SlotctlRead, WorksWhileTheBrokerIsDown) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  broker_.kill_now();
  const Ran ran = slotctl_({"status", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(problems("status", ran), "");
  EXPECT_EQ(ran.json()["broker"]["state"], "down");
  EXPECT_TRUE(ran.json()["broker"]["pid"].is_null());
  EXPECT_EQ(slotctl_({"slots", "-J"}).json()["slots"].size(), 1U);
  EXPECT_EQ(slotctl_({"can-accept", "-t", "web"}).status, 0);
}

TEST_F(SlotctlRead, TablesInAPipeAreWholeAndPlain) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--key", std::string(63, 'k')}).status, 0);
  for (const char* verb : {"status", "slots", "procs", "limits"}) {
    const Ran ran = slotctl_({verb});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out.find('\033'), std::string::npos) << verb;
  }
  EXPECT_NE(slotctl_({"slots"}).out.find(std::string(63, 'k')), std::string::npos);
}

std::string at_terminal(const Slotctl& slotctl, const Words& words, const Words& environment) {
  constexpr unsigned short kColumns = 60;
  Terminal terminal(bin_dir() + "/slotctl", slotctl.words(words), kColumns, environment);
  return terminal.read_to_end();
}

TEST_F(SlotctlRead, TablesAreCutToTheTerminal) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--key", std::string(63, 'k')}).status, 0);
  std::istringstream shown(at_terminal(slotctl_, {"slots"}, {"NO_COLOR=1", "TERM=xterm"}));
  std::size_t lines = 0;
  for (std::string line; std::getline(shown, line); ++lines) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    EXPECT_LE(line.size(), 60U) << line;
  }
  EXPECT_EQ(lines, 7U)
      << "two tables of two lines, the age of the sample, and blank lines between them";
}

TEST_F(SlotctlRead, ColourOnATerminalUnlessUnwanted) {
  EXPECT_NE(at_terminal(slotctl_, {"status"}, {"NO_COLOR=", "TERM=xterm"}).find('\033'),
            std::string::npos);
  EXPECT_EQ(at_terminal(slotctl_, {"status"}, {"NO_COLOR=1", "TERM=xterm"}).find('\033'),
            std::string::npos);
  EXPECT_EQ(at_terminal(slotctl_, {"status"}, {"NO_COLOR=", "TERM=dumb"}).find('\033'),
            std::string::npos);
}

/// Runs slotctl as a user who is in no group of the segment's.
Ran run_as_nobody(const Slotctl& slotctl, const Words& words) {
  Words all{"--reuid", "65534", "--regid", "65534", "--clear-groups", bin_dir() + "/slotctl"};
  for (const std::string& word : slotctl.words(words)) all.push_back(word);
  return run_to_end("/usr/bin/setpriv", all);
}

TEST_F(SlotctlRead, NeedsNoWritePermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  ASSERT_EQ(::chmod(broker_.folder().c_str(), 0755), 0);
  const Ran probe =
      run_to_end("/usr/bin/setpriv", {"--reuid", "65534", "test", "-x", bin_dir() + "/slotctl"});
  if (probe.status != 0) GTEST_SKIP() << "others may not execute " << bin_dir();
  for (const Words& words : std::vector<Words>{{"status", "-J"},
                                               {"slots", "-J"},
                                               {"procs", "-J"},
                                               {"limits"},
                                               {"config", "show"},
                                               {"can-accept", "-t", "web"}}) {
    const Ran ran = run_as_nobody(slotctl_, words);
    EXPECT_EQ(ran.status, 0) << words[0] << ran.err;
  }
  for (const Words& words : std::vector<Words>{{"claim", "-t", "web"},
                                               {"drain"},
                                               {"limits", "set", "web=1"},
                                               {"free", "0", "--force"},
                                               {"run", "-t", "web", "--", "true"}}) {
    const Ran ran = run_as_nobody(slotctl_, words);
    EXPECT_EQ(ran.status, 77) << words[0] << ran.err;
    EXPECT_NE(ran.err.find("group"), std::string::npos) << "says which group to join: " << ran.err;
  }
}

/// A copy of the live segment, to be spoilt.
class SlotctlSpoiltSegment : public SlotctlRead {
 protected:
  void SetUp() override {
    ASSERT_EQ(slotctl_({"claim", "-t", "web", "--key", "EG_1"}).status, 0);
    std::filesystem::copy_file(broker_.segment(), copy_);
  }
  void patch(std::size_t offset, const std::string& bytes) const {
    std::fstream file(copy_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(offset));
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  }
  Ran on_copy(Words words) const { return Slotctl(copy_)(words); }

  TestFolder folder_;
  std::string copy_ = folder_.file("segment");
};

TEST_F(SlotctlSpoiltSegment, TheCopyIsGood) { EXPECT_EQ(on_copy({"status"}).status, 0); }

TEST_F(SlotctlSpoiltSegment, OtherLayoutIs76AndNamesBoth) {
  patch(offsetof(Header, layout), std::string("\x63\0\0\0", 4));  // 99
  const Ran ran = on_copy({"status", "-J"});
  EXPECT_EQ(ran.status, 76);
  EXPECT_NE(ran.err.find("layout 99"), std::string::npos) << ran.err;
  EXPECT_NE(ran.err.find("layout " + std::to_string(kLayout)), std::string::npos) << ran.err;
  EXPECT_EQ(problems("error", ran), "");
  EXPECT_EQ(on_copy({"run", "-t", "web", "--", "true"}).status, 125);
}

TEST_F(SlotctlSpoiltSegment, HeaderThatContradictsItselfIs65) {
  patch(offsetof(Header, sections), std::string(16, '\x7f'));
  EXPECT_EQ(on_copy({"status"}).status, 65);
  EXPECT_EQ(on_copy({"run", "-t", "web", "--", "true"}).status, 125);
}

TEST_F(SlotctlSpoiltSegment, SegmentOfAnEarlierBootIs69) {
  patch(offsetof(Header, boot_id), std::string(16, '\x01'));
  const Ran ran = on_copy({"status"});
  EXPECT_EQ(ran.status, 69);
  EXPECT_NE(ran.err.find("earlier boot"), std::string::npos) << ran.err;
  EXPECT_EQ(on_copy({"run", "-t", "web", "--", "true"}).status, 69);
}

/// Containers of some kinds are given a boot id of their own, mounted over the kernel's.
TEST_F(SlotctlSpoiltSegment, BootIdThatAContainerWasGivenSaysNothing) {
  const std::string own = broker_.folder() + "/boot_id";
  std::ofstream(own) << "00000000-1111-2222-3333-444444444444\n";
  const std::string mount = "mount --bind " + own + " /proc/sys/kernel/random/boot_id && ";
  const auto in_container = [&](const std::string& command) {
    return run_to_end("/usr/bin/unshare", {"--mount", "sh", "-c", mount + command});
  };
  if (in_container("true").status != 0) GTEST_SKIP() << "mounting is not permitted here";
  const Ran ran = in_container(bin_dir() + "/slotctl --segment " + broker_.segment() + " status");
  EXPECT_EQ(ran.status, 0) << ran.err;
}

TEST_F(SlotctlSpoiltSegment, SegmentBeingMadeIs69) {
  patch(0, std::string(kHeaderBytes, '\0'));
  EXPECT_EQ(on_copy({"status"}).status, 69);
  write_text(copy_, "");
  EXPECT_EQ(on_copy({"status"}).status, 69);
}

TEST_F(SlotctlSpoiltSegment, RetiredSegmentIs69) {
  patch(offsetof(Header, state), std::string("\x02\0\0\0\0\0\0\0", 8));
  EXPECT_EQ(on_copy({"status"}).status, 69);
  EXPECT_EQ(on_copy({"claim", "-t", "web"}).status, 69);
}

TEST_F(SlotctlSpoiltSegment, TruncatedFileIs65) {
  std::filesystem::resize_file(copy_, kHeaderBytes);
  EXPECT_EQ(on_copy({"status"}).status, 65);
}

TEST_F(SlotctlSpoiltSegment, SomeOtherFileIs65) {
  write_text(copy_, std::string(100'000, 'x'));
  EXPECT_EQ(on_copy({"status"}).status, 65);
}

TEST_F(SlotctlSpoiltSegment, ScribblesBehindTheHeaderNeverCrash) {
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(copy_));
  for (unsigned seed = 1; seed <= 6; ++seed) {
    std::mt19937 engine(seed);
    std::string noise(bytes - kHeaderBytes, '\0');
    // Dense at first, then sparse, so that some records stay plausible.
    const unsigned one_in = 1U << (2 * seed);
    for (char& byte : noise) {
      byte = engine() % one_in == 0 ? static_cast<char>(engine()) : '\0';
    }
    patch(kHeaderBytes, noise);
    for (const auto& [schema, words] :
         std::vector<std::pair<std::string, Words>>{{"status", {"status", "-J"}},
                                                    {"slots", {"slots", "-J"}},
                                                    {"procs", {"procs", "-J"}},
                                                    {"limits", {"limits", "-J"}},
                                                    {"config-show", {"config", "show", "-J"}}}) {
      const Ran ran = on_copy(words);
      EXPECT_EQ(ran.status, 0) << words[0] << " seed " << seed << ran.err;
      EXPECT_EQ(problems(schema, ran), "") << words[0] << " seed " << seed;
      const Ran table = on_copy({words[0] == "config" ? "slots" : words[0]});
      EXPECT_EQ(table.status, 0) << words[0] << " seed " << seed << table.err;
      EXPECT_EQ(table.out.find('\033'), std::string::npos);
    }
    EXPECT_LE(on_copy({"can-accept", "-t", "web"}).status, 75);
    EXPECT_LE(on_copy({"claim", "-t", "web", "-J"}).status, 75);
  }
}

}  // namespace
}  // namespace slotd::testing
