// A look into a live segment from outside, as slotctl has it: for what tests compare with their
// expectations, and (where a test plays the scribbler or a process stopped at some instruction) for
// writing words by hand. Owns no process entry.
#pragma once

#include <fcntl.h>
#include <sys/types.h>

#include <cstdint>
#include <stdexcept>
#include <string>

#include "slotd/segment.hpp"
#include "slotd/snapshot.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::testing {

class SegmentProbe {
 public:
  explicit SegmentProbe(const std::string& path, Access access = Access::kReadOnly) {
    const OpenedSegment opened = open_segment(path, access, read_boot_id());
    if (opened.code != Errc::kOk) throw std::runtime_error(opened.detail);
    processes_ = ProcessTable(opened.view(access), read_self_identity(), false);
    bytes_ = opened.bytes;
  }

  const SegmentView& view() const noexcept { return processes_.view(); }
  const ProcessTable& processes() const noexcept { return processes_; }
  std::uint64_t bytes() const noexcept { return bytes_; }

  Snapshot snapshot() const { return read_snapshot(processes_); }
  std::int64_t available_micro() const { return snapshot().available_micro(); }
  CounterTotals counters() const { return read_counters(view()); }

  std::uint32_t held() const {
    return count([](SlotWord word) { return word.is_held(); });
  }
  /// Words in any state but FREE.
  std::uint32_t taken() const {
    return count([](SlotWord word) { return !word.is_free(); });
  }
  SlotWord word(std::uint32_t slot) const { return SlotWord{view().word(slot).load()}; }

  TypeSnapshot type(const std::string& name) const {
    for (const TypeSnapshot& type : snapshot().types) {
      if (type.name == name) return type;
    }
    throw std::runtime_error("no type " + name);
  }
  /// The entry that stands for a process of this PID namespace now; nobody where there is none.
  ProcessRef find_process(int pid) const {
    for (std::uint32_t index = 1; index <= view().process_count(); ++index) {
      const ProcessRef tenant = processes_.find_tenant(index);
      const Reservation reservation{view().process(index).reservation.load()};
      if (tenant && static_cast<int>(reservation.pid()) == pid &&
          reservation.pid_ns_inode() == processes_.self().pid_ns_inode) {
        return tenant;
      }
    }
    return {};
  }
  /// Waits until the broker has a pidfd of the process.
  bool wait_watched(int pid) const {
    return wait_until([&] {
      const ProcessRef tenant = find_process(pid);
      return tenant && view().process(tenant.index).watched.load() == tenant.attach;
    });
  }
  /// Waits until nothing is held.
  bool wait_all_free() const {
    return wait_until([&] { return taken() == 0; });
  }

 private:
  template <typename Wanted>
  std::uint32_t count(Wanted wanted) const {
    std::uint32_t counted = 0;
    for (std::uint32_t slot = 0; slot < view().slot_count(); ++slot)
      counted += wanted(word(slot)) ? 1U : 0U;
    return counted;
  }

  ProcessTable processes_;
  std::uint64_t bytes_ = 0;
};

/// Takes these bytes out of the file: they read as zeros from then on.
inline void punch_hole(const std::string& path, off_t at, off_t bytes) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  if (::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes) != 0)
    throw std::runtime_error("cannot punch a hole into " + path);
}

}  // namespace slotd::testing
