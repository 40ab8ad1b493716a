// The documents' links lead somewhere: relative ones to a file, those with a `#` to a heading of it
// as GitHub names it. Pictures are used, drawn to a size, and have colours for a dark page too.
#include <gtest/gtest.h>

#include <filesystem>
#include <regex>
#include <set>

#include "tests/docs/commands.hpp"
#include "tests/docs/console.hpp"

namespace slotd::testing {
namespace {

namespace fs = std::filesystem;

const std::string kRoot = SLOTD_SOURCE_DIR;

/// The tests' own as well: others link to them.
std::vector<std::string> documents() {
  std::vector<std::string> files = list_documents(kRoot);
  for (const auto& entry : fs::recursive_directory_iterator(kRoot + "/tests")) {
    if (entry.path().extension() == ".md")
      files.push_back(fs::relative(entry.path(), kRoot).string());
  }
  return files;
}

/// A heading's anchor: its text in small letters, spaces as `-`, without other signs.
std::string anchor_of(const std::string& heading) {
  std::string anchor;
  for (const char c : trim(heading)) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || c == '-' || c == '_' || byte >= 0x80)
      anchor += static_cast<char>(std::tolower(byte));
    if (c == ' ') anchor += '-';
  }
  return anchor;
}

/// The second heading of a name is NAME-1.
std::set<std::string> anchors_of(const std::string& text) {
  static const std::regex link("\\[([^\\]]*)\\]\\([^)]*\\)");
  std::set<std::string> anchors;
  for (const std::string& line : split_lines(without_blocks(text))) {
    if (!std::regex_search(line, std::regex("^#{1,6} "))) continue;
    const std::string name = anchor_of(std::regex_replace(line.substr(line.find(' ')), link, "$1"));
    std::string unique = name;
    for (int n = 1; !anchors.insert(unique).second; ++n) unique = name + "-" + std::to_string(n);
  }
  return anchors;
}

/// Targets of links and pictures, without those of the world outside.
std::vector<std::string> links_of(const std::string& text) {
  static const std::regex link("\\]\\(([^) ]+)\\)");
  static const std::regex code("`[^`]*`");
  const std::string prose = std::regex_replace(without_blocks(text), code, "");
  std::vector<std::string> all;
  for (std::sregex_iterator it(prose.begin(), prose.end(), link), none; it != none; ++it) {
    if (it->str(1).find("://") == std::string::npos) all.push_back(it->str(1));
  }
  return all;
}

TEST(Links, LeadToAFileAndToAHeadingOfIt) {
  int count = 0;
  for (const std::string& file : documents()) {
    for (const std::string& link : links_of(read_text(kRoot + "/" + file))) {
      ++count;
      const std::string path = link.substr(0, link.find('#'));
      const fs::path target = path.empty() ? fs::path(kRoot) / file
                                           : fs::path(kRoot) / fs::path(file).parent_path() / path;
      EXPECT_TRUE(fs::exists(target)) << file << ": " << link;
      if (link.find('#') == std::string::npos || !fs::is_regular_file(target)) continue;
      const std::string anchor = link.substr(link.find('#') + 1);
      EXPECT_EQ(anchors_of(read_text(target.string())).count(anchor), 1U) << file << ": " << link;
    }
  }
  std::printf("%d links\n", count);
  EXPECT_GT(count, 50);
}

/// No page of docs/ that no other page leads to.
TEST(Links, EveryPageOfDocsIsLinked) {
  std::set<fs::path> linked;
  for (const std::string& file : documents()) {
    for (const std::string& link : links_of(read_text(kRoot + "/" + file))) {
      const std::string path = link.substr(0, link.find('#'));
      if (path.empty()) continue;
      linked.insert((fs::path(file).parent_path() / path).lexically_normal());
    }
  }
  for (const auto& entry : fs::recursive_directory_iterator(kRoot + "/docs")) {
    const fs::path file = fs::relative(entry.path(), kRoot);
    if (file.extension() != ".md" && file.extension() != ".svg") continue;
    EXPECT_EQ(linked.count(file), 1U) << file << " is linked from nowhere";
  }
}

TEST(Pictures, HaveASizeAndColoursForALightAndADarkPage) {
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kRoot + "/docs")) {
    if (entry.path().extension() != ".svg") continue;
    ++count;
    const std::string text = read_text(entry.path().string());
    const std::string name = entry.path().filename().string();
    EXPECT_TRUE(std::regex_search(text, std::regex("<svg [^>]*viewBox=\"0 0 [0-9]+ [0-9]+\"")))
        << name;
    EXPECT_TRUE(std::regex_search(text, std::regex("prefers-color-scheme: ?dark"))) << name;
    // GitHub shows a picture as an image: it can load nothing.
    EXPECT_FALSE(std::regex_search(text, std::regex("<script|<image|@import|url\\(http"))) << name;
  }
  EXPECT_GT(count, 0);
}

TEST(LinkReader, NamesHeadingsAsGitHubDoes) {
  EXPECT_EQ(
      anchors_of("# Two commands\n## `top`\n## What, if not?\n## top\n```sh\n# no\n```\n"
                 "### [A link](b.md), and more\n"),
      (std::set<std::string>{"two-commands", "top", "what-if-not", "top-1", "a-link-and-more"}));
  EXPECT_EQ(links_of("[a](b.md#c) ![d](e.svg) [f](https://g) `[h](i)`\n"),
            (std::vector<std::string>{"b.md#c", "e.svg"}));
}

}  // namespace
}  // namespace slotd::testing
