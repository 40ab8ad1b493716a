#include "tools/slotctl/event_source.hpp"

#include <chrono>

#include "slotd/clock.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {

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
  const std::int64_t offset_ms =
      read_unix_ms() - static_cast<std::int64_t>(processes.clock().coarse_ns() / kNsPerMs);
  News news;
  for (const Event& event : reader_->read()) {
    ShownEvent shown{event};
    if (event.type < kMaxTypes) shown.type = read_type_name(view, event.type);
    shown.unix_ms = offset_ms + static_cast<std::int64_t>(event.time_ms);
    news.events.push_back(std::move(shown));
  }
  news.lost = reader_->lost() - lost_;
  lost_ = reader_->lost();
  return news;
}

}  // namespace slotd::ctl
