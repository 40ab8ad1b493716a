// A made-up host below a temporary folder: processes, the files of the whole host, control groups.
// What a test does not write is not there. Not thread-safe.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>

namespace slotd::broker::testing {

inline const std::uint64_t kTickNs =
    1'000'000'000 / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
inline const std::uint64_t kPageBytes = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));

struct FakeProcess {
  int pid = 0;
  int parent = 1;
  std::uint64_t cpu_ticks = 0;
  std::uint64_t start_ticks = 100;
  std::uint64_t rss_pages = 10;
  int group = 0;    ///< 0: its pid
  int session = 0;  ///< 0: its pid
  char state = 'S';
  int threads = 1;
};

inline std::string stat_text(const FakeProcess& process) {
  const auto number = [](auto value) { return std::to_string(value) + " "; };
  return number(process.pid) + "(a job) " + process.state + " " + number(process.parent) +
         number(process.group != 0 ? process.group : process.pid) +
         number(process.session != 0 ? process.session : process.pid) + "0 -1 0 0 0 0 0 " +
         number(process.cpu_ticks) + "0 999999 999999 20 0 " + number(process.threads) + "0 " +
         number(process.start_ticks) + "0 " + number(process.rss_pages) + "0 0 0\n";
}

class FakeHost {
 public:
  FakeHost() {
    // On tmpfs where there is one: hundreds of small files for each test.
    const std::filesystem::path memory = "/dev/shm";
    const bool there = ::access(memory.c_str(), W_OK) == 0;
    std::string pattern =
        ((there ? memory : std::filesystem::temp_directory_path()) / "slotd-host-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    root_ = pattern;
    std::filesystem::create_directories(root_ + "/proc/self");
    put({.pid = 1, .parent = 0});
  }
  FakeHost(const FakeHost&) = delete;
  FakeHost& operator=(const FakeHost&) = delete;
  ~FakeHost() { std::filesystem::remove_all(root_); }

  const std::string& root() const { return root_; }

  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
  }
  void remove(const std::string& path) const { std::filesystem::remove_all(root_ + path); }

  void put(const FakeProcess& process) const {
    write("/proc/" + std::to_string(process.pid) + "/stat", stat_text(process));
  }
  void end(int pid) const { remove("/proc/" + std::to_string(pid)); }

  /// Two CPUs and the time since boot, in ticks.
  void set_uptime(std::uint64_t centis) const {
    const std::uint64_t rest = centis % 100;
    write("/proc/uptime", std::to_string(centis / 100) + (rest < 10 ? ".0" : ".") +
                              std::to_string(rest) + " 0.00\n");
  }
  void set_host(std::uint64_t busy_ticks, std::uint64_t idle_ticks) const {
    write("/proc/stat", "cpu  " + std::to_string(busy_ticks) + " 0 0 " +
                            std::to_string(idle_ticks) + " 0 0 0 0 0 0\ncpu0 1\ncpu1 1\nintr 0\n");
  }

 private:
  std::string root_;
};

/// CPU clocks by pid; a pid without one is refused.
using FakeClocks = std::map<int, std::uint64_t>;

}  // namespace slotd::broker::testing
