// The broker's log: the only files that name spdlog are log.hpp's source. One line an event,
// `event=NAME key=value ...: remark`, to stderr; where that leads into the systemd journal, the
// event goes there itself with its fields and id (journal.hpp). Untrusted text must come through
// escape_bytes(), in quotes. Thread-safe after init_log(); may block on stderr or the journal.
#pragma once

#include <string>
#include <string_view>

namespace slotd::broker {

/// Before the first line and before a second thread is started. Colour on a terminal only.
void init_log();
void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

/// What is wrong with a file, in as many lines as that takes: to stderr as it is, or as one entry
/// of the journal. Also before init_log().
void log_diagnostic(std::string_view text);

/// Control characters, quotes, backslashes and bytes above 0x7e as \xNN.
std::string escape_bytes(std::string_view text);

}  // namespace slotd::broker
