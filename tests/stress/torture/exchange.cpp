// Slots that change hands between tortured processes, and processes that come of others: the parts
// of Thread that leave their own process.
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cstring>
#include <utility>

#include "tests/stress/torture/thread.hpp"

namespace slotd::torture {

// ---- Change of owner

/// Either the token is left for anybody to adopt while the slot stays this process's own, or it is
/// bound to a sibling by pid and the token is left for that one.
void Thread::give(std::size_t index) {
  seat().doing.store("give", std::memory_order_relaxed);
  Job job = take_job(index);
  if (random_.one_in(2)) return give_by_pid(job);
  Parcel parcel;
  parcel.owner = worker_.birth_.seat;
  const Quiet quiet(seat());
  parcel.owner_epoch = quiet.epoch();
  parcel.note = job.note;
  std::snprintf(parcel.token.data(), parcel.token.size(), "%s", job.slot.token().c_str());
  if (send(parcel)) {
    job.slot.detach();
    return;
  }
  std::error_code ec;
  job.slot.release(ec);
  if (ec && quiet.holds()) wrong("a slot that is held cannot be released", ec);
}

void Thread::give_by_pid(Job& job) {
  const Quiet own(seat());
  Parcel parcel;
  parcel.owner = random_.pick(kSeats);
  parcel.target = parcel.owner;
  const Seat& sibling = board().seats[parcel.owner];
  const Quiet theirs(sibling);
  parcel.owner_epoch = theirs.epoch();
  parcel.note = job.note;
  const int pid = sibling.pid.load();
  std::error_code ec;
  if (pid != 0 && is_settled(theirs.epoch())) job.slot.bind(pid, ec);
  const bool bound = pid != 0 && is_settled(theirs.epoch()) && !ec;
  if (ec && ec != Errc::kNoSuchProcess && ec != Errc::kProcessTableFull && own.holds())
    wrong("bind to a sibling", ec);
  if (bound) {
    tally().bound.fetch_add(1, std::memory_order_relaxed);
    std::snprintf(parcel.token.data(), parcel.token.size(), "%s", job.slot.token().c_str());
    if (send(parcel)) {
      job.slot.detach();
      return;
    }
  }
  // Nobody else knows the token.
  job.slot.release(ec);
  const bool safe = bound ? theirs.holds() && sibling.pid.load() == pid : own.holds();
  if (ec && safe && own.holds()) wrong("a slot that was bound cannot be released", ec);
}

bool Thread::send(const Parcel& parcel) {
  const std::uint32_t writing = Mail::make(Mail::kWriting, worker_.birth_.seat);
  Mail& mail = board().mails[random_.pick(kMails)];
  std::uint32_t state = Mail::kEmpty;
  if (!mail.state.compare_exchange_strong(state, writing)) return false;
  mail.parcel = parcel;
  state = writing;
  return mail.state.compare_exchange_strong(state, Mail::make(Mail::kFull, worker_.birth_.seat));
}

void Thread::take_mail() {
  if (jobs_.size() >= kJobs) return;
  const std::uint32_t reading = Mail::make(Mail::kReading, worker_.birth_.seat);
  Mail& mail = board().mails[random_.pick(kMails)];
  std::uint32_t state = mail.state.load();
  if ((state & 3U) != Mail::kFull) return;
  const std::uint32_t full = state;
  if (!mail.state.compare_exchange_strong(state, reading)) return;
  const Parcel parcel = mail.parcel;
  const bool elsewhere = parcel.target != kNoSeat && parcel.target != worker_.birth_.seat &&
                         board().seats[parcel.target].epoch.load() == parcel.owner_epoch;
  state = reading;
  mail.state.compare_exchange_strong(state, elsewhere ? full : std::uint32_t{Mail::kEmpty});
  if (!elsewhere) take_parcel(parcel);
}

/// Only the death of the owner can have made it stale: each parcel is opened once.
void Thread::take_parcel(const Parcel& parcel) {
  seat().doing.store("adopt", std::memory_order_relaxed);
  const Quiet own(seat());
  std::error_code ec;
  Slot slot = client().adopt(parcel.token.data(), ec);
  if (!ec) {
    tally().adopted.fetch_add(1, std::memory_order_relaxed);
    keep(std::move(slot), parcel.note);
    return;
  }
  const Seat& owner = board().seats[parcel.owner];
  const bool owner_lives =
      is_settled(parcel.owner_epoch) && owner.epoch.load() == parcel.owner_epoch;
  if (ec == Errc::kStaleToken ? owner_lives && own.holds() : ec != Errc::kProcessTableFull)
    wrong("adopt", ec);
}

// ---- Processes

void Thread::fork_child() {
  seat().doing.store("fork", std::memory_order_relaxed);
  const std::uint32_t index = kWorkerSeats + random_.pick(kSeats - kWorkerSeats);
  const std::uint64_t life = random_.next();
  const std::uint32_t luck = random_.pick(8);
  const pid_t child = ::fork();
  if (child == 0) be_child(index, life, luck);
  if (child > 0) tally().forks.fetch_add(1, std::memory_order_relaxed);
}

/// The child of a fork: nothing that it inherited is its own. Then it takes a seat if that is free,
/// and lives for a while by itself.
void Thread::be_child(std::uint32_t seat_index, std::uint64_t life, std::uint32_t luck) {
  ::alarm(600);  // should the driver be gone; a busy machine may keep anybody waiting for a minute
  for (Job& job : jobs_) {
    std::error_code ec;
    if (luck % 2 == 0) job.slot.activate(ec);
    if (luck % 2 == 1) job.slot.release(ec);
    if (ec != Errc::kNotAttached) wrong("a child used its parent's slot", ec);
  }
  jobs_.clear();
  if (luck == 0) ::_exit(0);
  Seat& seat = board().seats[seat_index];
  std::int32_t nobody = 0;
  if (!seat.pid.compare_exchange_strong(nobody, ::getpid())) ::_exit(0);
  seat.epoch.fetch_add(1);  // it was doomed: another life
  Birth birth = worker_.birth_;
  birth.seat = seat_index;
  birth.life = life;
  birth.threads = 1;
  birth.leaves_main = false;
  birth.end_after_us = 2000 + luck * 4000;
  std::unique_ptr<Client> client;
  if (luck % 2 == 1) client = std::move(worker_.client_);
  auto* worker = new Worker(board(), std::move(birth), std::move(client));
  worker->run();
}

/// fork and exec of a program that knows nothing of slotd.
void Thread::start_image() {
  seat().doing.store("fork and exec", std::memory_order_relaxed);
  const pid_t child = ::fork();
  if (child == 0) {
    ::execl("/bin/true", "true", static_cast<char*>(nullptr));
    ::_exit(0);
  }
  if (child > 0) tally().images.fetch_add(1, std::memory_order_relaxed);
}

/// exec by an owner: its presence ends, its process goes on.
void Thread::become_image() {
  tally().execs.fetch_add(1, std::memory_order_relaxed);
  seat().doom();
  ::execl("/bin/sleep", "sleep", "0.02", static_cast<char*>(nullptr));
  ::_exit(0);
}

}  // namespace slotd::torture
