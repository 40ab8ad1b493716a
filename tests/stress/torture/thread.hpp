// One thread of a tortured process: draws one operation after the other and judges its answer. It
// ends from time to time, and another one goes on with its slots. Used by worker.cpp alone.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>
#include <vector>

#include "tests/stress/torture/worker.hpp"

namespace slotd::torture {

class Thread {
 public:
  /// `turn`: how many threads had this number before.
  Thread(Worker& worker, std::uint32_t number, std::uint64_t turn, std::vector<Job> jobs);

  /// Until the thread's turn is over; then its slots wait in jobs().
  void run();
  std::vector<Job>& jobs() noexcept { return jobs_; }

 private:
  /// The owner's epoch before a step: has it been left alone since?
  class Quiet {
   public:
    explicit Quiet(const Seat& seat) noexcept : seat_(seat), epoch_(seat.epoch.load()) {}
    std::uint64_t epoch() const noexcept { return epoch_; }
    bool holds() const noexcept { return is_settled(epoch_) && seat_.epoch.load() == epoch_; }

   private:
    const Seat& seat_;
    std::uint64_t epoch_;
  };

  void operate();
  bool operate_rarely();
  void claim();
  void release(std::size_t index);
  void step(Job& job);
  void look();
  void find(const Job& job);
  void release_twice(std::size_t index);
  void rebind(Job& job);
  void give(std::size_t index);
  void give_by_pid(Job& job);
  bool send(const Parcel& parcel);
  void take_mail();
  void take_parcel(const Parcel& parcel);
  void detach();
  void fork_child();
  [[noreturn]] void be_child(std::uint32_t seat_index, std::uint64_t life, std::uint32_t luck);
  void start_image();
  [[noreturn]] void become_image();
  void nap();

  Client& client() noexcept { return *worker_.client_; }
  Board& board() noexcept { return worker_.board_; }
  Seat& seat() noexcept { return worker_.seat(); }
  Tally& tally() noexcept { return worker_.tally(); }
  std::uint32_t free_place() const;
  void note(const Job& job);
  void unnote(const Job& job);
  void keep(Slot slot, const Note& note);
  Job take_job(std::size_t index);
  void wrong(const char* what, const std::error_code& ec);

  Worker& worker_;
  std::uint32_t number_;
  Random random_;
  std::vector<Job> jobs_;
  std::uint64_t sequence_ = 0;
};

}  // namespace slotd::torture
