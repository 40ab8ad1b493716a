// Every fuzz target without a fuzzer: the stored inputs, each of their beginnings, and copies with
// bytes changed from a seed. A target ends the program when something does not hold; the name of
// the input is on stderr by then.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" {
int fuzz_config(const std::uint8_t* data, std::size_t size);
int fuzz_display(const std::uint8_t* data, std::size_t size);
int fuzz_hosttext(const std::uint8_t* data, std::size_t size);
int fuzz_segment(const std::uint8_t* data, std::size_t size);
int fuzz_token(const std::uint8_t* data, std::size_t size);
int fuzz_units(const std::uint8_t* data, std::size_t size);
int fuzz_words(const std::uint8_t* data, std::size_t size);
}

namespace slotd::testing {
namespace {

struct FuzzTarget {
  const char* name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};

/// How often each stored input is cut, and how often changed.
constexpr std::size_t kCuts = 16;
constexpr int kChanges = 40;

class Targets : public ::testing::TestWithParam<FuzzTarget> {
 protected:
  std::vector<std::filesystem::path> list_corpus() const {
    std::vector<std::filesystem::path> files;
    const std::filesystem::path folder = std::filesystem::path(SLOTD_CORPUS) / GetParam().name;
    for (const auto& entry : std::filesystem::directory_iterator(folder))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    return files;
  }

  static std::string read_bytes(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  /// From memory of exactly this size, so that a sanitizer sees a read behind it.
  void run(const std::string& input) const {
    const std::vector<std::uint8_t> bytes(input.begin(), input.end());
    EXPECT_EQ(GetParam().run(bytes.data(), bytes.size()), 0);
  }
};

INSTANTIATE_TEST_SUITE_P(
    All, Targets,
    ::testing::Values(FuzzTarget{"config", fuzz_config}, FuzzTarget{"display", fuzz_display},
                      FuzzTarget{"hosttext", fuzz_hosttext}, FuzzTarget{"segment", fuzz_segment},
                      FuzzTarget{"token", fuzz_token}, FuzzTarget{"units", fuzz_units},
                      FuzzTarget{"words", fuzz_words}),
    [](const auto& target) { return std::string(target.param.name); });

TEST_P(Targets, stored_inputs_are_survived) {
  const auto files = list_corpus();
  ASSERT_FALSE(files.empty());
  for (const auto& path : files) {
    std::fprintf(stderr, "%s\n", path.c_str());
    run(read_bytes(path));
  }
}

TEST_P(Targets, cut_and_changed_inputs_are_survived) {
  std::mt19937_64 random(1);
  for (const auto& path : list_corpus()) {
    std::fprintf(stderr, "%s\n", path.c_str());
    const std::string whole = read_bytes(path);
    const std::size_t step = whole.size() / kCuts + 1;
    for (std::size_t size = 0; size < whole.size(); size += step) run(whole.substr(0, size));
    for (int change = 0; change < kChanges && !whole.empty(); ++change) {
      std::string changed = whole;
      for (std::uint64_t bytes = 1 + random() % 4; bytes > 0; --bytes)
        changed[random() % changed.size()] = static_cast<char>(random());
      run(changed);
    }
  }
}

TEST(Targets, nothing_at_all_is_an_input) {
  for (const auto run : {fuzz_config, fuzz_display, fuzz_hosttext, fuzz_segment, fuzz_token,
                         fuzz_units, fuzz_words}) {
    EXPECT_EQ(run(nullptr, 0), 0);
  }
}

}  // namespace
}  // namespace slotd::testing
