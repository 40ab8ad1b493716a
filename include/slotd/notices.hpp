// Notices of the broker's pressure policy to the owners of slots: what the broker writes beside a
// slot, and how the keeper of an attached owner has a function of the worker called for it.
//
// The word beside the slot (SlotSample::notice) is the truth, and carries the claim's generation;
// the count in the owner's entry only says that something has changed.
//
// Thread-safe. Reading a notice: memory only. The function is called on the keeper's thread, one
// call at a time; setting another one waits for a call that is under way, unless it comes from
// within that call. Nothing is shared with other processes but the two words, which this process
// only reads.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::inline v0_1 {

/// What is said now to the claim with this generation.
inline Notice load_notice(const SlotSample& sample, std::uint32_t generation) noexcept {
  const TaggedFigure word{sample.notice.get()};
  if (!word.is_of(generation)) return Notice::kCalm;
  switch (static_cast<Notice>(word.figure())) {
    case Notice::kCpu:
      return Notice::kCpu;
    case Notice::kMemory:
      return Notice::kMemory;
    default:
      return Notice::kCalm;
  }
}

constexpr const char* notice_name(Notice notice) noexcept {
  switch (notice) {
    case Notice::kCpu:
      return "cpu";
    case Notice::kMemory:
      return "memory";
    case Notice::kCalm:
      break;
  }
  return "calm";
}

/// One slot of this process to which something new is said.
struct JobNotice {
  Notice notice = Notice::kCalm;  ///< kCalm: what was said before is over
  std::uint32_t slot = 0;
  std::string token;
  std::string type;
};

/// Called on a thread of the library with signals blocked and a stack of 256 KiB: be brief, or hand
/// over. What it throws is dropped.
using NoticeHandler = std::function<void(const JobNotice&)>;

/// The function to call, if any.
class NoticeDesk {
 public:
  void set(NoticeHandler handler) {
    const std::lock_guard<std::recursive_mutex> turn(turn_);
    handler_ = std::make_shared<const NoticeHandler>(std::move(handler));
  }

  bool is_set() const noexcept {
    const std::lock_guard<std::recursive_mutex> turn(turn_);
    return handler_ != nullptr && *handler_;
  }

  void tell(const JobNotice& notice) noexcept {
    const std::lock_guard<std::recursive_mutex> turn(turn_);
    const std::shared_ptr<const NoticeHandler> kept = handler_;  // it may be replaced from within
    if (kept == nullptr || !*kept) return;
    try {
      (*kept)(notice);
    } catch (...) {
      // The worker's own affair; the keeper goes on.
    }
  }

 private:
  mutable std::recursive_mutex turn_;
  std::shared_ptr<const NoticeHandler> handler_;
};

}  // namespace slotd::inline v0_1
