// What the processes of a run do: hold slots, and the operations that are timed. Each operation is
// repeated `count` times by operator() and ends its process when it does not go as it must: a
// figure for something else would be worse than none.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

#include "slotd/client.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

/// claim and release of one slot through the public client: the form that looks nothing up.
class ClaimPair {
 public:
  ClaimPair(Client& client, std::string_view type, std::string_view key = {})
      : client_(client), type_(client.type(type)), options_{.key = key} {}

  void operator()(std::uint64_t count) {
    std::error_code error;
    for (; count > 0; --count) {
      Slot slot = client_.try_claim(type_, options_, error);
      if (!slot) fail_child("a claim was refused: " + slot.refusal().text());
      slot.release(error);
      if (error) fail_child("a release failed");
    }
  }

 private:
  Client& client_;
  TypeId type_;
  ClaimOptions options_;
};

/// The same by the type's name, as workers that claim now and then write it.
class NamedClaimPair {
 public:
  NamedClaimPair(Client& client, std::string_view type) : client_(client), type_(type) {}

  void operator()(std::uint64_t count) {
    std::error_code error;
    for (; count > 0; --count) {
      Slot slot = client_.try_claim(type_, {}, error);
      if (!slot) fail_child("a claim was refused: " + slot.refusal().text());
      slot.release(error);
      if (error) fail_child("a release failed");
    }
  }

 private:
  Client& client_;
  std::string_view type_;
};

class SemopPair {
 public:
  explicit SemopPair(const Semaphores& semaphores) : semaphores_(semaphores) {}

  void operator()(std::uint64_t count) {
    for (; count > 0; --count) {
      if (!semaphores_.try_take() || !semaphores_.give_back()) fail_child("a semop failed");
    }
  }

 private:
  const Semaphores& semaphores_;
};

/// A process that holds slots of the plain type, and as many places of the semaphores, for as long
/// as the object lives.
class Holder {
 public:
  /// Claims `peak` slots and gives back all but the first `held`. Returns when they are held.
  Holder(const std::string& segment_path, const Semaphores& semaphores, std::uint32_t held,
         std::uint32_t peak);

 private:
  Shared<std::atomic<bool>> ready_;
  Child process_;
};

}  // namespace slotd::bench
