// The manual pages say what the programs do: every verb and option, every exit status, every key of
// the configuration with its default. Their sources are compared, so scdoc is not needed.
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tools/slotctl/command_line.hpp"
#include "tools/slotctl/exit_codes.hpp"

namespace slotd::ctl {
namespace {

std::string read_source(const std::string& path) {
  std::ifstream in(std::string(SLOTD_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(in) << path;
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Everything that a regular expression's first group matches.
std::set<std::string> find_all(const std::string& text, const std::string& expression) {
  std::set<std::string> found;
  const std::regex pattern(expression);
  for (std::sregex_iterator at(text.begin(), text.end(), pattern), end; at != end; ++at)
    found.insert((*at)[1]);
  return found;
}

/// The part between a heading and the next one.
std::string section(const std::string& page, const std::string& heading) {
  const std::size_t begin = page.find("\n# " + heading + "\n");
  if (begin == std::string::npos) return {};
  return page.substr(begin, page.find("\n# ", begin + 2) - begin);
}

void expect_verbs(const std::string& page, const VerbOutline& verb, const std::string& above) {
  for (const VerbOutline& below : verb.verbs) {
    const std::string path = above + below.name;
    const bool is_named = has(page, "\n*" + path + "*") || !below.verbs.empty();
    EXPECT_TRUE(is_named) << path;
    for (const OptionOutline& option : below.options) {
      for (const std::string& name : option.names)
        EXPECT_TRUE(has(page, "*" + name + "*")) << path << ' ' << name;
    }
    for (const ArgumentOutline& argument : below.arguments)
      EXPECT_TRUE(has(page, "_" + argument.name + "_")) << path << ' ' << argument.name;
    expect_verbs(page, below, path + " ");
  }
}

TEST(ManPage, OfSlotctlHasEveryVerbAndOption) {
  const std::string page = read_source("docs/man/slotctl.1.scd");
  const VerbOutline outline = command_line_outline();
  EXPECT_GT(outline.verbs.size(), 20U);
  expect_verbs(page, outline, "");
  for (const OptionOutline& option : outline.options) {
    for (const std::string& name : option.names) EXPECT_TRUE(has(page, "*" + name + "*")) << name;
  }
}

std::set<std::string> all_options(const VerbOutline& verb) {
  std::set<std::string> names;
  for (const OptionOutline& option : verb.options)
    names.insert(option.names.begin(), option.names.end());
  for (const VerbOutline& below : verb.verbs) {
    const auto more = all_options(below);
    names.insert(more.begin(), more.end());
  }
  return names;
}

TEST(ManPage, OfSlotctlHasNoOptionThatDoesNotExist) {
  const std::string page = read_source("docs/man/slotctl.1.scd");
  const std::set<std::string> known = all_options(command_line_outline());
  for (const std::string& name : find_all(page, "\\*(--?[a-zA-Z][a-z-]*)\\*"))
    EXPECT_EQ(known.count(name), 1U) << name;
}

TEST(ManPage, OfSlotctlHasTheTableOfExitStatuses) {
  const std::string text = section(read_source("docs/man/slotctl.1.scd"), "EXIT STATUS");
  for (const ExitCodeRow& row : kExitCodeTable) {
    const std::string entry = "\n*" + exit_code_label(row.code) + "*\n\t" +
                              (row.is_of_run_alone ? "run: " : "") + std::string(row.meaning) +
                              "\n";
    EXPECT_TRUE(has(text, entry)) << entry;
  }
  EXPECT_EQ(find_all(text, "\n\\*([0-9+N]+)\\*\n").size(), kExitCodeTable.size()) << "no others";
}

TEST(ManPage, OfSlotdHasEveryOptionAndNoOther) {
  const std::string page = read_source("docs/man/slotd.8.scd");
  std::set<std::string> known =
      find_all(read_source("broker/options.cpp"), "add_(?:option|flag)\\(\"(--[a-z-]+)\"");
  EXPECT_GE(known.size(), 3U);
  known.insert({"--help", "--version"});
  for (const std::string& name : known) EXPECT_TRUE(has(page, "*" + name + "*")) << name;
  for (const std::string& name : find_all(page, "\\*(--[a-z-]+)\\*"))
    EXPECT_EQ(known.count(name), 1U) << name;
}

/// "cpu.hold" with "15s", for the sections whose keys stand a line each in the packaged file, which
/// has every key with its default.
TEST(ManPage, OfTheConfigurationHasEveryKeyWithItsDefault) {
  const std::string page = read_source("docs/man/slotd.yaml.5.scd");
  std::istringstream lines(read_source("systemd/slotd.yaml"));
  std::string top;
  std::set<std::string> named;
  std::size_t keys = 0;
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("([a-z]+):"))) top = match[1];
    if (top == "types" || top == "groups") continue;
    if (!std::regex_match(line, match, std::regex("  ([a-z_]+): (.*)"))) continue;
    const std::string key = top + "." + match[1].str();
    // The packaged file names the group of its own system user.
    const std::string value =
        key == "segment.group" ? "the broker's primary group" : match[2].str();
    EXPECT_TRUE(has(page, "\n*" + key + "* (" + value + ")\n")) << key << ' ' << value;
    named.insert(key);
    ++keys;
  }
  EXPECT_GE(keys, 25U);
  const std::string source = read_source("broker/config/native_types.cpp");
  const std::size_t groups_begin = source.find("void read_group(");
  for (const std::string& key :
       find_all(source.substr(0, groups_begin), "\\{\"([a-z_]+)\",\\s*\\["))
    named.insert("types.NAME." + key);
  for (const std::string& key : find_all(source.substr(groups_begin), "\\{\"([a-z_]+)\",\\s*\\["))
    named.insert("groups.NAME." + key);
  std::set<std::string> documented;
  for (const std::string& key : find_all(page, "\n\\*([a-z]+\\.[A-Za-z_.]+)\\* \\("))
    documented.insert(key);
  EXPECT_EQ(documented, named);
}

TEST(ManPage, OfTheConfigurationHasTheKeysOfALivekitFile) {
  const std::string page = section(read_source("docs/man/slotd.yaml.5.scd"), "LIVEKIT");
  const auto keys = find_all(read_source("broker/config/livekit.cpp"),
                             "\"((?:max_|memory_|cpu_kill|sdk_|[a-z_]*_cpu_cost)[a-z_]*)\"");
  EXPECT_GE(keys.size(), 20U);
  for (const std::string& key : keys) EXPECT_TRUE(has(page, "*" + key + "*")) << key;
}

}  // namespace
}  // namespace slotd::ctl
