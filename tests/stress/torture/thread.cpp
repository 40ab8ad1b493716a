#include "tests/stress/torture/thread.hpp"

#include <unistd.h>

#include <utility>

#include "slotd/clock.hpp"
#include "tests/stress/torture/observer.hpp"

namespace slotd::torture {

namespace {
constexpr std::uint32_t kStepsPerTurn = 2000;  ///< then the thread ends
}

Thread::Thread(Worker& worker, std::uint32_t number, std::uint64_t turn, std::vector<Job> jobs)
    : worker_(worker),
      number_(number),
      random_(worker.birth_.seed, 1000 + worker.birth_.seat, worker.birth_.life,
              (turn << 4) | number),
      jobs_(std::move(jobs)),
      sequence_(turn * kStepsPerTurn) {}

void Thread::run() {
  const std::uint32_t steps = kStepsPerTurn / 2 + random_.pick(kStepsPerTurn / 2);
  for (std::uint32_t step = 0; step < steps; ++step) {
    const std::uint64_t end = worker_.end_ns_;
    if (board().stop.load(std::memory_order_relaxed) || (end != 0 && monotonic_ns() >= end)) {
      tally().exits.fetch_add(1, std::memory_order_relaxed);
      worker_.leave(0);
    }
    tally().operations.fetch_add(1, std::memory_order_relaxed);
    if (random_.one_in(150) && operate_rarely()) continue;
    operate();
  }
}

void Thread::operate() {
  const std::uint32_t draw = random_.pick(100);
  if (jobs_.empty() || (draw < 36 && jobs_.size() < kJobs)) return claim();
  const std::size_t index = random_.pick(static_cast<std::uint32_t>(jobs_.size()));
  if (draw < 58) return release(index);
  if (draw < 70) return step(jobs_[index]);
  if (draw < 75) return look();
  if (draw < 79) return find(jobs_[index]);
  if (draw < 83) return release_twice(index);
  if (draw < 85) return rebind(jobs_[index]);
  if (draw < 92) return give(index);
  take_mail();
}

/// What costs more than the rest together. False: nothing was done.
bool Thread::operate_rarely() {
  const std::uint32_t draw = random_.pick(100);
  if (draw < 70) {
    nap();
  } else if (draw < 82) {
    seat().doing.store("reap", std::memory_order_relaxed);
    client().reap();
  } else if (draw < 90) {
    fork_child();
  } else if (draw < 94) {
    if (worker_.birth_.threads != 1) return false;  // nobody else may be using the client
    detach();
  } else if (draw < 96) {
    start_image();
  } else if (draw < 97) {
    become_image();
  } else if (draw < 98) {
    tally().exits.fetch_add(1, std::memory_order_relaxed);
    worker_.leave(0);
  } else {
    return false;
  }
  return true;
}

// ---- Notes

std::uint32_t Thread::free_place() const {
  std::uint32_t used = 0;
  for (const Job& job : jobs_) used |= 1U << (job.place - number_ * kJobs);
  std::uint32_t place = 0;
  while ((used >> place & 1U) != 0) ++place;
  return number_ * kJobs + place;
}

void Thread::note(const Job& job) {
  // Never the same value twice in a row: a note that was cleared and written again is another one.
  seat().notes[job.place].store(job.note.pack(++sequence_ & 0x3f'ffffU));
}

void Thread::unnote(const Job& job) { seat().notes[job.place].store(0); }

/// The slot is held: noted, and looked around.
void Thread::keep(Slot slot, const Note& note_of_it) {
  Job job{std::move(slot), note_of_it, free_place()};
  note(job);
  check(board(), worker_.birth_.seat);
  jobs_.push_back(std::move(job));
}

/// Takes a job off: nothing is said of its slot any more.
Job Thread::take_job(std::size_t index) {
  Job job = std::move(jobs_[index]);
  jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index));
  unnote(job);
  return job;
}

void Thread::wrong(const char* what, const std::error_code& ec) {
  board().wrong.fetch_add(1);
  board().complain("%s: %s (seat %u life %llu pid %d thread %u)", what, ec.message().c_str(),
                   worker_.birth_.seat, static_cast<unsigned long long>(worker_.birth_.life),
                   ::getpid(), number_);
}

// ---- Operations

void Thread::claim() {
  seat().doing.store("claim", std::memory_order_relaxed);
  Note wanted;
  wanted.type = random_.pick(static_cast<std::uint32_t>(kTypes.size()));
  wanted.cost_milli = kTypes[wanted.type].cost_milli;
  ClaimOptions options;
  if (random_.one_in(3)) {  // up to above the budget, which only a lone slot may have
    wanted.cost_milli = random_.one_in(20) ? 15'000 + random_.pick(5'000) : random_.pick(3'000);
    options.cost_milli = wanted.cost_milli;
  }
  if (random_.one_in(3)) {
    wanted.memory = random_.pick(900);
    options.memory_bytes = wanted.memory;
  }
  std::string key;
  if (random_.one_in(3)) {
    wanted.key = random_.pick(kKeys);
    key = "EG_" + std::to_string(wanted.key);
    options.key = key;
  }
  std::error_code ec;
  Slot slot = client().try_claim(worker_.ids_[wanted.type], options, ec);
  if (ec) {  // a full process table keeps a child from attaching
    if (ec != Errc::kProcessTableFull) wrong("claim", ec);
    return;
  }
  if (!slot) {
    const auto reason = static_cast<std::size_t>(slot.refusal().reason());
    tally().refused[reason].fetch_add(1, std::memory_order_relaxed);
    return;
  }
  tally().admitted.fetch_add(1, std::memory_order_relaxed);
  keep(std::move(slot), wanted);
}

void Thread::release(std::size_t index) {
  seat().doing.store("release", std::memory_order_relaxed);
  Job job = take_job(index);
  const Quiet quiet(seat());
  std::error_code ec;
  job.slot.release(ec);
  if (ec && quiet.holds()) wrong("a slot that is held cannot be released", ec);
}

void Thread::step(Job& job) {
  seat().doing.store("activate or end", std::memory_order_relaxed);
  const Quiet quiet(seat());
  std::error_code ec;
  if (random_.one_in(3)) {
    job.slot.end(ec);
  } else {
    job.slot.activate(ec);
  }
  if (ec && ec != Errc::kWrongState && quiet.holds()) wrong("activate or end", ec);
}

void Thread::look() {
  seat().doing.store("can_accept", std::memory_order_relaxed);
  std::error_code ec;
  client().can_accept(worker_.ids_[random_.pick(static_cast<std::uint32_t>(kTypes.size()))], {},
                      ec);
  if (ec && ec != Errc::kProcessTableFull) wrong("can_accept", ec);
}

void Thread::find(const Job& job) {
  seat().doing.store("find", std::memory_order_relaxed);
  const Quiet quiet(seat());
  const std::uint32_t key = job.note.key < kKeys ? job.note.key : random_.pick(kKeys);
  const auto found = client().find("EG_" + std::to_string(key));
  if (job.note.key >= kKeys) return;
  if ((!found || found->token != job.slot.token()) && quiet.holds())
    wrong(found ? "a key that is held is found elsewhere" : "a key that is held is not found", {});
}

/// Through a second handle, so that the first one is stale.
void Thread::release_twice(std::size_t index) {
  seat().doing.store("release twice", std::memory_order_relaxed);
  Job job = take_job(index);
  const Quiet quiet(seat());
  std::error_code ec;
  Slot second = client().open(job.slot.token(), ec);
  if (ec && quiet.holds()) wrong("the token of a held slot is not known", ec);
  job.slot.release(ec);
  if (ec && quiet.holds()) wrong("a slot that is held cannot be released", ec);
  if (!second) return;
  second.release(ec);
  if (ec == Errc::kStaleToken) {
    tally().stale.fetch_add(1, std::memory_order_relaxed);
  } else if (quiet.holds()) {
    wrong("a second release was not refused as stale", ec);
  }
}

/// Bound to its own process: the token of before is stale.
void Thread::rebind(Job& job) {
  seat().doing.store("bind to itself", std::memory_order_relaxed);
  const Quiet quiet(seat());
  const std::string before = job.slot.token();
  std::error_code ec;
  job.slot.bind(::getpid(), ec);
  if (ec) {
    if (quiet.holds()) wrong("bind to oneself", ec);
    return;
  }
  if (client().adopt(before, ec) && quiet.holds()) wrong("a stale token was adopted", ec);
  tally().stale.fetch_add(1, std::memory_order_relaxed);
}

void Thread::detach() {
  seat().doing.store("detach", std::memory_order_relaxed);
  while (!jobs_.empty()) {
    Job job = take_job(jobs_.size() - 1);
    job.slot.detach();
  }
  seat().epoch.fetch_add(2);  // what others have bound to this process goes too
  client().detach();
  worker_.wait_attached();
  seat().epoch.fetch_add(2);
  tally().detaches.fetch_add(1, std::memory_order_relaxed);
}

void Thread::nap() {
  seat().doing.store("sleep", std::memory_order_relaxed);
  ::usleep(20 + random_.pick(300));
}

}  // namespace slotd::torture
