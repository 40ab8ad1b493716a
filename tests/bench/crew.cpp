#include "tests/bench/crew.hpp"

#include <unistd.h>

namespace slotd::bench {

namespace {

void hold(const Contenders& contenders, std::uint32_t held, std::atomic<bool>& ready) {
  const Memberships members = join_all(contenders);
  for (const auto& member : members) {
    for (std::uint32_t i = 0; i < held; ++i) {
      if (!member->try_take()) fail_child("the holder was refused");
      member->keep();
    }
  }
  ready.store(true, std::memory_order_release);
  for (;;) ::pause();
}

}  // namespace

Memberships join_all(const Contenders& contenders) {
  Memberships members;
  for (const auto& contender : contenders) members.push_back(contender->join());
  return members;
}

Keeper::Keeper(const Contenders& contenders, std::uint32_t held)
    : process_([&, ready = &*ready_] { hold(contenders, held, *ready); }) {
  wait_until([this] { return ready_->load(std::memory_order_acquire); },
             [this] { process_.check(); });
}

}  // namespace slotd::bench
