#include "tests/stress/torture/worker.hpp"

#include <pthread.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <system_error>
#include <thread>
#include <utility>

#include "slotd/clock.hpp"
#include "tests/stress/torture/thread.hpp"

namespace slotd::torture {

Worker::Worker(Board& board, Birth birth, std::unique_ptr<Client> client)
    : board_(board), birth_(std::move(birth)), client_(std::move(client)) {
  if (birth_.end_after_us != 0) end_ns_ = monotonic_ns() + birth_.end_after_us * 1000U;
}

void Worker::run() {
  wait_attached();
  seat().attached.store(1);
  for (std::uint32_t number = 1; number < birth_.threads; ++number)
    start_thread(number, 0, new std::vector<Job>);
  if (birth_.leaves_main && start_thread(0, 0, new std::vector<Job>)) {
    tally().main_exits.fetch_add(1, std::memory_order_relaxed);
    ::pthread_exit(nullptr);
  }
  std::vector<Job> jobs;
  for (std::uint64_t turn = 0;; ++turn) {
    Thread first(*this, 0, turn, std::move(jobs));
    first.run();
    jobs = std::move(first.jobs());
  }
}

/// A full process table is no fault: it says so, and one tries again. Anything else is one.
void Worker::wait_attached() {
  seat().doing.store("attach", std::memory_order_relaxed);
  while (!board_.stop.load() && (end_ns_ == 0 || monotonic_ns() < end_ns_)) {
    std::error_code ec;
    std::string detail;
    if (!client_) {
      client_ = std::make_unique<Client>(Client::Options{birth_.segment, "tortured"}, ec, &detail);
    } else if (!client_->is_attached()) {
      client_->can_accept(client_->type(kTypes[0].name), {}, ec);  // attaches anew
    }
    if (!ec) {
      for (std::size_t i = 0; i < kTypes.size(); ++i) ids_[i] = client_->type(kTypes[i].name);
      tally().attached.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    tally().attach_refused.fetch_add(1, std::memory_order_relaxed);
    if (client_->attachment() == nullptr) client_.reset();
    if (ec != Errc::kProcessTableFull) {
      board_.wrong.fetch_add(1);
      board_.complain("attach: %s (%s), seat %u pid %d", ec.message().c_str(), detail.c_str(),
                      birth_.seat, ::getpid());
      leave(0);
    }
    ::usleep(500);
  }
  leave(0);
}

/// The threads of a number follow one another: each starts the next one with its slots and ends.
/// Where the kernel has no thread to give, false: the one that is there goes on.
bool Worker::start_thread(std::uint32_t number, std::uint64_t turn, std::vector<Job>* jobs) {
  try {
    std::thread([this, number, turn, jobs] { be_threads(number, turn, jobs); }).detach();
    return true;
  } catch (const std::system_error&) {
    tally().threads_refused.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
}

void Worker::be_threads(std::uint32_t number, std::uint64_t turn, std::vector<Job>* jobs) {
  do {
    Thread thread(*this, number, turn, std::move(*jobs));
    thread.run();
    *jobs = std::move(thread.jobs());
    tally().threads.fetch_add(1, std::memory_order_relaxed);
    turn += 1;
  } while (!start_thread(number, turn, jobs));
}

void Worker::leave(int code) noexcept {
  seat().doom();
  ::_exit(code);
}

}  // namespace slotd::torture
