// Text that others wrote, made fit for a terminal, and names that were nearly right. Pure;
// thread-safe; allocates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slotd::ctl {

/// Which characters a terminal is trusted with as they are.
enum class Charset { kAscii, kUtf8 };

/// Keys and names are untrusted bytes. Control characters, bytes that are no UTF-8, and characters
/// that change the order or the lines of what follows (bidirectional controls, line separators)
/// become \xNN, byte by byte; with kAscii every byte above 0x7e does. A backslash before an 'x' is
/// escaped too, so that the result has one reading.
std::string escape_text(std::string_view text, Charset charset);

/// The candidate that was probably meant: the nearest by insertions, deletions, changes and swapped
/// neighbours, if it is near enough (a third of the longer name). Empty when none is.
std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates);

}  // namespace slotd::ctl
