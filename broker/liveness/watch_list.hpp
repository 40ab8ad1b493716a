// Which owners the broker watches by pidfd, and what it does when one dies: what the kernel would
// have done, the words, the entry. Not the event loop: loop.cpp polls the descriptors and calls
// on_exit().
//
// Single-threaded. Never waits. A broker killed anywhere leaves entries that the next one watches
// anew; workers meanwhile free the slots of attached owners themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "broker/liveness/pid_translate.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

/// One freed slot, for the log.
struct ReapedSlot {
  std::uint32_t slot = 0;
  SlotWord word;
  std::uint32_t pid = 0;  ///< of the owner, in its own namespace
};

class WatchList {
 public:
  struct Hooks {
    /// Poll this descriptor for input. False: not possible now, to be tried again.
    std::function<bool(std::uint32_t index, int pidfd)> watch;
    std::function<void(std::uint32_t index)>
        forget;  ///< stop polling; the descriptor is closed afterwards
    std::function<void(const ReapedSlot&)> reaped;
  };

  /// `self` is the broker's own entry, which it does not watch.
  WatchList(const ProcessTable& processes, ProcessRef self, Hooks hooks)
      : processes_(processes), self_(self), hooks_(std::move(hooks)) {}

  /// At start: frees the slots of all owners proven dead while no broker ran, then scan().
  void sweep();

  /// Watches nobody any more; for the end, or for another segment.
  void clear();

  /// Looks at every entry: watches new owners, frees the dead ones that no descriptor tells of
  /// (marked, detached, another namespace), finishes what was left half done. Cheap when nothing
  /// has changed.
  void scan();

  /// The pidfd of this entry has become readable.
  void on_exit(std::uint32_t index);

  std::uint64_t reaped() const noexcept { return reaped_; }

  /// A watched owner whose process runs now, by its number in the broker's own namespace.
  struct Visible {
    std::uint32_t index = 0;
    std::uint64_t attach = 0;
    int pid = 0;
  };
  /// Those of the entries that `wanted(index)` asks for.
  template <typename Wanted>
  std::vector<Visible> list_visible(Wanted wanted) const {
    std::vector<Visible> visible;
    for (const auto& [index, watch] : watches_) {
      if (watch.pidfd && wanted(index) && !probe_exited(watch.pidfd.get()))
        visible.push_back({index, watch.attach, watch.host_pid});
    }
    return visible;
  }

  /// Does the process that list_visible() named still run? Then whatever was read of its number in
  /// between was its own.
  bool is_running(std::uint32_t index, std::uint64_t attach) const;

  enum class Signalled : std::uint8_t {
    kSent,
    kUnproven,  ///< the owner is not proven to be this process: never signalled
    kGone,
    kRefused,  ///< not permitted; errno says why
  };
  /// Sends a signal to the owner through its pidfd; to its process group where `with_group` is
  /// wanted, it leads one and the kernel can (6.9). Only to an owner whose start time was compared.
  Signalled send_signal(std::uint32_t index, std::uint64_t attach, int signal,
                        bool with_group) const;

 private:
  struct Watch {
    std::uint64_t attach = 0;
    UniqueFd pidfd;  ///< invalid: cannot be seen, looked at again at retry_ns
    int host_pid = 0;
    bool verified = false;  ///< its start time is the one noted
    std::uint64_t retry_ns = 0;
    std::uint64_t pause_ns = 0;  ///< doubles with each look in vain
  };
  enum class Match : std::uint8_t { kSame, kOther, kUnknown };

  void scan_entry(std::uint32_t index);
  void keep_watch(std::uint32_t index, std::uint64_t attach, Reservation reservation);
  bool open_watch(std::uint32_t index, Watch& watch, Reservation reservation);
  std::optional<int> find_pid(Reservation reservation);
  Match compare_start(std::uint32_t index, const Watch& watch) const;
  /// `heard_ns`: when the news of the death came, CLOCK_MONOTONIC.
  void bury(std::uint32_t index, std::uint64_t attach, std::uint64_t heard_ns);
  void drop(std::uint32_t index);
  void reap_words_of(std::uint32_t index, std::uint64_t heard_ns);
  /// Without `heard_ns` nobody knows when it died: before this broker came.
  void reap(std::uint32_t slot, ProbeMode probe, std::optional<std::uint64_t> heard_ns);

  const ProcessTable& processes_;
  ProcessRef self_;
  Hooks hooks_;
  std::map<std::uint32_t, Watch> watches_;
  std::optional<PidMap> pids_;  ///< of other namespaces, read at most once a scan
  std::uint64_t reaped_ = 0;
};

}  // namespace slotd::broker
