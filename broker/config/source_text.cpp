#include "broker/config/source_text.hpp"

#include <algorithm>
#include <array>
#include <limits>

namespace slotd::broker {
namespace {

std::string hex_byte(char byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  const auto value = static_cast<unsigned char>(byte);
  return {kDigits[value >> 4U], kDigits[value & 15U]};
}

// Characters that print nothing, or change the order or place of those around them.
bool is_deceptive(std::uint32_t code_point) {
  struct Range {
    std::uint32_t first;
    std::uint32_t last;
  };
  constexpr std::array<Range, 9> kRanges{{{0x00, 0x1f},
                                          {0x7f, 0x9f},
                                          {0xad, 0xad},
                                          {0x61c, 0x61c},
                                          {0x200b, 0x200f},
                                          {0x2028, 0x202e},
                                          {0x2060, 0x206f},
                                          {0xfe00, 0xfe0f},
                                          {0xfeff, 0xfeff}}};
  return std::any_of(kRanges.begin(), kRanges.end(), [code_point](const Range& range) {
    return range.first <= code_point && code_point <= range.last;
  });
}

}  // namespace

SourceText::SourceText(std::string_view file, std::string_view text)
    : file_(file), text_(text), starts_{0} {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\n') starts_.push_back(i + 1);
  }
}

std::string_view SourceText::line(std::uint32_t number) const {
  if (number == 0 || number > starts_.size()) return {};
  const std::size_t start = starts_[number - 1];
  std::string_view line = text_.substr(start, text_.find('\n', start) - start);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::size_t SourceText::offset_of(SourceMark mark) const {
  if (mark.line == 0) return 0;
  if (mark.line > starts_.size()) return text_.size();
  const std::size_t column = mark.col == 0 ? 0 : mark.col - 1;
  return std::min(starts_[mark.line - 1] + column, text_.size());
}

SourceMark SourceText::mark_of(std::size_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto line = static_cast<std::uint32_t>(after - starts_.begin());
  return {line, static_cast<std::uint32_t>(offset - starts_[line - 1]) + 1};
}

std::size_t decode_utf8(std::string_view text, std::uint32_t& code_point) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) {
    code_point = first;
    return 1;
  }
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  constexpr std::array<std::uint32_t, 5> kLowest{0, 0, 0x80, 0x800, 0x10000};
  code_point = first & (0x7fU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0U) != 0x80U) return 0;
    code_point = code_point << 6U | (next & 0x3fU);
  }
  const bool surrogate = code_point >= 0xd800 && code_point <= 0xdfff;
  return code_point < kLowest[length] || code_point > 0x10ffff || surrogate ? 0 : length;
}

std::string escape_untrusted(std::string_view text, std::size_t most) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size() && at < most) {
    std::uint32_t code_point = 0;
    const std::size_t length = decode_utf8(text.substr(at), code_point);
    const std::size_t taken = std::max<std::size_t>(length, 1);
    if (length != 0 && !is_deceptive(code_point)) {
      out.append(text.substr(at, length));
    } else {
      for (std::size_t i = 0; i < taken; ++i) out.append("\\x").append(hex_byte(text[at + i]));
    }
    at += taken;
  }
  return at < text.size() ? out + "..." : out;
}

std::string quote_untrusted(std::string_view text) {
  std::string out = "'";
  return out.append(escape_untrusted(text)).append("'");
}

std::size_t count_columns(std::string_view escaped) {
  // Continuation bytes take no column of their own.
  return static_cast<std::size_t>(std::count_if(escaped.begin(), escaped.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;
  }));
}

ByteFault find_byte_fault(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    std::uint32_t code_point = 0;
    const std::size_t length = decode_utf8(text.substr(at), code_point);
    if (length == 0) return {at, "the byte 0x" + hex_byte(text[at]) + " is not UTF-8"};
    const bool line_end = text[at] == '\r' && text.substr(at + 1).starts_with('\n');
    if (text[at] == '\r' && !line_end) return {at, "a carriage return that ends no line"};
    const bool control = (code_point < 0x20 && text[at] != '\t' && text[at] != '\n' && !line_end) ||
                         (code_point >= 0x7f && code_point < 0xa0);
    if (control) return {at, "the control character 0x" + hex_byte(text[at + length - 1])};
    at += length;
  }
  return {};
}

}  // namespace slotd::broker
