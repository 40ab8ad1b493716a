// How many columns of a terminal a text takes, and making it fit into so many. For texts that have
// been through escape_text(). Reads the locale (what is a wide character), else pure; allocates.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "tools/slotctl/table.hpp"

namespace slotd::ctl {

std::size_t display_width(std::string_view text);

/// As much of it as fits, no character halved.
std::string cut_to_width(std::string_view text, std::size_t width);

/// Exactly so wide: cut, or filled with spaces.
std::string fit_to_width(std::string_view text, std::size_t width, Align align);

}  // namespace slotd::ctl
