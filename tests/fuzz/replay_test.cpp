// The stored inputs, replayed: a file whose name starts with "good" must be taken, one with "bad"
// refused, and none may crash. Segment images are made here from a seed: a valid segment with words
// overwritten, looked at by everything that reads one.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "broker/config/parse_config.hpp"
#include "slotd/snapshot.hpp"
#include "slotd/token.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::testing {
namespace {

std::vector<std::filesystem::path> list_corpus(const std::string& name) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(SLOTD_CORPUS) + "/" + name)) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string read_bytes(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

bool is_good(const std::filesystem::path& path) {
  return path.filename().string().rfind("good", 0) == 0;
}

TEST(Replay, Config) {
  const auto files = list_corpus("config");
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    EXPECT_EQ(broker::parse_config(read_bytes(path), "corpus.yaml").config.has_value(),
              is_good(path))
        << path;
  }
}

TEST(Replay, Token) {
  const auto files = list_corpus("token");
  ASSERT_FALSE(files.empty());
  for (const auto& path : files)
    EXPECT_EQ(parse_token(read_bytes(path)).has_value(), is_good(path)) << path;
}

TEST(Replay, ScribbledSegmentImages) {
  const Capacities capacities{64, 8};
  std::mt19937_64 random(1);
  for (int image = 0; image < 300; ++image) {
    const HeapSegment segment(make_spec(12'000'000), capacities);
    const ProcessRef owner = segment.add_process(static_cast<std::uint32_t>(::getpid()));
    segment.claim(owner, kTrack, 0, "EG_1");
    auto* words = static_cast<std::uint64_t*>(segment.base());
    const std::size_t count = segment.bytes() / 8;
    for (std::uint64_t i = random() % 200; i > 0; --i) words[random() % count] = random();
    const Validation found = validate_segment(segment.base(), segment.bytes(), {1, 2});
    if (found.code != Errc::kOk) continue;
    EXPECT_EQ(found.capacities.slots, capacities.slots);
    const ProcessTable reader(segment.view(false), segment.processes().self(), false);
    const Snapshot snapshot = read_snapshot(reader);
    EXPECT_LE(snapshot.slots.size(), capacities.slots);
    EXPECT_LE(snapshot.processes.size(), capacities.processes);
  }
}

}  // namespace
}  // namespace slotd::testing
