#include "tools/slotctl/json.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "slotd/layout.hpp"

namespace slotd::ctl {

namespace {

void append_decimal(std::string& to, double value) {
  if (!std::isfinite(value)) {
    to += "null";
    return;
  }
  // The longest fixed form of a double has 309 digits before the point, or 5 + 1074 characters
  // after a leading zero.
  std::array<char, 1100> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::fixed)
          .ptr;
  const std::string text(digits.data(), end);
  to += text;
  if (text.find('.') == std::string::npos) to += ".0";
}

std::string print_scalar(const Json& value) {
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as the documents of this program, which are not read
// from outside.
void append_json(std::string& to, const Json& value) {
  if (value.is_number_float()) {
    append_decimal(to, value.get<double>());
  } else if (value.is_array()) {
    to += '[';
    for (std::size_t i = 0; i < value.size(); ++i) {
      if (i != 0) to += ',';
      append_json(to, value[i]);
    }
    to += ']';
  } else if (value.is_object()) {
    to += '{';
    bool first = true;
    for (const auto& [key, member] : value.items()) {
      if (!first) to += ',';
      first = false;
      to += print_scalar(Json(key)) + ':';
      append_json(to, member);
    }
    to += '}';
  } else {
    to += print_scalar(value);
  }
}

}  // namespace

Json make_document() { return Json{{"schema", kJsonSchema}}; }

Json cores_json(std::int64_t micro) {
  // One correctly rounded division of two exact numbers: the nearest double to the decimal, which
  // prints as that decimal.
  return static_cast<double>(micro) / 1e6;
}

Json milli_cores_json(std::uint32_t milli) { return static_cast<double>(milli) / 1e3; }

Json seconds_json(double seconds) { return std::round(seconds * 1e3) / 1e3; }

Json limit_json(std::uint32_t limit) { return limit == kNoLimit ? Json(nullptr) : Json(limit); }

Json plain_number_json(double value) {
  const bool whole = std::abs(value) < 1e9 && std::floor(value) == value;
  return whole ? Json(static_cast<std::int64_t>(value)) : Json(value);
}

std::string print_json(const Json& value) {
  std::string out;
  append_json(out, value);
  return out;
}

}  // namespace slotd::ctl
