// The real broker as a process of its own, on a private segment in memory. Tests start, kill and
// restart it, and read its log. Not for tests of single parts: those have heap_segment.hpp.
//
// Not thread-safe. start(), stop() and the wait_ functions block until what they wait for has
// happened; a broker that does not come up throws after kPatienceMs with its log. Whatever becomes
// of the test, the destructor kills the broker and removes the folder; a test program that is
// killed itself takes the broker along (parent-death signal).
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace slotd::testing {

inline constexpr int kPatienceMs = 60'000;  ///< catches a hang; says nothing about speed

/// The folder of the built programs: $SLOTD_BIN_DIR, else the one that the test program itself is
/// in.
inline std::string bin_dir() {
  const char* given = std::getenv("SLOTD_BIN_DIR");
  if (given != nullptr && given[0] != '\0') return given;
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
}

/// Asks every 2 ms until the answer is yes; false when it never was within kPatienceMs.
template <typename Condition>
bool wait_until(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
  while (!condition()) {
    if (std::chrono::steady_clock::now() >= give_up) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return true;
}

/// A folder of its own on tmpfs, or in $SLOTD_TEST_FOLDER; removed at the end.
class TestFolder {
 public:
  TestFolder() {
    const char* given = std::getenv("SLOTD_TEST_FOLDER");
    std::string pattern = std::string(given != nullptr ? given : "/dev/shm") + "/slotd-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("mkdtemp " + pattern + " failed");
    path_ = pattern;
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  const std::string& path() const noexcept { return path_; }
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

inline std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

inline void write_text(const std::string& path, const std::string& text) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << text;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

class BrokerProcess {
 public:
  /// Writes the config and starts a broker on it, ready when this returns.
  explicit BrokerProcess(const std::string& config) {
    write_config(config);
    start();
  }
  /// Writes the config and starts nothing: for brokers that are to refuse.
  static BrokerProcess not_started(const std::string& config) {
    return BrokerProcess(config, NotStarted{});
  }
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;
  ~BrokerProcess() {
    if (pid_ > 0) kill_now();
  }

  const std::string& folder() const noexcept { return folder_.path(); }
  std::string segment() const { return folder_.file("segment"); }
  std::string config_path() const { return folder_.file("slotd.yaml"); }
  std::string log_path() const { return folder_.file("log"); }
  std::string log() const { return read_text(log_path()); }
  /// What this run of the broker wrote (earlier ones on the same segment left out).
  std::string log_of_run() const { return log().substr(log_begin_); }
  int pid() const noexcept { return pid_; }

  void write_config(const std::string& text) const { write_text(config_path(), text); }

  /// Of the runs from now on, beside the segment and the configuration.
  void set_more_arguments(std::vector<std::string> arguments) { more_ = std::move(arguments); }

  /// Starts it and waits until it is ready. Throws with its log when it ends or stays silent
  /// instead.
  void start() {
    start_only();
    wait_ready();
  }
  void start_only() { spawn(); }
  void wait_ready() {
    int status = 0;
    const bool ready = wait_until([&] {
      if (log_of_run().find("event=ready") != std::string::npos) return true;
      return ::waitpid(pid_, &status, WNOHANG) == pid_ && std::exchange(pid_, 0) != 0;
    });
    if (!ready || pid_ == 0)
      throw std::runtime_error("the broker did not become ready:\n" + log_of_run());
  }
  /// Starts one that is to end by itself; its exit code (128+N when killed by signal N). One that
  /// becomes ready instead is stopped, and the answer is -1.
  int run_to_end() {
    spawn();
    int status = 0;
    bool ready = false;
    const bool answered = wait_until([&] {
      if (::waitpid(pid_, &status, WNOHANG) == pid_) return true;
      ready = log_of_run().find("event=ready") != std::string::npos;
      return ready;
    });
    if (ready || !answered) {
      stop();
      return -1;
    }
    pid_ = 0;
    return exit_code(status);
  }
  /// Starts one and kills it at some instant of its start.
  void start_and_kill_after_us(int delay_us) {
    spawn();
    ::usleep(static_cast<useconds_t>(delay_us));
    kill_now();
  }

  /// Starts one that may or may not end by itself and ends it by SIGTERM a while after it has come
  /// so far that this is an order and not its death; the exit code (128+N by signal N).
  int run_for_ms(int run_ms) {
    spawn();
    std::optional<int> ended;
    const auto has_ended = [&] {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) ended = exit_code(status);
      return ended.has_value();
    };
    wait_until([&] { return has_ended() || heeds_sigterm(); });
    for (int waited = 0; waited < run_ms && !has_ended(); waited += 10) ::usleep(10'000);
    if (!ended) return stop();
    pid_ = 0;
    return *ended;
  }

  /// SIGKILL, and reaped.
  void kill_now() {
    signal(SIGKILL);
    wait_end();
  }
  /// SIGTERM; the exit code.
  int stop() {
    signal(SIGTERM);
    return wait_end();
  }
  void signal(int number) const { ::kill(pid_, number); }
  /// SIGHUP, and the broker's answer waited for: true when the new config holds.
  bool reload() {
    const std::size_t before = log().size();
    signal(SIGHUP);
    bool accepted = false;
    const bool answered = wait_until([&] {
      const std::string added = log().substr(before);
      accepted = added.find("event=reloaded") != std::string::npos;
      return accepted || added.find("event=reload_refused") != std::string::npos;
    });
    if (!answered) throw std::runtime_error("the broker did not answer SIGHUP:\n" + log_of_run());
    return accepted;
  }
  bool is_running() {
    if (pid_ > 0 && ::waitpid(pid_, nullptr, WNOHANG) == pid_) pid_ = 0;
    return pid_ > 0;
  }
  bool wait_log(const std::string& text) const {
    return wait_until([&] { return log_of_run().find(text) != std::string::npos; });
  }

 private:
  struct NotStarted {};
  BrokerProcess(const std::string& config, NotStarted) { write_config(config); }

  void spawn() {
    log_begin_ = log().size();
    const std::string program = bin_dir() + "/slotd";
    std::vector<std::string> words{program, "--segment", segment(), "--config", config_path()};
    words.insert(words.end(), more_.begin(), more_.end());
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string log_file = log_path();
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int fd = ::open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  /// Does the process catch SIGTERM, or block it to read it elsewhere?
  bool heeds_sigterm() const {
    std::istringstream lines(read_text("/proc/" + std::to_string(pid_) + "/status"));
    for (std::string line; std::getline(lines, line);) {
      if (line.rfind("SigBlk:", 0) != 0 && line.rfind("SigCgt:", 0) != 0) continue;
      const unsigned long long set = std::strtoull(line.c_str() + 7, nullptr, 16);
      if (((set >> (SIGTERM - 1)) & 1U) != 0) return true;
    }
    return false;
  }
  int wait_end() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = 0;
    return exit_code(status);
  }
  static int exit_code(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  TestFolder folder_;
  std::vector<std::string> more_;
  int pid_ = 0;
  std::size_t log_begin_ = 0;
};

}  // namespace slotd::testing
