#include "tools/slotctl/segment_access.hpp"

#include <unistd.h>

#include <atomic>
#include <csignal>

#include "slotd/process_probe.hpp"
#include "slotd/segment.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

OpenedSegment open_or_fail(const GlobalOptions& options, Access access) {
  OpenedSegment opened = open_segment(segment_path_of(options), access, read_boot_id());
  if (opened.code != Errc::kOk) throw Failure(opened.code, opened.detail);
  return opened;
}

std::atomic<int> truncation_status{0};
static_assert(std::atomic<int>::is_always_lock_free, "read in a signal handler");

std::atomic<void (*)()> truncation_hook{nullptr};

void end_on_truncation(int /*signal*/) {
  if (void (*hook)() = truncation_hook.load(std::memory_order_relaxed)) hook();
  constexpr char kText[] = "slotctl: the segment was truncated while it was in use\n";
  // Whether the line can be written changes nothing.
  const auto written = ::write(STDERR_FILENO, kText, sizeof(kText) - 1);
  static_cast<void>(written);
  ::_exit(truncation_status.load(std::memory_order_relaxed));
}

}  // namespace

std::string segment_path_of(const GlobalOptions& options) {
  return options.segment_path.empty() ? default_segment_path() : options.segment_path;
}

ProcessTable open_for_reading(const GlobalOptions& options) {
  const OpenedSegment opened = open_or_fail(options, Access::kReadOnly);
  return {opened.view(Access::kReadOnly), read_self_identity(), false};
}

SegmentView open_for_writing(const GlobalOptions& options) {
  return open_or_fail(options, Access::kReadWrite).view(Access::kReadWrite);
}

Member::Member(const GlobalOptions& options) {
  Errc code = Errc::kOk;
  std::string detail;
  attachment_ = Attachment::open({segment_path_of(options), "slotctl"}, code, detail);
  if (code != Errc::kOk) throw Failure(code, detail);
}

// Membership ends with the verb; the attachment itself is the library's.
Member::~Member() { attachment_->close(); }

void set_hook_of_truncation(void (*hook)()) noexcept {
  truncation_hook.store(hook, std::memory_order_relaxed);
}

void set_status_of_truncation(int status) noexcept {
  truncation_status.store(status, std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = &end_on_truncation;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

}  // namespace slotd::ctl
