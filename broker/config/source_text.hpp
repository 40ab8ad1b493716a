// The text of a config file, cut into lines, and what can be said about bytes before anybody reads
// YAML from them.
//
// Thread-safety: const functions of a value. Blocking: nothing. Crash: nothing is shared. The text
// is untrusted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/source_mark.hpp"

namespace slotd::broker {

/// Keeps no copy: `text` must outlive it.
class SourceText {
 public:
  SourceText(std::string_view file, std::string_view text);

  [[nodiscard]] const std::string& file() const { return file_; }
  [[nodiscard]] std::string_view text() const { return text_; }
  /// The line (1-based) without its end; empty beyond the last one and for line 0.
  [[nodiscard]] std::string_view line(std::uint32_t number) const;
  /// How many bytes stand before a place; the whole text for a place beyond it.
  [[nodiscard]] std::size_t offset_of(SourceMark mark) const;
  /// The place of the byte at `offset`.
  [[nodiscard]] SourceMark mark_of(std::size_t offset) const;

 private:
  std::string file_;
  std::string_view text_;
  std::vector<std::size_t> starts_;  ///< of each line; never empty
};

/// The length in bytes of the UTF-8 character that `text` starts with, with its code point in
/// `code_point`; 0 when it starts with none (overlong, surrogate, cut off, beyond U+10FFFF, or
/// `text` is empty).
[[nodiscard]] std::size_t decode_utf8(std::string_view text, std::uint32_t& code_point);

/// The bytes as something that cannot disturb a terminal or a log: control characters, invisible
/// and direction-changing ones and whatever is not UTF-8 become \xNN, byte by byte. At most about
/// `most` bytes of `text` are shown, "..." stands for the rest.
[[nodiscard]] std::string escape_untrusted(std::string_view text, std::size_t most = 80);

/// 'TEXT', escaped and cut, for use within a message.
[[nodiscard]] std::string quote_untrusted(std::string_view text);

/// How many columns escape_untrusted(text) takes, one a character.
[[nodiscard]] std::size_t count_columns(std::string_view escaped);

/// Why a byte of the text has no place in a config file, and where; `why` is empty when all is
/// well. Allowed are UTF-8 without control characters, tab and line ends apart.
struct ByteFault {
  std::size_t offset = 0;
  std::string why;
};
[[nodiscard]] ByteFault find_byte_fault(std::string_view text);

}  // namespace slotd::broker
