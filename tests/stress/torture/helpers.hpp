// Processes beside the tortured ones: one that starts, stops and kills the broker, one that sets
// the wall clock. Both are children of the driver in process groups of their own, so that the
// driver can wait for all the others.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "tests/stress/torture/board.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::torture {

/// What the driver asks of the broker's keeper (Board::broker_wish), and what it answers
/// (Board::broker_state).
enum class BrokerWish : std::uint32_t { kTorment, kUp, kDown, kEnd };
enum class BrokerState : std::uint32_t { kUnknown, kUp, kDown, kFailed };

/// Forks the keeper of a broker that was not started yet: it starts it, kills it about once a
/// second, stops it from time to time, and starts it again. Returns its pid.
pid_t start_broker_keeper(Board& board, testing::BrokerProcess& broker, std::uint64_t seed);

/// Forks a process that sets the wall clock forth and back by up to `most_s` seconds, each time for
/// a fifth of a second, and puts it right again by CLOCK_MONOTONIC, at its end too. Returns its
/// pid; 0 when setting the clock is not permitted here.
pid_t start_clock_setter(Board& board, std::uint64_t seed, std::uint32_t most_s);

/// Ends it (SIGTERM, so that it restores the clock first) and waits for it.
void end_clock_setter(pid_t pid);

}  // namespace slotd::torture
