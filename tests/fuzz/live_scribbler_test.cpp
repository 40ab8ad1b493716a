// P8, live: a process without manners writes random words into the segment of a real broker while
// slotctl runs each of its verbs, one after the other, and the broker goes on with its rounds.
// Answers may be wrong, and corruption may be reported; nobody may die of it, hang, or answer with
// a status that is none of the contract's. In the asan preset broker and slotctl are built with
// AddressSanitizer.
//
// SLOTD_SCRIBBLE_SECONDS (5) and SLOTD_SCRIBBLE_SEED (1) make it longer or another one.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>

#include "slotd/layout.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 10, sample_interval: 100ms }\n"
    "memory: { max: 1GiB, headroom: 1MiB }\n"
    "types:\n"
    "  a: { max: 3, cpu: 1.0, groups: { g: 2, h: 1 } }\n"
    "  b: { counts_as: a, cpu: 1.0, memory: 5MB, groups: { g: 1 }, aliases: [c] }\n"
    "groups: { g: { max: 8 }, h: {} }\n"
    "segment: { slots: 32, processes: 12 }\n";

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// Writes until told to stop: bursts of words anywhere, the header seldom, pauses in between so
/// that the others get somewhere. Follows the path, since a corrupt segment is replaced.
class LiveScribbler {
 public:
  LiveScribbler(std::string path, std::uint64_t seed)
      : path_(std::move(path)), random_(seed), thread_([this] { run(); }) {}
  ~LiveScribbler() {
    stop_ = true;
    thread_.join();
  }
  std::uint64_t written() const { return written_; }

 private:
  void run() {
    while (!stop_) {
      burst();
      std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
    }
  }

  void burst() {
    const int fd = ::open(path_.c_str(), O_RDWR | O_CLOEXEC);
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0 || status.st_size < 8192) {
      if (fd >= 0) ::close(fd);
      return;
    }
    const auto bytes = static_cast<std::size_t>(status.st_size);
    void* base = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (base == MAP_FAILED) return;
    auto* cells = static_cast<std::atomic<std::uint64_t>*>(base);
    const std::size_t first = random_() % 40 == 0 ? 0 : kHeaderBytes / 8;
    for (std::uint64_t left = random_() % 64; left > 0; --left, ++written_)
      cells[first + random_() % (bytes / 8 - first)].store(draw(), std::memory_order_relaxed);
    ::munmap(base, bytes);
  }

  std::uint64_t draw() {
    constexpr std::uint64_t kNasty[] = {0, 1, 0x7fff'ffff, 0xffff'ffff, 1ULL << 32, ~0ULL};
    return random_() % 3 == 0 ? kNasty[random_() % std::size(kNasty)] : random_();
  }

  std::string path_;
  std::mt19937_64 random_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> written_{0};
  std::thread thread_;
};

bool is_in_contract(int status) {
  return status == 0 || status == 1 || (status >= 64 && status <= 78) || status == 125;
}

TEST(LiveScribbler, every_verb_answers_and_the_broker_goes_on) {
  const std::uint64_t seconds = number_from("SLOTD_SCRIBBLE_SECONDS", 5);
  const std::uint64_t seed = number_from("SLOTD_SCRIBBLE_SEED", 1);
  BrokerProcess broker(kConfig);
  const std::vector<Words> verbs = {{"status"},
                                    {"status", "-J"},
                                    {"slots"},
                                    {"slots", "-J"},
                                    {"procs"},
                                    {"procs", "-J"},
                                    {"limits"},
                                    {"limits", "-J"},
                                    {"config", "show"},
                                    {"doctor"},
                                    {"doctor", "-J"},
                                    {"doctor", "--fix"},
                                    {"can-accept", "-t", "a"},
                                    {"claim", "-t", "a"},
                                    {"claim", "-t", "b", "--key", "EG_1", "-J"},
                                    {"run", "-t", "c", "--", "/bin/true"},
                                    {"limits", "set", "a=2"},
                                    {"limits", "reset"},
                                    {"drain", "a"},
                                    {"undrain", "a"},
                                    {"free", "3", "--force"},
                                    {"release", "v1-1-1-1-1"},
                                    {"activate", "v1-1-1-1-1"},
                                    {"end", "v1-1-1-1-1"}};
  std::uint64_t runs = 0;
  std::uint64_t written = 0;
  {
    LiveScribbler scribbler(broker.segment(), seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
    while (std::chrono::steady_clock::now() < end) {
      Words words = verbs[runs++ % verbs.size()];
      words.insert(words.begin(), {"--segment", broker.segment()});
      Program slotctl("slotctl", words);
      const int status = slotctl.wait_end();
      EXPECT_TRUE(is_in_contract(status))
          << "seed " << seed << ", " << words[2] << ": " << status << "\n"
          << slotctl.err();
      ASSERT_TRUE(broker.is_running()) << "seed " << seed << "\n" << broker.log_of_run();
    }
    written = scribbler.written();
  }
  EXPECT_GT(written, 0U);
  std::printf("live scribbler: seed %llu, %llu words written, %llu runs of slotctl\n",
              static_cast<unsigned long long>(seed), static_cast<unsigned long long>(written),
              static_cast<unsigned long long>(runs));
  const int code = broker.stop();
  EXPECT_TRUE(is_in_contract(code)) << code << "\n" << broker.log_of_run();
}

}  // namespace
}  // namespace slotd::testing
