#include "broker/event_text.hpp"

#include <algorithm>
#include <optional>

namespace slotd::broker {

namespace {

bool is_key_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; }

/// Takes `key=value` off the front of `rest`. Nothing, and `rest` as it was, when it begins
/// otherwise.
std::optional<EventField> take_field(std::string_view& rest) {
  std::size_t key_end = 0;
  while (key_end < rest.size() && is_key_letter(rest[key_end])) ++key_end;
  if (key_end == 0 || key_end >= rest.size() || rest[key_end] != '=') return std::nullopt;
  EventField field{std::string(rest.substr(0, key_end)), {}};
  std::string_view value = rest.substr(key_end + 1);
  std::size_t used = 0;
  if (!value.empty() && value.front() == '"') {
    const std::size_t quote = value.find('"', 1);
    if (quote == std::string_view::npos) return std::nullopt;
    field.value = value.substr(1, quote - 1);
    used = quote + 1;
  } else {
    used = std::min(value.find(' '), value.size());
    // A colon at the end of a word opens the remark.
    if (used > 0 && used < value.size() && value[used - 1] == ':') --used;
    field.value = value.substr(0, used);
  }
  rest = value.substr(used);
  return field;
}

}  // namespace

EventText parse_event(std::string_view line) {
  EventText event;
  std::string_view rest = line;
  const auto first = take_field(rest);
  if (!first || first->key != "event") {
    event.remark = line;
    return event;
  }
  event.name = first->value;
  while (!rest.empty() && rest.front() == ' ') {
    std::string_view next = rest.substr(1);
    auto field = take_field(next);
    if (!field) break;
    event.fields.push_back(std::move(*field));
    rest = next;
  }
  const std::size_t begin = rest.find_first_not_of(": ");
  if (begin != std::string_view::npos) event.remark = rest.substr(begin);
  return event;
}

std::string journal_field(std::string_view key) {
  std::string out = "SLOTD_";
  for (const char c : key) out.push_back(c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c);
  return out;
}

}  // namespace slotd::broker
