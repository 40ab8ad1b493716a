#include "tests/bench/workers.hpp"

#include <unistd.h>

#include <vector>

#include "tests/bench/bench_segment.hpp"

namespace slotd::bench {

namespace {

void hold(const std::string& segment_path, const Semaphores& semaphores, std::uint32_t held,
          std::uint32_t peak, std::atomic<bool>& ready) {
  Client client({.segment_path = segment_path, .name = "bench-holder"});
  std::vector<Slot> slots;
  while (slots.size() < peak) {
    Slot slot = client.try_claim(kPlainType);
    if (!slot) fail_child("the holder was refused: " + slot.refusal().text());
    slots.push_back(std::move(slot));
  }
  // From the top, so that the words that stay are the low ones.
  while (slots.size() > held) slots.pop_back();
  for (std::uint32_t i = 0; i < held; ++i) {
    if (!semaphores.try_take()) fail_child("the holder was refused by the semaphores");
  }
  ready.store(true, std::memory_order_release);
  for (;;) ::pause();
}

}  // namespace

Holder::Holder(const std::string& segment_path, const Semaphores& semaphores, std::uint32_t held,
               std::uint32_t peak)
    : process_([&, ready = &*ready_] { hold(segment_path, semaphores, held, peak, *ready); }) {
  wait_until([this] { return ready_->load(std::memory_order_acquire); },
             [this] { process_.check(); });
}

}  // namespace slotd::bench
