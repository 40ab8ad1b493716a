// Tables of the documents that list something list all of it: metrics, alerts, checks of doctor,
// warnings, reasons of refusals; and the drop-ins that docs/operations.md names are ones that
// systemd knows.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/docs/commands.hpp"
#include "tests/docs/console.hpp"
#include "tests/docs/sandbox.hpp"

namespace slotd::testing {
namespace {

using Names = std::set<std::string>;

const std::string kRoot = SLOTD_SOURCE_DIR;

std::string section_of(const std::string& file, const std::string& heading) {
  const std::string text = read_text(kRoot + "/" + file);
  const std::size_t begin = text.find("\n" + heading + "\n");
  EXPECT_NE(begin, std::string::npos) << file << ": " << heading;
  if (begin == std::string::npos) return "";
  const std::string level = heading.substr(0, heading.find(' ') + 1);
  return text.substr(begin, text.find("\n" + level, begin + 1) - begin);
}

/// The cells of one column of all tables, from 0.
std::vector<std::string> column_of(const std::string& text, std::size_t column) {
  std::vector<std::string> cells;
  for (const std::string& line : split_lines(text)) {
    if (line.rfind("| ", 0) != 0) continue;
    std::istringstream row(line.substr(1));
    std::string cell;
    for (std::size_t i = 0; i <= column; ++i) std::getline(row, cell, '|');
    cells.push_back(trim(cell));
  }
  return cells;
}

std::vector<std::string> code_of(const std::string& cell) {
  std::vector<std::string> all;
  for (const auto& [line, code] : inline_code(cell)) all.push_back(code);
  return all;
}

/// Everything in backticks in that column.
Names names_in(const std::string& text, std::size_t column) {
  Names names;
  for (const std::string& cell : column_of(text, column)) {
    for (const std::string& code : code_of(cell)) names.insert(code);
  }
  return names;
}

Names matches_of(const std::string& text, const std::string& pattern) {
  const std::regex wanted(pattern);
  Names names;
  for (std::sregex_iterator it(text.begin(), text.end(), wanted), none; it != none; ++it)
    names.insert(it->str(1));
  return names;
}

AnyJson read_schema(const std::string& name) {
  return AnyJson::parse(read_text(kRoot + "/docs/schema/" + name + ".json"));
}

/// `slotd_cpu_capacity_cores`, `_budget_`: the second one is slotd_cpu_budget_cores.
Names metrics_of_document() {
  Names names;
  for (const std::string& cell : column_of(section_of("docs/metrics.md", "## The metrics"), 0)) {
    std::string whole;
    for (const std::string& code : code_of(cell)) {
      if (code[0] != '_') {
        whole = code;
        names.insert(code);
      } else {
        const std::size_t first = whole.find('_', whole.find('_') + 1);
        names.insert(whole.substr(0, first) + code + whole.substr(whole.rfind('_') + 1));
      }
    }
  }
  return names;
}

TEST(Tables, MetricsAreThoseThatSlotctlPrints) {
  const Sandbox sandbox(kRoot);
  const std::string printed = sandbox.run("slotctl metrics").out;
  EXPECT_EQ(metrics_of_document(), matches_of(printed, "# TYPE ([a-z_]+) "));
}

TEST(Tables, AlertsAreThoseOfTheRules) {
  const Names rules =
      matches_of(read_text(kRoot + "/systemd/prometheus/slotd.rules.yml"), "- alert: ([A-Za-z]+)");
  const std::string section = section_of("docs/metrics.md", "## Alerts");
  EXPECT_EQ(matches_of(section, "\n\\| (Slotd[A-Za-z]+) \\|"), rules);
}

TEST(Tables, ChecksOfDoctorAreThoseThatItMakes) {
  const Sandbox sandbox(kRoot);
  const Ran ran = sandbox.run("slotctl doctor -J || true");
  const AnyJson report = ran.json();
  Names made;
  for (const auto& check : report["checks"]) made.insert(check["check"].get<std::string>());
  ASSERT_FALSE(made.empty()) << ran.err;
  EXPECT_EQ(names_in(section_of("docs/slotctl.md", "## Doctor"), 0), made);
}

TEST(Tables, WarningsAreThoseOfTheSchema) {
  Names all;
  const AnyJson schema = read_schema("status");
  for (const auto& name :
       schema["properties"]["warnings"]["items"]["properties"]["warning"]["enum"])
    all.insert(name.get<std::string>());
  Names told = names_in(section_of("docs/slotctl.md", "## What is wrong comes first"), 1);
  told.erase("warning");
  EXPECT_EQ(told, all);
}

TEST(Tables, ReasonsOfRefusalsAreTheSameEverywhere) {
  Names all;
  const AnyJson schema = read_schema("refusal");
  for (const auto& name : schema["properties"]["refusal"]["enum"])
    all.insert(name.get<std::string>());
  const Sandbox sandbox(kRoot);
  EXPECT_EQ(
      matches_of(sandbox.run("slotctl metrics").out, "refusals_total\\{.*reason=\"([a-z_]+)\""),
      all);
  const std::string json = section_of("docs/slotctl.md", "## JSON");
  EXPECT_EQ(names_in(json.substr(json.find("| refusal | figures |")), 0), all);
  EXPECT_EQ(matches_of(section_of("docs/man/slotd.7.scd", "# REFUSALS"), "(?:\n|, )_([a-z_]+)_"),
            all);
  // What an operator can do something about.
  for (const std::string& name :
       names_in(section_of("docs/operations.md", "## What to do when"), 0))
    EXPECT_EQ(all.count(name), 1U) << name;
}

/// TEST(suite, case...), a line break between them allowed.
bool has_test(const std::string& source, const std::string& suite, const std::string& begin) {
  const std::string head = "(" + suite + ",";
  for (std::size_t at = 0; (at = source.find(head, at)) != std::string::npos;) {
    at += head.size();
    const std::size_t name = source.find_first_not_of(" \n", at);
    if (name != std::string::npos && source.compare(name, begin.size(), begin) == 0) return true;
  }
  return false;
}

/// `room.program.Suite.Case` as ctest lists it, `*` at its end allowed: a source of that room has
/// it.
TEST(Tables, TestsThatAreNamedAreInTheSources) {
  const std::regex name(
      "\\b(unit|integration|property|stress|crash|fuzz|model)\\.[a-z_0-9]+"
      "\\.(?:[A-Za-z]+/)?([A-Z][A-Za-z0-9]*)\\.([A-Za-z0-9_]*)");
  std::map<std::string, std::string> sources;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot + "/tests")) {
    if (entry.path().extension() != ".cpp") continue;
    const std::string file = std::filesystem::relative(entry.path(), kRoot + "/tests").string();
    sources[file.substr(0, file.find('/'))] += read_text(entry.path().string());
  }
  int count = 0;
  for (const std::string& file : list_documents(kRoot)) {
    const std::string text = read_text(kRoot + "/" + file);
    for (std::sregex_iterator it(text.begin(), text.end(), name), none; it != none; ++it) {
      ++count;
      EXPECT_TRUE(has_test(sources[it->str(1)], it->str(2), it->str(3)))
          << file << ": " << it->str();
    }
  }
  EXPECT_GT(count, 25);
}

/// What a reader puts in, and lines that systemd can judge here.
std::string drop_in_line(const std::string& code) {
  std::string line = std::regex_replace(code, std::regex("THAT_GROUP"), "root");
  line = std::regex_replace(line, std::regex("ITS_FOLDER"), "/dev/shm");
  return std::regex_replace(line, std::regex("=PATH$"), "=/dev/shm/segment");
}

TEST(DropIns, OfOperationsAreUnderstoodBySystemd) {
  if (run_to_end("/bin/sh", {"-c", "command -v systemd-analyze"}).status != 0)
    GTEST_SKIP() << "systemd-analyze is not installed";
  std::string lines;
  for (const std::string& cell :
       column_of(section_of("docs/operations.md", "### What the unit may not do"), 1)) {
    for (const std::string& code : code_of(cell)) {
      if (std::regex_match(code, std::regex("[A-Z][A-Za-z]+=.*")))
        lines += drop_in_line(code) + "\n";
    }
  }
  EXPECT_GE(split_lines(lines).size(), 9U) << lines;
  const TestFolder folder;
  std::string unit = read_text(kRoot + "/systemd/slotd.service");
  unit = std::regex_replace(unit, std::regex("/usr/bin/"), bin_dir() + "/");
  write_text(folder.file("slotd.service"), unit);
  std::filesystem::create_directory(folder.file("slotd.service.d"));
  write_text(folder.file("slotd.service.d/wanted.conf"), "[Service]\n" + lines);
  const Ran ran = run_to_end(
      "/bin/sh", {"-c", "systemd-analyze verify --man=no " + folder.file("slotd.service")});
  EXPECT_EQ(ran.err.find(folder.path()), std::string::npos) << ran.err;
  // It says so of what it does not know.
  write_text(folder.file("slotd.service.d/wanted.conf"), "[Service]\nNoSuchKey=1\n");
  const Ran bad = run_to_end(
      "/bin/sh", {"-c", "systemd-analyze verify --man=no " + folder.file("slotd.service")});
  EXPECT_NE(bad.err.find("NoSuchKey"), std::string::npos) << bad.err;
}

}  // namespace
}  // namespace slotd::testing
