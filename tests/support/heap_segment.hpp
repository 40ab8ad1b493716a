// A segment on the heap for tests that need no file and no broker: formatted and published by the
// broker's own code. Entries are made by hand with chosen owners, armed as alive or marked as dead.
#pragma once

#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "broker/ledger/publish.hpp"
#include "broker/segment/format.hpp"
#include "slotd/claim.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::testing {

/// The seed's five types on `cores` cores with utilisation 0.8, no group.
inline broker::LedgerSpec make_spec(std::uint64_t cores_micro) {
  broker::LedgerSpec spec;
  const std::vector<std::pair<std::string, std::uint32_t>> types = {{"room_composite", 4000},
                                                                    {"web", 4000},
                                                                    {"participant", 2000},
                                                                    {"track_composite", 1000},
                                                                    {"track", 500}};
  for (const auto& [name, cost_milli] : types) {
    broker::LedgerType type;
    type.name = name;
    type.base = static_cast<std::uint32_t>(spec.types.size());
    type.cost_milli = cost_milli;
    spec.types.push_back(type);
  }
  spec.capacity_micro = cores_micro;
  spec.budget_micro = cores_micro / 10 * 8;
  return spec;
}
inline constexpr std::uint32_t kRoomComposite = 0;
inline constexpr std::uint32_t kWeb = 1;
inline constexpr std::uint32_t kParticipant = 2;
inline constexpr std::uint32_t kTrackComposite = 3;
inline constexpr std::uint32_t kTrack = 4;

class HeapSegment {
 public:
  explicit HeapSegment(const broker::LedgerSpec& spec, Capacities capacities = {64, 16})
      : capacities_(capacities), bytes_(compute_geometry(capacities).total_bytes) {
    memory_.reset(std::aligned_alloc(4096, bytes_));
    std::memset(memory_.get(), 0, bytes_);
    broker::format_segment(memory_.get(), capacities, {0x1234, {1, 2}, 1, 1, "test"});
    broker::publish_config(view(), spec);
    broker::publish_sample(view(), {});
    broker::open_for_business(memory_.get());
  }

  SegmentView view(bool writable = true) const { return {memory_.get(), capacities_, writable}; }
  void* base() const { return memory_.get(); }
  std::uint64_t bytes() const { return bytes_; }

  ProcessTable processes(bool as_broker = false) const {
    SelfIdentity self;
    self.pid = ::getpid();
    self.pid_ns_inode = 77;
    self.time_ns_inode = 88;
    return {view(), self, as_broker};
  }

  /// An entry in use whose presence says alive (a made-up thread id).
  ProcessRef add_process(std::uint32_t pid = 0x3ffff0) const {
    const ProcessRef ref = processes().reserve(pid);
    if (ref) view().process(ref.index).presence.store(make_presence(ref.attach, 4242));
    return ref;
  }
  /// What the kernel does when the process of the entry dies.
  void mark_dead(ProcessRef ref) const {
    view().process(ref.index).presence.fetch_or(kFutexOwnerDied);
  }
  void put_word(std::uint32_t slot, SlotWord word) const {
    view().word(slot).store(word.raw);
    std::atomic<std::uint64_t>& mark = view().header().mark;
    if (mark.load() < slot + 1U) mark.store(slot + 1U);
  }
  SlotWord word(std::uint32_t slot) const { return SlotWord{view().word(slot).load()}; }

  /// One claim by `owner`; costs in millicores, the type's default where 0 is given.
  ClaimResult claim(ProcessRef owner, std::uint32_t type, std::uint32_t cost_milli = 0,
                    std::string_view key = {}, std::uint64_t memory_bytes = 0,
                    bool look_first = false) const {
    ClaimRequest request;
    const auto cost = cost_milli == 0 ? std::nullopt : std::optional<std::uint32_t>(cost_milli);
    const auto memory =
        memory_bytes == 0 ? std::nullopt : std::optional<std::uint64_t>(memory_bytes);
    request.request = make_request(view(), type, cost, memory);
    request.key = {key, key.empty() ? 0 : key_fingerprint(key)};
    request.look_first = look_first;
    const ProcessTable table = processes();
    return Claim(table, owner, request, 0, 1).run();
  }

 private:
  struct Free {
    void operator()(void* memory) const { std::free(memory); }
  };
  Capacities capacities_;
  std::uint64_t bytes_;
  std::unique_ptr<void, Free> memory_;
};

}  // namespace slotd::testing
