#include "tools/slotctl/event_source.hpp"

#include <chrono>

#include "slotd/clock.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {

namespace {

/// From the host's coarse monotonic clock to the wall's. Both are read within one tick, so that an
/// event has the same time whenever it is shown.
std::int64_t read_offset_ns(const HostClock& clock) noexcept {
  constexpr int kAttempts = 8;
  std::int64_t offset_ns = 0;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint64_t before_ns = clock.coarse_ns();
    offset_ns = static_cast<std::int64_t>(read_clock_ns(CLOCK_REALTIME_COARSE) - before_ns);
    if (clock.coarse_ns() == before_ns) break;
  }
  return offset_ns;
}

}  // namespace

std::int64_t read_unix_ms() noexcept {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
}

EventSource::News EventSource::read(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  if (!reader_ || segment_id_ != view.segment_id()) {
    reader_.emplace(view);
    segment_id_ = view.segment_id();
    lost_ = 0;
  }
  // Events have the monotonic clock: what it is now says when they were.
  const std::int64_t offset_ns = read_offset_ns(processes.clock());
  News news;
  for (const Event& event : reader_->read()) {
    ShownEvent shown{event};
    if (event.type < kMaxTypes) shown.type = read_type_name(view, event.type);
    const auto event_ns = static_cast<std::int64_t>(event.time_ms * kNsPerMs);
    shown.unix_ms = (offset_ns + event_ns) / static_cast<std::int64_t>(kNsPerMs);
    news.events.push_back(std::move(shown));
  }
  news.lost = reader_->lost() - lost_;
  lost_ = reader_->lost();
  return news;
}

}  // namespace slotd::ctl
