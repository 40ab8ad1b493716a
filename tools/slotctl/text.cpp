#include "tools/slotctl/text.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace slotd::ctl {

namespace {

/// One code point and how many bytes it took; bytes is 1 and valid false where the text is not
/// UTF-8.
struct CodePoint {
  std::uint32_t value = 0;
  std::size_t bytes = 1;
  bool valid = false;
};

bool is_continuation(char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) == 0x80U; }

CodePoint decode(std::string_view text) {
  const auto lead = static_cast<unsigned char>(text[0]);
  if (lead < 0x80) return {lead, 1, true};
  std::size_t bytes = 0;
  std::uint32_t least = 0;
  if ((lead & 0xe0U) == 0xc0U) {
    bytes = 2;
    least = 0x80;
  } else if ((lead & 0xf0U) == 0xe0U) {
    bytes = 3;
    least = 0x800;
  } else if ((lead & 0xf8U) == 0xf0U) {
    bytes = 4;
    least = 0x10000;
  } else {
    return {};
  }
  if (text.size() < bytes) return {};
  std::uint32_t value = lead & (0xffU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!is_continuation(text[i])) return {};
    value = (value << 6) | (static_cast<unsigned char>(text[i]) & 0x3fU);
  }
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < least || value > 0x10ffff || surrogate) return {};
  return {value, bytes, true};
}

bool is_harmless(const CodePoint& point, Charset charset) {
  if (!point.valid) return false;
  const std::uint32_t c = point.value;
  if (c < 0x20 || (c >= 0x7f && c <= 0x9f)) return false;
  if (charset == Charset::kAscii && c > 0x7e) return false;
  const bool marks_direction = (c >= 0x200e && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
                               (c >= 0x2066 && c <= 0x2069) || c == 0x061c;
  const bool ends_line = c == 0x2028 || c == 0x2029;
  return !marks_direction && !ends_line;
}

void append_escaped(std::string& to, std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (const char byte : bytes) {
    const auto value = static_cast<unsigned char>(byte);
    to += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15U]};
  }
}

/// Optimal string alignment distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> above(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({change, above[j] + 1, row[j - 1] + 1});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above);
    above.swap(row);
  }
  return above[b.size()];
}

}  // namespace

std::string escape_text(std::string_view text, Charset charset) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const CodePoint point = decode(text);
    const std::string_view bytes = text.substr(0, point.bytes);
    const bool looks_escaped = text.size() > 1 && text[0] == '\\' && text[1] == 'x';
    if (is_harmless(point, charset) && !looks_escaped) {
      out += bytes;
    } else {
      append_escaped(out, bytes);
    }
    text.remove_prefix(point.bytes);
  }
  return out;
}

std::string nearest_name(std::string_view name, const std::vector<std::string>& candidates) {
  std::string nearest;
  std::size_t least = 0;
  for (const std::string& candidate : candidates) {
    const std::size_t here = distance(name, candidate);
    const std::size_t longer = std::max(name.size(), candidate.size());
    if (here * 3 > longer) continue;
    if (nearest.empty() || here < least) {
      nearest = candidate;
      least = here;
    }
  }
  return nearest;
}

}  // namespace slotd::ctl
