// Figures as people write them, in the configuration and on slotctl's command line: cores, sizes,
// durations, seconds, ratios, counts. One that is taken is in range, and printed it reads back as
// the same.
#include "slotd/units.hpp"

#include <string>
#include <string_view>

#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"

namespace slotd::fuzz {
namespace {

/// Parses, prints, parses again.
template <typename Parse, typename Format>
void check(std::string_view text, Parse parse, Format format) {
  const auto parsed = parse(text);
  if (!parsed) {
    require(!unit_error_message(parsed.error).empty() && !unit_remedy(parsed.quantity).empty(),
            "a refusal says what is wrong and how it is written");
    return;
  }
  const auto again = parse(std::string_view(format(parsed.value)));
  require(again && again.value == parsed.value, "what is printed reads back");
}

}  // namespace
}  // namespace slotd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::check(
      text, [](auto t) { return parse_cores_milli(t); },
      [](std::uint32_t v) { return format_cores_milli(v); });
  fuzz::check(
      text, [](auto t) { return parse_cores_micro(t); },
      [](std::int64_t v) { return format_cores_micro(v); });
  fuzz::check(
      text, [](auto t) { return parse_ratio_ppb(t); },
      [](std::uint32_t v) { return format_ratio_ppb(v); });
  fuzz::check(
      text, [](auto t) { return parse_bytes(t); }, [](std::uint64_t v) { return format_bytes(v); });
  fuzz::check(
      text, [](auto t) { return parse_duration_ms(t); },
      [](std::uint64_t v) { return format_duration_ms(v); });
  fuzz::check(
      text, [](auto t) { return parse_seconds_ms(t); },
      [](std::uint64_t v) { return format_seconds_ms(static_cast<std::int64_t>(v)); });
  fuzz::check(
      text, [](auto t) { return parse_count(t); },
      [](std::uint32_t v) { return std::to_string(v); });
  return 0;
}
