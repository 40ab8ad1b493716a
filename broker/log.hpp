// The broker's log: the only files that name spdlog are log.hpp's source. One line an event,
// key=value fields, to stderr (which systemd puts into the journal). Untrusted text must come
// through escape_bytes(). Thread-safe; may block on stderr.
#pragma once

#include <string>
#include <string_view>

namespace slotd::broker {

/// Colour on a terminal only.
void init_log();
void log_info(std::string_view message);
void log_warning(std::string_view message);
void log_error(std::string_view message);

/// Control characters, quotes, backslashes and bytes above 0x7e as \xNN.
std::string escape_bytes(std::string_view text);

}  // namespace slotd::broker
