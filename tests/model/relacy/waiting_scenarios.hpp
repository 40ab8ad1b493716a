// Those who wait: entries, bits, tellings. No wake is lost. Included behind shim.hpp.
//
// A waiter that falls asleep is a thread that has ended, and remembers which count of tellings it
// sleeps on: the kernel compares that with the word as it is then. At the end nobody may be asleep
// and untold while there is room, unless somebody has a turn and will pass it on. Times stand.
#pragma once

#include "slotd/waiter_seat.hpp"
#include "slotd/waiters.hpp"
#include "tests/model/relacy/process_scenarios.hpp"

namespace slotd::model {

/// What waiters and releasers share in these scenarios: one slot, which is held when they begin.
template <typename Derived, unsigned kThreads>
struct Waiting : Scenario<Derived, kThreads> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static inline ClaimResult first;
  static void prepare(Stage& stage) { first = hold_one(stage, 1); }

  struct Sleeper {
    std::uint32_t entry = kNoWaiter;  ///< none: it does not sleep
    std::uint32_t count = 0;          ///< of tellings, that it sleeps on
  };

  void model_waiting(std::initializer_list<std::uint32_t> entries) {
    this->model(this->view.header().waiting, slotd_model::Role::kWaiting);
    this->model(this->view.header().tickets);
    for (const std::uint32_t index : entries) {
      WaiterEntry& entry = this->view.waiter(index);
      this->model(entry.holder, slotd_model::Role::kHolder);
      this->model(entry.told);
      this->model(entry.request);
      this->model(entry.memory_bytes);
      this->model(entry.ticket);
      this->model(entry.since_ms);
      this->model(entry.confirmed_ms);
    }
  }

  /// As Attachment::release(): the word, then those who wait for it.
  void give_back(const ClaimResult& job) {
    this->release(job);
    wake_waiters(Derived::stage().processes());
  }

  /// After steps of nothing: else a thread this short would always come before the long ones.
  void give_back_at_some_time() {
    for (unsigned steps = rl::rand(kMostIdleSteps); steps > 0; --steps)
      this->view.header().tickets.load(std::memory_order_relaxed);
    give_back(first);
  }

  /// As Attachment::wait_claim(), until it is admitted or sleeps. Who is admitted gives back.
  void wait(unsigned thread, std::uint32_t process, Sleeper& sleeper) {
    const ProcessTable processes = Derived::stage().processes();
    // Never destroyed: who sleeps when its thread has ended keeps its entry.
    WaiterSeat& seat = *::new (seats_[thread].data()) WaiterSeat(processes, this->process(process));
    RL_ASSERT(seat.take(make_request(this->view, 0), 0));
    for (int look = 0; look < kLooks; ++look) {
      if (seat.is_told() && claim_and_give_back(thread, process, seat)) return;
      seat.confirm();
      const std::uint32_t count = count_of(seat);
      if (serve_queue(processes, seat.index(), nullptr) == QueueAnswer::kGo &&
          claim_and_give_back(thread, process, seat))
        return;
      if (seat.pass_turn()) continue;
      if (count_of(seat) != count) continue;  // the kernel would not let it sleep
      sleeper = {seat.index(), count};
      return;
    }
  }

  void check_sleepers(std::initializer_list<Sleeper> sleepers) {
    if (this->observer.count_held(false) >= this->observer.limit) return;
    bool is_any_asleep = false;
    bool is_any_told = false;
    for (const Sleeper& sleeper : sleepers) {
      if (sleeper.entry == kNoWaiter) continue;
      const WaiterTold told{this->view.waiter(sleeper.entry).told.load()};
      is_any_asleep = true;
      is_any_told = is_any_told || told.count() != sleeper.count;
    }
    RL_ASSERT(!is_any_asleep || is_any_told);
  }

 private:
  static constexpr int kLooks = 8;
  static constexpr unsigned kMostIdleSteps = 100;

  static std::uint32_t count_of(const WaiterSeat& seat) {
    return WaiterTold{seat.told().load(std::memory_order_seq_cst)}.count();
  }
  bool claim_and_give_back(unsigned thread, std::uint32_t process, WaiterSeat& seat) {
    const ClaimResult job = this->claim(thread, process);
    if (!job.verdict) return false;
    seat.leave();
    wake_waiters(Derived::stage().processes());
    give_back(job);
    return true;
  }

  struct alignas(WaiterSeat) SeatRoom : std::array<std::byte, sizeof(WaiterSeat)> {};
  std::array<SeatRoom, kThreads> seats_;
};

/// A slot is given back while somebody gets in line for it.
struct HandOff : Waiting<HandOff, 2> {
  void model_cells() {
    observer.limit = 1;
    model_slots(2);
    model_waiting({2 * kWaiterGroup});
  }
  void thread(unsigned index) {
    if (index == 0) return give_back_at_some_time();
    wait(index, 2, sleeper);
  }
  void check() { check_sleepers({sleeper}); }
  Sleeper sleeper;
};

/// Two get in line in different groups while a slot is given back: whoever had it first passes it
/// on.
struct HandOffToTwo : Waiting<HandOffToTwo, 3> {
  void model_cells() {
    observer.limit = 1;
    model_slots(3);
    model_waiting({2 * kWaiterGroup, 3 * kWaiterGroup});
  }
  void thread(unsigned index) {
    if (index == 0) return give_back_at_some_time();
    wait(index, index + 1, sleepers[index - 1]);
  }
  void check() { check_sleepers({sleepers[0], sleepers[1]}); }
  std::array<Sleeper, 2> sleepers;
};

/// One leaves the line, and takes the group's bit back, while another gets in line in the same
/// group and a slot is given back.
struct LeaveAndJoin : Waiting<LeaveAndJoin, 3> {
  void model_cells() {
    observer.limit = 1;
    model_slots(2);
    model_waiting({2 * kWaiterGroup, 2 * kWaiterGroup + 1});
  }
  void thread(unsigned index) {
    if (index == 0) return give_back_at_some_time();
    if (index == 2) return wait(index, 2, sleeper);
    const ProcessTable processes = stage().processes();
    WaiterSeat seat(processes, process(2));
    RL_ASSERT(seat.take(make_request(view, 0), 0));
    seat.leave();
    // What it was told is passed on.
    wake_waiters(processes);
  }
  void check() { check_sleepers({sleeper}); }
  Sleeper sleeper;
};

}  // namespace slotd::model
