// Every code block of README.md and of the documents, a case a block: commands are run as they are
// written, programs are compiled, configurations are read by slotd, JSON by its schema, sessions
// are compared with what is printed. A block that cannot be run here says which test runs it. None
// is left out: an unknown kind fails.
#include "tests/docs/blocks.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "tests/docs/console.hpp"
#include "tests/docs/sandbox.hpp"
#include "tests/support/json_schema.hpp"

namespace slotd::testing {
namespace {

const std::string kRoot = SLOTD_SOURCE_DIR;

const std::vector<Block>& all_blocks() {
  static const std::vector<Block> all = read_all_blocks(kRoot);
  return all;
}

bool is_installed(const std::string& program) {
  return run_to_end("/bin/sh", {"-c", "command -v " + program}).status == 0;
}

/// The tests that ctest knows. Of a test program that has not been built it knows only that.
const std::set<std::string>& registered_tests() {
  static const std::set<std::string> names = [] {
    std::set<std::string> all;
    const std::string script = std::string("'") + SLOTD_CTEST + "' --test-dir '" + SLOTD_BUILD_DIR +
                               "' -N | sed -n 's/^ *Test *#[0-9]*: //p'";
    for (const std::string& name : split_lines(run_to_end("/bin/sh", {"-c", script}).out)) {
      all.insert(trim(name));
    }
    return all;
  }();
  return names;
}

bool is_step_of_ci(const std::string& step) {
  const std::string script = read_text(kRoot + "/.ci/run");
  return std::regex_search(script, std::regex("\\n *(test_)?step " + step + " "));
}

bool is_registered(const std::string& wanted) {
  if (wanted.rfind(".ci/run:", 0) == 0) return is_step_of_ci(wanted.substr(8));
  const bool is_begin = wanted.back() == '*';
  const std::string begin = is_begin ? wanted.substr(0, wanted.size() - 1) : wanted;
  for (const std::string& name : registered_tests()) {
    if (is_begin ? name.rfind(begin, 0) == 0 : name == begin) return true;
  }
  // room.program.Suite.Case of a program that is not built
  std::smatch parts;
  return std::regex_match(wanted, parts, std::regex("([a-z]+)\\.([a-z_0-9]+)\\..*")) &&
         registered_tests().count(parts[1].str() + "_" + parts[2].str() + "_test_NOT_BUILT") != 0;
}

/// What a document may say and a test must not do to the machine that it runs on.
bool is_for_the_machine(const std::string& text) {
  static const std::regex harm(
      "(^|[\\n;&|( ])(sudo|systemctl|dpkg|apt|apt-get|docker|kubectl|cpack|newgrp|cmake --install|"
      "cmake --build) |/(etc|usr|var|run|root|home)/");
  return std::regex_search(text, harm);
}

/// With a schema the output is held against it.
void run_shell(const Block& block) {
  const Sandbox sandbox(kRoot);
  const std::string text = sandbox.as_private(block.given + "\nset -eu -o pipefail\n" + block.text);
  ASSERT_FALSE(is_for_the_machine(text)) << "needs a `run-by` comment";
  if (text.find("curl ") != std::string::npos && !is_installed("curl"))
    GTEST_SKIP() << "curl is not installed";
  const Ran ran = sandbox.run(text);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  if (!block.schema.empty()) {
    EXPECT_EQ(schema_problems(kRoot + "/docs/schema", block.schema, ran.out), "");
  }
}

void run_console(const Block& block) {
  const Sandbox sandbox(kRoot);
  const std::vector<ConsoleStep> steps = read_console(block.text);
  ASSERT_FALSE(steps.empty()) << "no `$ command`";
  for (const ConsoleStep& step : steps) {
    ASSERT_FALSE(is_for_the_machine(block.given + step.command)) << "needs a `run-by` comment";
  }
  std::string script = block.given + "\n";
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string out = sandbox.file("step" + std::to_string(i));
    script += "{ " + steps[i].command + "\n} >'" + out + "' 2>&1\n";
  }
  const Ran ran = sandbox.run(script);
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const std::string printed =
        sandbox.as_installed(read_text(sandbox.file("step" + std::to_string(i))));
    EXPECT_TRUE(is_as_shown(steps[i].shown, printed)) << "$ " << steps[i].command << "\nprints\n"
                                                      << printed << ran.err;
  }
}

/// A whole program is run too: 0, or 75 where the node has no room. Of a fragment the includes stay
/// at the top and the rest becomes a function with a client.
void compile_cpp(const Block& block) {
  const Sandbox sandbox(kRoot);
  const bool is_whole = block.text.find("int main(") != std::string::npos;
  std::string source = block.text;
  if (!is_whole) {
    std::string includes = "#include \"slotd/client.hpp\"\n";
    std::string body;
    for (const std::string& line : split_lines(block.text)) {
      (line.rfind("#include", 0) == 0 ? includes : body) += line + "\n";
    }
    source = includes + "void fragment(slotd::Client& client);\n" +
             "void fragment(slotd::Client& client) {\n(void)client;\n" + body + "}\n";
  }
  write_text(sandbox.file("block.cpp"), source);
  const std::string flags = "-std=c++20 -O1 -Wall -Wextra -Werror -Iclient -Iinclude block.cpp ";
  const Ran built = sandbox.run(std::string("'") + SLOTD_CXX + "' " + flags +
                                (is_whole ? "-pthread -o block" : "-fsyntax-only"));
  ASSERT_EQ(built.status, 0) << built.err;
  if (!is_whole) return;
  const Ran ran = sandbox.run("./block");
  EXPECT_TRUE(ran.status == 0 || ran.status == 75) << ran.status << ran.err;
}

/// A broker's configuration, or Prometheus's.
void check_yaml(const Block& block) {
  const Sandbox sandbox(kRoot);
  write_text(sandbox.file("block.yaml"), block.text);
  if (block.text.rfind("scrape_configs:", 0) == 0) {
    if (!is_installed("promtool")) GTEST_SKIP() << "promtool is not installed";
    const Ran checked = sandbox.run("promtool check config block.yaml");
    EXPECT_EQ(checked.status, 0) << checked.out << checked.err;
    return;
  }
  const Ran ran = sandbox.run("slotd --check-config --config block.yaml");
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

/// Units of systemd, each after a comment with its path.
void check_units(const Block& block) {
  if (!is_installed("systemd-analyze")) GTEST_SKIP() << "systemd-analyze is not installed";
  static const std::regex heading("# /[a-z/]+/([a-z-]+\\.[a-z]+)(;.*)?");
  const Sandbox sandbox(kRoot);
  std::map<std::string, std::string> units;
  std::string name;
  for (const std::string& line : split_lines(block.text)) {
    std::smatch parts;
    if (std::regex_match(line, parts, heading)) name = parts[1];
    ASSERT_NE(name, "") << "a unit needs a comment with its path";
    units[name] += line + "\n";
  }
  std::string command = "systemd-analyze verify --man=no";
  for (const auto& [file, text] : units) {
    write_text(sandbox.file(file), text);
    command += " ./" + file;
  }
  const Ran ran = sandbox.run(command);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  // A key that it does not know is a remark and no error; other units' remarks are not meant.
  EXPECT_EQ(ran.err.find(sandbox.folder()), std::string::npos) << ran.err;
}

void check_json(const Block& block) {
  if (block.schema.empty()) {
    EXPECT_TRUE(AnyJson::accept(block.text));
  } else {
    EXPECT_EQ(schema_problems(kRoot + "/docs/schema", block.schema, block.text), "");
  }
}

/// Queries become a recording rule each, a line a query.
void check_promql(const Block& block) {
  if (!is_installed("promtool")) GTEST_SKIP() << "promtool is not installed";
  const Sandbox sandbox(kRoot);
  std::string rules = "groups:\n- name: block\n  rules:\n";
  for (const std::string& line : split_lines(block.text)) {
    if (!trim(line).empty()) rules += "  - record: block\n    expr: |\n      " + line + "\n";
  }
  write_text(sandbox.file("rules.yml"), rules);
  const Ran ran = sandbox.run("promtool check rules --lint=none rules.yml");
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
}

/// A line of a CMakeLists is one of the repository's own, to the letter but for line breaks.
void find_cmake(const Block& block) {
  static const std::regex spaces("\\s+");
  const std::string wanted = trim(std::regex_replace(block.text, spaces, " "));
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot + "/tests")) {
    const std::string name = entry.path().filename().string();
    if (entry.path().extension() != ".cmake" && name != "CMakeLists.txt") continue;
    const std::string text = std::regex_replace(read_text(entry.path().string()), spaces, " ");
    if (text.find(wanted) != std::string::npos) return;
  }
  FAIL() << "no such line under tests/";
}

/// Output and drawings: nothing to run, so nothing that looks as if it were to be typed.
void check_text(const Block& block) {
  static const std::regex command(
      "^ *(\\$ |(sudo|slotd|slotctl|cmake|ctest|systemctl|journalctl|docker|kubectl|dpkg|apt-get|"
      "tools/dev/[a-z]+) )");
  for (const std::string& line : split_lines(block.text)) {
    EXPECT_FALSE(std::regex_search(line, command)) << "a command: " << line;
  }
}

const std::map<std::string, void (*)(const Block&)>& kinds() {
  static const std::map<std::string, void (*)(const Block&)> all{
      {"sh", run_shell},    {"console", run_console}, {"cpp", compile_cpp},
      {"yaml", check_yaml}, {"json", check_json},     {"promql", check_promql},
      {"text", check_text}, {"ini", check_units},     {"cmake", find_cmake},
  };
  return all;
}

class Blocks : public ::testing::TestWithParam<Block> {};

TEST_P(Blocks, Holds) {
  const Block& block = GetParam();
  SCOPED_TRACE(block.place());
  ASSERT_FALSE(block.is_open) << "the block has no end";
  ASSERT_NE(block.kind, "") << "a block needs an info string";
  const auto kind = kinds().find(block.kind);
  ASSERT_NE(kind, kinds().end()) << "unknown kind: " << block.kind;
  if (!block.is_run_elsewhere()) {
    return kind->second(block);
  }
  EXPECT_NE(block.why, "") << "why can it not be run here? <!-- run-by: TEST : why -->";
  for (const std::string& name : block.run_by) {
    EXPECT_TRUE(is_registered(name)) << "no such test: " << name;
  }
}

std::string name_of(const ::testing::TestParamInfo<Block>& info) {
  std::string name = info.param.file + "_" + std::to_string(info.param.number);
  if (!info.param.kind.empty()) name += "_" + info.param.kind;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Of, Blocks, ::testing::ValuesIn(all_blocks()), name_of);

/// The sum: nothing falls between the kinds.
TEST(BlockCount, EveryBlockIsRunOrNamesTheTestThatRunsIt) {
  std::map<std::string, int> here;
  std::map<std::string, int> elsewhere;
  for (const Block& block : all_blocks()) {
    ++(block.is_run_elsewhere() ? elsewhere : here)[block.kind];
  }
  int sum = 0;
  for (const auto& [kind, count] : here) {
    const char* what = kind == "text" ? " text: nothing to run" : " run here: ";
    std::printf("%4d%s%s\n", count, what, kind == "text" ? "" : kind.c_str());
    sum += count;
  }
  for (const auto& [kind, count] : elsewhere) {
    std::printf("%4d run by another test: %s\n", count, kind.c_str());
    sum += count;
  }
  std::printf("%4d blocks in %zu documents\n", sum, list_documents(kRoot).size());
  EXPECT_EQ(static_cast<std::size_t>(sum), all_blocks().size());
  EXPECT_GT(here["sh"], 0);
  EXPECT_GT(here["cpp"], 0);
  EXPECT_GT(here["console"], 0);
}

TEST(BlockReader, KnowsItsComments) {
  const std::vector<Block> blocks = BlockReader("a.md",
                                                "<!-- run-by: x.y z* : no root -->\n\n"
                                                "```sh\nsudo true\n```\n"
                                                "<!-- given: a\nb -->\nwords\n```text\nc\n```\n"
                                                "<!-- given: a\nb -->\n```json\n{}\n")
                                        .read();
  ASSERT_EQ(blocks.size(), 3U);
  EXPECT_EQ(blocks[0].run_by, (std::vector<std::string>{"x.y", "z*"}));
  EXPECT_EQ(blocks[0].why, "no root");
  EXPECT_EQ(blocks[0].text, "sudo true\n");
  EXPECT_EQ(blocks[0].line, 3);
  EXPECT_EQ(blocks[1].given, "") << "words stand between";
  EXPECT_EQ(blocks[2].given, "a\nb");
  EXPECT_TRUE(blocks[2].is_open);
  EXPECT_TRUE(is_for_the_machine("true && sudo rm x"));
  EXPECT_TRUE(is_for_the_machine("cp a /etc/b"));
  EXPECT_FALSE(is_for_the_machine("slotd --config systemd/slotd.yaml"));
  EXPECT_FALSE(is_registered("unit.no_such_test.Suite.Case"));
  EXPECT_FALSE(is_registered(".ci/run:no_such_step"));
  EXPECT_TRUE(is_registered(".ci/run:release"));
}

TEST(Console, ComparesFormAndNotFigures) {
  EXPECT_TRUE(is_as_shown({"pid 1,  2.5s ago", "...", "end"}, "pid 77, 1m3.2s ago\nx\ny\nend\n"));
  EXPECT_TRUE(is_as_shown({"remedy: start ..."}, "remedy: start it\n"));
  EXPECT_FALSE(is_as_shown({"pid 1"}, "pid 1\nmore\n"));
  EXPECT_FALSE(is_as_shown({"pid 1", "end"}, "pid 1\n"));
  EXPECT_FALSE(is_as_shown({"ready"}, "draining\n"));
  EXPECT_FALSE(is_as_shown({"1GiB"}, "1\n"));
}

}  // namespace
}  // namespace slotd::testing
