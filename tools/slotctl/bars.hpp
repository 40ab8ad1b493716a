// How full something is, as a bar: what is used, and what is taken beyond that. Pure; thread-safe;
// allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tools/slotctl/table.hpp"

namespace slotd::ctl {

struct Fill {
  std::uint64_t used = 0;   ///< measured
  std::uint64_t taken = 0;  ///< used or held for somebody: at least `used` where both are right
  std::uint64_t total = 0;  ///< 0: there is no limit, and no bar
};

/// Three parts of a bar as counts of characters.
struct BarParts {
  std::size_t used = 0;
  std::size_t taken = 0;  ///< beyond `used`
  std::size_t free = 0;
};

/// What there is shows as one character at least; what is beyond the total as a full bar.
BarParts split_bar(const Fill& fill, std::size_t width);

/// "[####====....] 33 % used, 67 % charged": `taken_name` is the word for the second part.
std::string bar_text(const Fill& fill, std::size_t width, const std::string& taken_name);

/// Red when nothing is left, yellow above four fifths.
Tone fill_tone(const Fill& fill);

/// In whole percent, rounded down; 0 without a total.
std::uint64_t percent_of(std::uint64_t part, std::uint64_t total);

}  // namespace slotd::ctl
