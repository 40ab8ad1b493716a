// Which process belongs to which owner. Pure: the processes of one moment, the owners and what was
// known a moment ago go in; nothing is remembered, nothing blocks. Data that changed while it was
// read, or that somebody made up, gives some answer in about linear time, cycles included.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "broker/host/proc_parse.hpp"

namespace slotd::broker {

inline constexpr std::uint32_t kNobody = 0xffff'ffff;

/// A process that belonged to an owner at the last look.
struct KnownMember {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint32_t owner = kNobody;  ///< place in the list of owners; kNobody: that owner is no more
};

/// Says for each process, in their order, the place of its owner in `owner_pids`, or kNobody.
///
/// - An owner's process belongs to itself, its descendants to the nearest owner among their
///   ancestors: a service has no part in the tree of a handler that is an owner too.
/// - A member of the last look stays its owner's, with its descendants, when its parent dies and it
///   is handed to init or to a subreaper, be that another owner. It changes only to an owner below
///   its own: its handler that has become an owner since.
/// - A process without an owner among its ancestors belongs to the owner of its process group or
///   session, when the leader is or at the last look was a member: what was forked twice between
///   two looks.
///
/// A parent that started after its child is not its parent but has the number of one that ended.
///
/// Preconditions: `processes` and `known` are sorted by pid. An owner's pid that stands twice
/// counts at its first place; pids that no process has are skipped.
std::vector<std::uint32_t> assign_owners(std::span<const ProcessStat> processes,
                                         std::span<const int> owner_pids,
                                         std::span<const KnownMember> known);

}  // namespace slotd::broker
