// JSON as text, for the documents that several programs write and that have to be the same to the
// byte. Keys stay in their order. Not a tree and not a parser: tools have a library for those.
// Pure; thread-safe; allocates. Untrusted bytes are escaped, those that are no UTF-8 replaced: what
// comes out is always valid.
#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "slotd/layout.hpp"
#include "slotd/units.hpp"

namespace slotd::inline v0_1 {

/// The number in every document that says which contract it follows.
inline constexpr int kJsonSchema = 1;

/// How many bytes the character in front takes; 0 where the text, which is not empty, does not
/// begin with one.
inline std::size_t utf8_length(std::string_view text) noexcept {
  const auto at = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = at(0);
  if (lead < 0x80) return 1;
  const std::size_t length = lead >= 0xc2 && lead <= 0xdf   ? 2
                             : lead >= 0xe0 && lead <= 0xef ? 3
                             : lead >= 0xf0 && lead <= 0xf4 ? 4
                                                            : 0;
  if (length == 0 || text.size() < length) return 0;
  // No overlong forms, no surrogates, nothing beyond U+10FFFF.
  const unsigned char least = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
  const unsigned char most = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
  if (at(1) < least || at(1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (at(i) < 0x80 || at(i) > 0xbf) return 0;
  }
  return length;
}

/// In quotes.
inline std::string json_text(std::string_view text) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  constexpr std::string_view kReplacement = "\xef\xbf\xbd";
  std::string out = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const auto byte = static_cast<unsigned char>(text[0]);
    if (length == 0) {
      out += kReplacement;
    } else if (byte == '"' || byte == '\\') {
      out.append({'\\', text[0]});
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\u00").append({kDigits[byte >> 4], kDigits[byte & 15U]});
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out + '"';
}

/// null for none.
inline std::string json_text_or_null(std::string_view text) {
  return text.empty() ? "null" : json_text(text);
}

/// "key":value, in the order of the calls.
class JsonObject {
 public:
  JsonObject& add(std::string_view key, std::string_view value) {
    text_.append(text_.size() > 1 ? "," : "").append(json_text(key)).append(":").append(value);
    return *this;
  }
  JsonObject& add_number(std::string_view key, std::uint64_t value) {
    return add(key, std::to_string(value));
  }
  JsonObject& add_bool(std::string_view key, bool value) {
    return add(key, value ? "true" : "false");
  }
  std::string text() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

inline std::string json_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out.append(out.size() > 1 ? "," : "").append(item);
  return out + "]";
}

/// Always with a point: 2.0, 9.6.
inline std::string json_decimal(const std::string& number) {
  return number.find('.') == std::string::npos ? number + ".0" : number;
}

/// Microcores as cores: 9600000 is 9.6. Figures of a scribbled segment do not become negative.
inline std::string json_cores(std::int64_t micro) {
  return json_decimal(format_cores_micro(micro));
}
inline std::string json_cores(std::uint64_t micro) {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return json_cores(micro > static_cast<std::uint64_t>(kMost) ? kMost
                                                              : static_cast<std::int64_t>(micro));
}
/// null where it was not measured.
inline std::string json_measured_cores(std::uint64_t micro) {
  return micro == kNotMeasured ? "null" : json_cores(micro);
}

/// To the millisecond.
inline std::string json_seconds(double seconds) {
  return json_decimal(format_seconds_ms(std::llround(seconds * 1e3)));
}

/// null for none.
inline std::string json_limit(std::uint32_t limit) {
  return limit == kNoLimit ? "null" : std::to_string(limit);
}

}  // namespace slotd::inline v0_1
