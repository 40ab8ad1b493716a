// A line of the broker's log taken apart: `event=NAME key=value key="value": remark`. One line is
// written in one place and read by people and by the journal alike, so the two cannot differ.
//
// Pure: a function of its argument; nothing blocks. What strangers named stands in the line as
// escape_bytes() made it, in quotes, so it can neither end its value nor begin another field.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace slotd::broker {

struct EventField {
  std::string key;    ///< as in the line: lower-case letters, digits, '_'
  std::string value;  ///< without the quotes

  bool operator==(const EventField&) const = default;
};

struct EventText {
  std::string name;                ///< empty: a line that is no event
  std::vector<EventField> fields;  ///< in the order of the line
  std::string remark;              ///< behind the fields, or the whole of a line that is no event

  bool operator==(const EventText&) const = default;
};

/// Takes every text: what does not read as a field any more is the remark.
EventText parse_event(std::string_view line);

/// The journal's name for a field: SLOTD_ and the key in capitals.
std::string journal_field(std::string_view key);

}  // namespace slotd::broker
