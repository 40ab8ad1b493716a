// Processes that work for all contenders: members of each, and one that holds slots of each.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "tests/bench/rivals/contender.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

inline constexpr std::size_t kMaxContenders = 16;

using Memberships = std::vector<std::unique_ptr<Member>>;

/// In the process that is going to use them, in the contenders' order.
Memberships join_all(const Contenders& contenders);

/// A process that holds `held` slots of each contender for as long as the object lives.
class Keeper {
 public:
  /// Returns when they are held.
  Keeper(const Contenders& contenders, std::uint32_t held);

 private:
  Shared<std::atomic<bool>> ready_;
  Child process_;
};

}  // namespace slotd::bench
