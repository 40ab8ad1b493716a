// Opening the segment for a verb: to read, to change single words, or as a short-lived member that
// may claim. Each throws Failure with the library's own explanation. May block on the file system
// only.
#pragma once

#include <string>

#include "slotd/attachment.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"
#include "tools/slotctl/context.hpp"

namespace slotd::ctl {

/// The path in force: --segment, else the library's default.
std::string segment_path_of(const GlobalOptions& options);

/// A read-only mapping; works without write permission and while the broker is down.
ProcessTable open_for_reading(const GlobalOptions& options);

/// A writable mapping without membership: for operator words and forced frees.
SegmentView open_for_writing(const GlobalOptions& options);

/// Membership for the length of one verb. Killed at any moment, it is a dead owner like any other.
class Member {
 public:
  /// Precondition of a fork after this: only exec follows in the child.
  explicit Member(const GlobalOptions& options);
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;
  ~Member();

  Attachment& operator*() const noexcept { return *attachment_; }
  Attachment* operator->() const noexcept { return attachment_; }

 private:
  Attachment* attachment_ = nullptr;  ///< the library's; lives as long as the process
};

/// A segment that somebody truncates under the mapping is a SIGBUS: from here on it ends the
/// program with a line on stderr and this status, instead of a core dump. Called again it changes
/// the status.
void set_status_of_truncation(int status) noexcept;

/// Called in the handler before the program ends so: what a signal handler may do, and no more.
/// nullptr: nothing.
void set_hook_of_truncation(void (*hook)()) noexcept;

}  // namespace slotd::ctl
