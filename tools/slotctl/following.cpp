#include "tools/slotctl/following.hpp"

#include <algorithm>
#include <chrono>
#include <thread>

#include "slotd/clock.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/waiters.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kReplacementMs = 2'000;

SegmentView open_next(const GlobalOptions& options, Polling& polling) {
  for (;;) {
    try {
      return open_for_writing(options);
    } catch (const Failure& failure) {
      if (!may_be_replaced(failure.code()) || !polling.sleep()) throw;
    }
  }
}

SegmentView change_until_it_lasts(const GlobalOptions& options, SegmentView view, Polling polling,
                                  const std::function<void(const SegmentView&)>& change) {
  for (;;) {
    change(view);
    // The broker retires a segment before it copies what the next one takes over.
    if (!is_replaced(view)) {
      wake_waiters(ProcessTable(view, read_self_identity(), false));
      return view;
    }
    view = open_next(options, polling);
  }
}

}  // namespace

Polling::Polling(std::uint64_t bound_ms) noexcept
    : since_ns_(monotonic_ns()),
      bound_ns_(bound_ms > kUnbounded / kNsPerMs ? kUnbounded : bound_ms * kNsPerMs) {}

bool Polling::sleep() {
  const std::uint64_t waited_ns = monotonic_ns() - since_ns_;
  if (waited_ns >= bound_ns_) return false;
  const std::uint64_t pause_ns = std::min(pause_ms_ * kNsPerMs, bound_ns_ - waited_ns);
  std::this_thread::sleep_for(std::chrono::nanoseconds(pause_ns));
  pause_ms_ = next_pause_ms(pause_ms_);
  return true;
}

double Polling::waited_s() const noexcept {
  return static_cast<double>(monotonic_ns() - since_ns_) / static_cast<double>(kNsPerSecond);
}

std::optional<ProcessTable> try_open_for_reading(const GlobalOptions& options, Errc& last) try {
  last = Errc::kOk;
  return open_for_reading(options);
} catch (const Failure& failure) {
  last = failure.code();
  if (!may_be_replaced(last)) throw;
  return std::nullopt;
}

bool is_replaced(const SegmentView& view) noexcept {
  return view.header().state.load(std::memory_order_seq_cst) !=
         static_cast<std::uint64_t>(SegmentState::kReady);
}

SegmentView change_segment(const GlobalOptions& options,
                           const std::function<void(const SegmentView&)>& change) {
  return change_until_it_lasts(options, open_for_writing(options), Polling(kReplacementMs), change);
}

SegmentView change_next_segment(const GlobalOptions& options,
                                const std::function<void(const SegmentView&)>& change) {
  Polling polling(kReplacementMs);
  const SegmentView view = open_next(options, polling);
  return change_until_it_lasts(options, view, polling, change);
}

void note_operator(const SegmentView& view, EventKind kind, std::uint32_t type,
                   std::uint64_t amount) {
  const SelfIdentity self = read_self_identity();
  note_change(view, HostClock(self.clock_offset_ns), static_cast<std::uint32_t>(self.pid), kind,
              type, amount);
}

}  // namespace slotd::ctl
