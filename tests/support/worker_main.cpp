// A worker process that does what it is told: reads commands from standard input, one a line, and
// answers each with one line. Tests drive it through worker_process.hpp. It uses the public client
// alone, as any worker would.
//
//   slotd_test_worker SEGMENT
//
// Commands and answers, H being the handle of a slot:
// - claim TYPE [key=K] [cost=MILLI] [memory=BYTES]: claimed HANDLE SLOT TOKEN, refused REASON, or
//   error CODE; wait TYPE MS [PRIORITY] likewise, in line; claim-in-thread TYPE likewise, by a
//   thread that has ended when the answer comes
// - adopt TOKEN, open TOKEN: claimed ..., or error CODE
// - release H, activate H, end H, bind H PID, report H [cpu=MICRO] [memory=BYTES]: ok, or error
// CODE
// - token H: token TOKEN; notice H: calm, cpu or memory; drop H: ok, the handle is destroyed
// - find KEY: found TOKEN STATE PID, or none; can TYPE: yes or no; reap: reaped N
// - told: told KIND:SLOT:TYPE ..., what the notice handler was called with so far
// - client: ok, attaches once more; later commands use the new attachment; use N: ok, the
// attachment
//   that is used from now on, counted from 0; detach: ok; destroy: ok, the one in use
// - burn MILLI: ok, threads use that many thousandths of a core from now on; burn-child MILLI and
//   burn-orphan MILLI: forked PID, a child, or a grandchild whose parent has ended, does
// - grow MIB: ok, so much more memory is touched; cpu: cpu MICROSECONDS of this process so far
// - fork-drop: exited STATUS, a child has destroyed all it inherited and exited; fork-claim TYPE:
//   forked PID SLOT TOKEN CODE, where CODE is of releasing an inherited handle and the child stays
//   until it is killed; fork-idle: forked PID, a child that does nothing and stays likewise
// - leave-main: ok, the main thread is ended, another one goes on; exec: ok, then the process is
//   `sleep`; pid: pid N; exit: no answer, destructors run
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/burn.hpp"

namespace {

using Words = std::vector<std::string>;

std::string error_line(const std::error_code& ec) { return "error " + std::to_string(ec.value()); }

/// A child that stays when its parent is killed, but not for ever should the test be killed too.
void outlive_parent() {
  ::prctl(PR_SET_PDEATHSIG, 0);
  ::alarm(120);
}

class Worker {
 public:
  explicit Worker(std::string segment) : segment_(std::move(segment)) {
    commands_ = {
        {"claim", [this](const Words& w) { return claim(w); }},
        {"wait", [this](const Words& w) { return wait(w); }},
        {"claim-in-thread", [this](const Words& w) { return claim_in_thread(w); }},
        {"adopt", [this](const Words& w) { return take(w.at(1), true); }},
        {"open", [this](const Words& w) { return take(w.at(1), false); }},
        {"release",
         [this](const Words& w) {
           return step(w, [](auto& slot, auto& ec) { slot.release(ec); });
         }},
        {"activate",
         [this](const Words& w) {
           return step(w, [](auto& slot, auto& ec) { slot.activate(ec); });
         }},
        {"end",
         [this](const Words& w) { return step(w, [](auto& slot, auto& ec) { slot.end(ec); }); }},
        {"bind",
         [this](const Words& w) {
           return step(w, [&](auto& slot, auto& ec) { slot.bind(std::stoi(w.at(2)), ec); });
         }},
        {"token", [this](const Words& w) { return "token " + handle(w.at(1)).token(); }},
        {"drop",
         [this](const Words& w) {
           slots_.erase(std::stoi(w.at(1)));
           return std::string("ok");
         }},
        {"find", [this](const Words& w) { return find(w.at(1)); }},
        {"can",
         [this](const Words& w) {
           return std::string(client().can_accept(w.at(1)) ? "yes" : "no");
         }},
        {"reap", [this](const Words&) { return "reaped " + std::to_string(client().reap()); }},
        {"client", [this](const Words&) { return attach(); }},
        {"use",
         [this](const Words& w) {
           current_ = std::stoul(w.at(1));
           return std::string("ok");
         }},
        {"detach",
         [this](const Words&) {
           client().detach();
           return std::string("ok");
         }},
        {"destroy",
         [this](const Words&) {
           clients_.at(current_).reset();
           return std::string("ok");
         }},
        {"fork-drop", [this](const Words&) { return fork_drop(); }},
        {"burn",
         [this](const Words& w) {
           burner_.reset();
           burner_ = std::make_unique<slotd::testing::Burner>(to_number(w.at(1)));
           return std::string("ok");
         }},
        {"burn-child", [](const Words& w) { return burn_child(to_number(w.at(1)), false); }},
        {"burn-orphan", [](const Words& w) { return burn_child(to_number(w.at(1)), true); }},
        {"grow",
         [this](const Words& w) {
           memory_.emplace_back(std::size_t{to_number(w.at(1))} << 20, 'x');
           return std::string("ok");
         }},
        {"cpu", [](const Words&) { return "cpu " + std::to_string(used_micros()); }},
        {"report", [this](const Words& w) { return report(w); }},
        {"notice",
         [this](const Words& w) {
           return std::string(slotd::notice_name(handle(w.at(1)).notice()));
         }},
        {"told",
         [this](const Words&) {
           const std::lock_guard<std::mutex> turn(told_turn_);
           return "told" + told_;
         }},
        {"fork-claim", [this](const Words& w) { return fork_claim(w.at(1)); }},
        {"fork-idle", [](const Words&) { return fork_idle(); }},
        {"pid", [](const Words&) { return "pid " + std::to_string(::getpid()); }},
    };
  }

  /// Attaches; "ok", or "error CODE DETAIL".
  std::string attach() {
    std::error_code ec;
    std::string detail;
    const auto note = [this](const slotd::JobNotice& notice) {
      const std::lock_guard<std::mutex> turn(told_turn_);
      told_ += std::string(" ") + slotd::notice_name(notice.notice) + ":" +
               std::to_string(notice.slot) + ":" + notice.type;
    };
    auto made = std::make_unique<slotd::Client>(
        slotd::Client::Options{segment_, "test-worker", note}, ec, &detail);
    if (ec) return error_line(ec) + " " + detail;
    clients_.push_back(std::move(made));
    current_ = clients_.size() - 1;
    return "ok";
  }

  /// Serves until the input ends, or a command says that something else is to be done.
  std::string serve() {
    std::string line;
    while (std::getline(std::cin, line)) {
      std::istringstream in(line);
      Words words;
      for (std::string word; in >> word;) words.push_back(word);
      if (words.empty()) continue;
      if (words[0] == "exit" || words[0] == "exec" || words[0] == "leave-main") return words[0];
      answer(run(words));
    }
    return "exit";
  }

  static void answer(const std::string& text) { std::cout << text << std::endl; }

 private:
  std::string run(const Words& words) try {
    const auto found = commands_.find(words[0]);
    return found == commands_.end() ? "unknown " + words[0] : found->second(words);
  } catch (const slotd::Error& error) {
    return error_line(error.code()) + " " + error.what();
  } catch (const std::exception& error) {
    return std::string("failed ") + error.what();
  }

  slotd::Client& client() { return *clients_.at(current_); }
  slotd::Slot& handle(const std::string& number) { return slots_.at(std::stoi(number)); }

  std::string keep(slotd::Slot slot) {
    const int number = next_++;
    std::string text = "claimed " + std::to_string(number) + " " + std::to_string(slot.index()) +
                       " " + slot.token();
    slots_.emplace(number, std::move(slot));
    return text;
  }

  std::string claim(const Words& words) {
    slotd::ClaimOptions options;
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::string value = words[i].substr(words[i].find('=') + 1);
      if (words[i].rfind("key=", 0) == 0) options.key = std::string_view(words[i]).substr(4);
      if (words[i].rfind("cost=", 0) == 0)
        options.cost_milli = static_cast<std::uint32_t>(std::stoul(value));
      if (words[i].rfind("memory=", 0) == 0) options.memory_bytes = std::stoull(value);
    }
    std::error_code ec;
    slotd::Slot slot = client().try_claim(words.at(1), options, ec);
    if (ec) return error_line(ec);
    if (!slot) return std::string("refused ") + slotd::reason_name(slot.refusal().reason());
    return keep(std::move(slot));
  }

  std::string wait(const Words& words) {
    slotd::ClaimOptions options;
    if (words.size() > 3) options.priority = to_number(words[3]);
    std::error_code ec;
    slotd::Slot slot = client().claim_for(
        words.at(1), std::chrono::milliseconds(to_number(words.at(2))), options, ec);
    if (ec) return error_line(ec);
    if (!slot) return std::string("refused ") + slotd::reason_name(slot.refusal().reason());
    return keep(std::move(slot));
  }

  std::string claim_in_thread(const Words& words) {
    std::string text;
    std::thread([&] { text = claim(words); }).join();
    return text;
  }

  std::string take(const std::string& token, bool adopt) {
    std::error_code ec;
    slotd::Slot slot = adopt ? client().adopt(token, ec) : client().open(token, ec);
    return ec ? error_line(ec) : keep(std::move(slot));
  }

  template <typename Operation>
  std::string step(const Words& words, Operation operation) {
    std::error_code ec;
    operation(handle(words.at(1)), ec);
    return ec ? error_line(ec) : "ok";
  }

  std::string find(const std::string& key) {
    const auto info = client().find(key);
    if (!info) return "none";
    return "found " + info->token + " " + std::to_string(static_cast<int>(info->state)) + " " +
           std::to_string(info->owner_pid);
  }

  static std::uint32_t to_number(const std::string& text) {
    return static_cast<std::uint32_t>(std::stoul(text));
  }

  std::string report(const Words& words) {
    slotd::Report figures;
    for (std::size_t i = 2; i < words.size(); ++i) {
      const std::string value = words[i].substr(words[i].find('=') + 1);
      if (words[i].rfind("cpu=", 0) == 0) figures.cpu_micro = std::stoull(value);
      if (words[i].rfind("memory=", 0) == 0) figures.memory_bytes = std::stoull(value);
    }
    std::error_code ec;
    handle(words.at(1)).report(figures, ec);
    return ec ? error_line(ec) : "ok";
  }

  /// CPU time of this process so far, children not among it.
  static std::int64_t used_micros() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto micros = [](const timeval& time) {
      return std::int64_t{time.tv_sec} * 1'000'000 + time.tv_usec;
    };
    return micros(usage.ru_utime) + micros(usage.ru_stime);
  }

  /// A child that burns, or a grandchild whose parent has ended.
  static std::string burn_child(std::uint32_t milli, bool as_orphan) {
    int ends[2];
    if (::pipe(ends) != 0) return "failed pipe";
    const pid_t child = ::fork();
    if (child == 0) {
      if (as_orphan && ::fork() != 0) ::_exit(0);
      outlive_parent();
      ::close(STDIN_FILENO);
      ::close(STDOUT_FILENO);
      const pid_t self = ::getpid();
      if (::write(ends[1], &self, sizeof(self)) != sizeof(self)) ::_exit(1);
      const std::atomic<bool> never{false};
      slotd::testing::burn_here(milli, 60, never);
      ::_exit(0);
    }
    if (as_orphan) ::waitpid(child, nullptr, 0);
    pid_t burning = 0;
    const ssize_t got = ::read(ends[0], &burning, sizeof(burning));
    ::close(ends[0]);
    ::close(ends[1]);
    return got == sizeof(burning) ? "forked " + std::to_string(burning) : "failed read";
  }

  std::string fork_drop() {
    const pid_t child = ::fork();
    if (child == 0) {
      slots_.clear();
      clients_.clear();
      std::exit(0);  // destructors of statics too, as in a child that was not meant to return
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    return "exited " +
           std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  }

  std::string fork_claim(const std::string& type) {
    int ends[2];
    if (::pipe(ends) != 0) return "failed pipe";
    const pid_t child = ::fork();
    if (child == 0) {
      outlive_parent();
      std::error_code inherited;
      if (!slots_.empty()) slots_.begin()->second.release(inherited);
      std::error_code ec;
      slotd::Slot slot = client().try_claim(type, {}, ec);
      const std::string text = std::to_string(::getpid()) + " " + std::to_string(slot.index()) +
                               " " + (slot ? slot.token() : std::string("none")) + " " +
                               std::to_string(inherited.value());
      if (::write(ends[1], text.data(), text.size()) < 0) ::_exit(1);
      for (;;) ::pause();
    }
    char text[256] = {};
    const ssize_t got = ::read(ends[0], text, sizeof(text) - 1);
    ::close(ends[0]);
    ::close(ends[1]);
    return got > 0 ? std::string("forked ") + text : "failed read";
  }

  static std::string fork_idle() {
    const pid_t child = ::fork();
    if (child == 0) {
      outlive_parent();
      ::close(STDIN_FILENO);
      ::close(STDOUT_FILENO);
      for (;;) ::pause();
    }
    return "forked " + std::to_string(child);
  }

  const std::string segment_;
  std::map<std::string, std::function<std::string(const Words&)>> commands_;
  std::vector<std::unique_ptr<slotd::Client>> clients_;
  std::size_t current_ = 0;
  std::map<int, slotd::Slot> slots_;
  int next_ = 0;
  std::unique_ptr<slotd::testing::Burner> burner_;
  std::vector<std::string> memory_;
  std::mutex told_turn_;
  std::string told_;  ///< " KIND:SLOT:TYPE" for each notice
};

/// Serves to the end; `exec` turns the process into another program.
void serve_to_end(Worker& worker) {
  std::string left = worker.serve();
  while (left == "leave-main") {  // once the main thread has left there is no other to leave
    Worker::answer("ok");
    left = worker.serve();
  }
  if (left != "exec") return;
  Worker::answer("ok");
  ::execl("/bin/sleep", "sleep", "1000", static_cast<char*>(nullptr));
}

}  // namespace

int main(int argc, char** argv) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (argc != 2) return 64;
  auto* worker = new Worker(argv[1]);
  const std::string attached = worker->attach();
  Worker::answer(attached);
  if (attached != "ok") return 1;
  const std::string left = worker->serve();
  if (left == "leave-main") {
    std::thread([worker] {
      Worker::answer("ok");
      serve_to_end(*worker);
      delete worker;
      std::exit(0);
    }).detach();
    ::pthread_exit(nullptr);
  }
  if (left == "exec") {
    Worker::answer("ok");
    ::execl("/bin/sleep", "sleep", "1000", static_cast<char*>(nullptr));
  }
  delete worker;
  return 0;
}
