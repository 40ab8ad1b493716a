#include "tools/slotctl/bars.hpp"

#include <algorithm>

namespace slotd::ctl {

namespace {

/// Figures of a scribbled segment may be anything: as doubles they do not overflow.
double share_of(std::uint64_t part, std::uint64_t total) {
  return total == 0 ? 0 : static_cast<double>(part) / static_cast<double>(total);
}

std::size_t cells_of(std::uint64_t part, std::uint64_t total, std::size_t width) {
  if (part == 0 || total == 0) return 0;
  const double cells = share_of(part, total) * static_cast<double>(width);
  if (cells >= static_cast<double>(width)) return width;
  return std::max<std::size_t>(1, static_cast<std::size_t>(cells));
}

}  // namespace

BarParts split_bar(const Fill& fill, std::size_t width) {
  const std::size_t used = cells_of(fill.used, fill.total, width);
  const std::size_t taken = std::max(used, cells_of(fill.taken, fill.total, width));
  return {used, taken - used, width - taken};
}

std::string bar_text(const Fill& fill, std::size_t width, const std::string& taken_name) {
  const BarParts parts = split_bar(fill, width);
  return "[" + std::string(parts.used, '#') + std::string(parts.taken, '=') +
         std::string(parts.free, '.') + "] " + std::to_string(percent_of(fill.used, fill.total)) +
         " % used, " + std::to_string(percent_of(fill.taken, fill.total)) + " % " + taken_name;
}

Tone fill_tone(const Fill& fill) {
  const double share = share_of(std::max(fill.used, fill.taken), fill.total);
  if (share >= 1) return Tone::kBad;
  return share > 0.8 ? Tone::kWarning : Tone::kGood;
}

std::uint64_t percent_of(std::uint64_t part, std::uint64_t total) {
  constexpr double kMost = 999'999;
  return static_cast<std::uint64_t>(std::min(kMost, share_of(part, total) * 100));
}

}  // namespace slotd::ctl
