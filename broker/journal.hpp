// Events into the systemd journal, with fields of their own. The only other file than loop.cpp that
// names libsystemd. Not for what goes to a terminal or a file: that is log.cpp.
//
// Thread-safe; may block while the journal's socket is full. Nothing is kept: a broker that is
// killed has said what it has said.
#pragma once

#include <string_view>

namespace slotd::broker {

/// Does this descriptor lead into the journal? So systemd says by JOURNAL_STREAM (device and
/// inode); a descriptor that was led elsewhere since then does not.
bool is_journal_stream(int fd);

/// One line of the log, as parse_event() reads it. `priority` is that of syslog (6 info, 4 warning,
/// 3 error). False when the journal did not take it.
bool try_send_to_journal(int priority, std::string_view line);

}  // namespace slotd::broker
