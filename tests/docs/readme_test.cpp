// The figures in README.md are those of docs/bench.json, all of them and no others.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "tests/docs/blocks.hpp"
#include "tests/docs/console.hpp"

namespace slotd::testing {
namespace {

/// The rows of the block between the two comments.
std::vector<std::string> read_rows(const std::string& text) {
  const std::size_t begin = text.find("<!-- bench -->");
  const std::size_t end = text.find("<!-- /bench -->");
  if (begin == std::string::npos || end == std::string::npos) return {};
  std::vector<std::string> rows;
  for (const std::string& line : split_lines(text.substr(begin, end - begin))) {
    if (std::regex_search(line, std::regex("^\\| *[0-9]"))) rows.push_back(line);
  }
  return rows;
}

TEST(Readme, FiguresAreThoseOfTheBench) {
  const std::string root = SLOTD_SOURCE_DIR;
  const std::string readme = read_text(root + "/README.md");
  ASSERT_NE(readme.find("<!-- bench -->"), std::string::npos);
  ASSERT_NE(readme.find("<!-- /bench -->"), std::string::npos);
  if (!std::filesystem::exists(root + "/docs/bench.json"))
    GTEST_SKIP() << "docs/bench.json is missing: tools/dev/bench writes it";
  std::vector<std::string> wanted;
  const auto document = nlohmann::json::parse(read_text(root + "/docs/bench.json"));
  ASSERT_EQ(document["schema"], 1);
  for (const auto& row : document["rows"]) {
    if (row["name"] != "pair" || row["procs"] != 1) continue;
    std::array<char, 128> line{};
    std::snprintf(line.data(), line.size(), "| %d | %.1f | %.1f | %.1f |", row["held"].get<int>(),
                  row["slotd_ns"].get<double>(), row["sysv_ns"].get<double>(),
                  row["ratio"].get<double>());
    wanted.emplace_back(line.data());
  }
  ASSERT_FALSE(wanted.empty());
  EXPECT_EQ(read_rows(readme), wanted) << "tools/dev/readme_bench fills them in";
}

}  // namespace
}  // namespace slotd::testing
