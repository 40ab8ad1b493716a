// Every verb that shows something, in every condition: a table on a terminal of 80 columns, whole
// in a pipe, JSON and JSON lines against the schema, an empty node, no segment, no permission,
// broker down. A row a verb; a case a verb and condition.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <sstream>

#include "slotd/layout.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 3, cpu: 2.0 }\n"
    "  track: { cpu: 0.5 }\n"
    "  web: { max: 5, cpu: 4.0, groups: [web] }\n"
    "groups: { web: { max: 18 } }\n"
    "segment: { mode: \"0660\" }\n";

/// A verb and what is to be expected of it.
struct ShowingVerb {
  const char* name;  ///< of the case
  Words words;
  const char* schema;
  const char* list;     ///< the field that holds the rows; "": -o jsonl gives the document
  const char* heading;  ///< in its table, however empty; "": it has none
  const char* busy;     ///< in its table on a busy node
  int idle_status = 0;  ///< on an idle node
  int busy_status = 0;
};

const std::vector<ShowingVerb>& verbs() {
  static const std::vector<ShowingVerb> all{
      {"status", {"status"}, "status", "", "TYPE", "participant"},
      {"slots", {"slots"}, "slots", "slots", "SLOT TYPE", "pending"},
      {"procs", {"procs"}, "procs", "processes", "LIVENESS", "slotd"},
      {"waiters", {"waiters"}, "waiters", "waiters", "PRIORITY", "web"},
      {"limits", {"limits"}, "limits", "limits", "EFFECTIVE", "participant"},
      {"config_show", {"config", "show"}, "config-show", "", "TYPE", "participant"},
      {"can_accept", {"can-accept", "-t", "web"}, "can-accept", "", "", "web: no", 0, 75},
      {"wait_idle", {"wait", "--idle", "-w", "0"}, "wait", "", "", "", 0, 75},
  };
  return all;
}

class SlotctlOutput : public ::testing::TestWithParam<ShowingVerb> {
 protected:
  Words with(const Words& more) const {
    Words words = GetParam().words;
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  static std::string schemas() { return std::string(SLOTD_SOURCE_DIR) + "/docs/schema"; }

  void expect_document(const Ran& ran) const {
    EXPECT_EQ(schema_problems(schemas(), GetParam().schema, ran.out), "") << ran.out;
    EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1) << "one line";
  }

  /// Three participants with long keys, a web job in line behind two that leave no CPU.
  void make_busy(const Slotctl& slotctl) {
    for (int i = 0; i < 3; ++i) {
      const std::string key = std::string(60, 'k') + std::to_string(i);
      ASSERT_EQ(slotctl({"claim", "-t", "participant", "--key", key}).status, 0);
    }
    waiter_ =
        std::make_unique<Program>("slotctl", slotctl.words({"claim", "-t", "web", "-w", "600"}));
    ASSERT_TRUE(wait_until([&] {
      return slotctl({"waiters", "-J"}).json()["waiters"].size() == 1;
    }));
  }

  std::unique_ptr<Program> waiter_;
};

TEST_P(SlotctlOutput, TableAtATerminalOf80Columns) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  make_busy(slotctl);
  Terminal terminal(bin_dir() + "/slotctl", slotctl.words(GetParam().words), 80,
                    {"NO_COLOR=1", "TERM=xterm"});
  const std::string shown = terminal.read_to_end();
  EXPECT_EQ(terminal.status(), GetParam().busy_status) << shown;
  EXPECT_NE(shown.find(GetParam().busy), std::string::npos) << shown;
  std::istringstream lines(shown);
  const bool is_table = GetParam().heading[0] != '\0';
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    // Sentences are not cut, and the path of a segment is not either: tables are.
    const bool is_sentence = line.find(", ") != std::string::npos;
    if (is_table && !is_sentence) {
      EXPECT_LE(line.size(), 80U) << line;
    }
  }
}

TEST_P(SlotctlOutput, WholeInAPipe) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  make_busy(slotctl);
  const Ran ran = slotctl(GetParam().words);
  EXPECT_EQ(ran.status, GetParam().busy_status) << ran.err;
  const std::string all = ran.out + ran.err;
  EXPECT_NE(all.find(GetParam().busy), std::string::npos) << all;
  EXPECT_EQ(all.find('\033'), std::string::npos) << all;
  if (GetParam().schema == std::string("slots")) {
    EXPECT_NE(all.find(std::string(60, 'k') + "2"), std::string::npos) << all;
  }
  const Ran coloured = slotctl(with({"--color", "always"}));
  if (GetParam().schema == std::string("status")) {
    EXPECT_NE(coloured.out.find("\033[3"), std::string::npos);
  }
}

TEST_P(SlotctlOutput, JsonFollowsItsSchema) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  make_busy(slotctl);
  for (const Words& form : std::vector<Words>{{"-J"}, {"-o", "json"}, {"--output=json"}}) {
    const Ran ran = slotctl(with(form));
    EXPECT_EQ(ran.status, GetParam().busy_status) << ran.err;
    expect_document(ran);
  }
  const Ran lines = slotctl(with({"-o", "jsonl"}));
  EXPECT_EQ(lines.status, GetParam().busy_status) << lines.err;
  if (GetParam().list[0] == '\0') return expect_document(lines);
  EXPECT_NE(lines.out, "");
  EXPECT_EQ(row_problems(schemas(), GetParam().schema, GetParam().list, lines.out), "")
      << lines.out;
}

TEST_P(SlotctlOutput, EmptyNode) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  const Ran table = slotctl(GetParam().words);
  EXPECT_EQ(table.status, GetParam().idle_status) << table.err;
  EXPECT_NE(table.out.find(GetParam().heading), std::string::npos) << table.out;
  const Ran json = slotctl(with({"-J"}));
  EXPECT_EQ(json.status, GetParam().idle_status) << json.err;
  expect_document(json);
}

TEST_P(SlotctlOutput, NoSegment) {
  const TestFolder folder;
  const Slotctl slotctl(folder.file("segment"));
  const Ran table = slotctl(GetParam().words);
  EXPECT_EQ(table.status, 69) << table.err;
  EXPECT_EQ(table.out, "");
  EXPECT_NE(table.err.find(folder.file("segment")), std::string::npos) << table.err;
  const Ran json = slotctl(with({"-J"}));
  EXPECT_EQ(json.status, 69);
  EXPECT_EQ(schema_problems(schemas(), "error", json.out), "") << json.out;
}

TEST_P(SlotctlOutput, NoPermission) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  BrokerProcess broker(kConfig);
  ASSERT_EQ(::chmod(broker.folder().c_str(), 0755), 0);
  const Words nobody{"--reuid", "65534", "--regid", "65534", "--clear-groups"};
  const auto as_nobody = [&](const Words& words) {
    Words all = nobody;
    all.insert(all.end(), words.begin(), words.end());
    return run_to_end("/usr/bin/setpriv", all);
  };
  if (as_nobody({"test", "-x", bin_dir() + "/slotctl"}).status != 0)
    GTEST_SKIP() << "setpriv is missing, or others may not execute " << bin_dir();
  for (const bool json : {false, true}) {
    Words words{bin_dir() + "/slotctl"};
    for (const std::string& word :
         Slotctl(broker.segment()).words(json ? with({"-J"}) : GetParam().words))
      words.push_back(word);
    const Ran ran = as_nobody(words);
    EXPECT_EQ(ran.status, 77) << ran.err;
    EXPECT_NE(ran.err.find("group"), std::string::npos) << "says which group: " << ran.err;
    if (json) {
      EXPECT_EQ(schema_problems(schemas(), "error", ran.out), "") << ran.out;
    }
  }
}

TEST_P(SlotctlOutput, BrokerDown) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  make_busy(slotctl);
  broker.kill_now();
  const Ran table = slotctl(GetParam().words);
  EXPECT_EQ(table.status, GetParam().busy_status) << table.err;
  const Ran json = slotctl(with({"-J"}));
  EXPECT_EQ(json.status, GetParam().busy_status) << json.err;
  expect_document(json);
  if (GetParam().schema != std::string("status")) return;
  EXPECT_EQ(table.out.find("DOWN      the broker does not run"), 0U) << table.out;
  EXPECT_EQ(json.json()["warnings"][0]["warning"], "broker_down");
}

TEST_P(SlotctlOutput, ColumnsAndHeadings) {
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  make_busy(slotctl);
  const bool has_type = GetParam().schema != std::string("procs");
  const std::string column = has_type ? "type" : "name";
  const Ran one = slotctl(with({"--columns", column, "-n"}));
  const bool is_list = GetParam().list[0] != '\0' || GetParam().schema == std::string("status");
  if (!is_list) {
    EXPECT_EQ(one.status, 64) << "no list, no columns: " << one.err;
    return;
  }
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(one.out.find("TYPE"), std::string::npos) << one.out;
  EXPECT_NE(one.out, "");
  const Ran wrong = slotctl(with({"--columns", has_type ? "tpye" : "naem"}));
  EXPECT_EQ(wrong.status, 64);
  EXPECT_NE(wrong.err.find("did you mean '" + column + "'?"), std::string::npos) << wrong.err;
}

INSTANTIATE_TEST_SUITE_P(Verbs, SlotctlOutput, ::testing::ValuesIn(verbs()),
                         [](const auto& verb) { return std::string(verb.param.name); });

class SlotctlWatch : public ::testing::Test {
 protected:
  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};

  static std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1))
      ++found;
    return found;
  }
};

TEST_F(SlotctlWatch, ADocumentALineUntilASignal) {
  for (const int number : {SIGINT, SIGTERM}) {
    Program watch("slotctl", slotctl_.words({"status", "-w", "0.05", "-o", "jsonl"}));
    ASSERT_TRUE(wait_until([&] { return count(watch.out(), "\n") >= 3; })) << watch.err();
    watch.signal(number);
    EXPECT_EQ(watch.wait_end(), 0);
    std::istringstream lines(watch.out());
    for (std::string line; std::getline(lines, line);) {
      EXPECT_EQ(schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", "status", line),
                "");
      EXPECT_GT(AnyJson::parse(line)["time"].get<std::int64_t>(), 0);
    }
  }
}

TEST_F(SlotctlWatch, TextInAPipeHasNoEscapes) {
  Program watch("slotctl", slotctl_.words({"status", "-w", "0.05"}));
  ASSERT_TRUE(wait_until([&] { return count(watch.out(), "\n\ntime      ") >= 2; })) << watch.out();
  watch.signal(SIGINT);
  EXPECT_EQ(watch.wait_end(), 0);
  EXPECT_EQ(watch.out().find('\033'), std::string::npos);
}

TEST_F(SlotctlWatch, SaysThatTheSegmentIsGoneAndGoesOn) {
  Program watch("slotctl", slotctl_.words({"status", "-w", "0.05", "-J"}));
  ASSERT_TRUE(wait_until([&] { return count(watch.out(), "\"broker\"") >= 1; })) << watch.err();
  broker_.stop();
  std::filesystem::remove(broker_.segment());
  ASSERT_TRUE(wait_until([&] { return count(watch.out(), "\"error\":\"no_segment\"") >= 2; }));
  broker_.start();
  const std::size_t before = count(watch.out(), "\"broker\"");
  EXPECT_TRUE(wait_until([&] { return count(watch.out(), "\"broker\"") > before; }));
  watch.signal(SIGINT);
  EXPECT_EQ(watch.wait_end(), 0);
}

TEST_F(SlotctlWatch, NoSegmentAtTheStartEndsIt) {
  const TestFolder folder;
  EXPECT_EQ(Slotctl(folder.file("segment"))({"status", "-w", "1"}).status, 69);
  EXPECT_EQ(slotctl_({"status", "-w", "0"}).status, 64);
}

TEST_F(SlotctlWatch, StatusNamesWhoDrainsAndWhatIsOwed) {
  ASSERT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
  ASSERT_EQ(slotctl_({"limits", "set", "participant=0"}).status, 0);
  ASSERT_EQ(slotctl_({"drain", "track"}).status, 0);
  const Ran ran = slotctl_({"status"});
  EXPECT_EQ(ran.out.find("DRAINING  by the operator, track: "), 0U) << ran.out;
  EXPECT_NE(ran.out.find("\nDEBT      participant: 1 in use, the limit is 0: "), std::string::npos)
      << ran.out;
  const Ran columns = slotctl_({"status", "--columns", "TYPE,IN_USE", "-n"});
  EXPECT_EQ(columns.out.find("participant"), 0U) << "a program reads this: " << columns.out;
  EXPECT_NE(columns.err.find("DEBT"), std::string::npos) << columns.err;
  EXPECT_EQ(slotctl_({"status", "--columns", "TYPE", "-q"}).err, "");
}

TEST_F(SlotctlWatch, ContradictingFormsAreUsageErrors) {
  EXPECT_EQ(slotctl_({"slots", "-o", "xml"}).status, 64);
  EXPECT_EQ(slotctl_({"slots", "-J", "-o", "table"}).status, 64);
  EXPECT_EQ(slotctl_({"slots", "--color", "sometimes"}).status, 64);
  EXPECT_EQ(slotctl_({"-o", "json", "slots"}).status, 0);
}

}  // namespace
}  // namespace slotd::testing
