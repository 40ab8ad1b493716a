// What slotctl shows of a scribbled segment: each read-only verb's text or JSON, from a read-only
// mapping. The input is an image, a verb, then scribbles. There is always a text, it holds no
// control characters but line ends, and the JSON is JSON.
#include <clocale>
#include <nlohmann/json.hpp>
#include <string>

#include "slotd/status_document.hpp"
#include "tests/fuzz/support/scribble.hpp"
#include "tests/fuzz/support/still_world.hpp"
#include "tests/fuzz/support/target.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/procs.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/config_view.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::fuzz {
namespace {

constexpr int kMostScribbles = 16;

void check_text(const std::string& text) {
  for (const char byte : text) {
    require(byte == '\n' || static_cast<unsigned char>(byte) >= 0x20, "no control characters");
  }
}

void check_json_text(const std::string& document) {
  require(ctl::Json::accept(document), "the JSON is JSON");
}

void check_json(const ctl::Json& document) { check_json_text(ctl::print_json(document)); }

void show(const ProcessTable& reader, std::uint8_t verb, bool is_utf8, Input& input) {
  const ctl::TableStyle style{false,
                              (verb & 64U) != 0 ? std::optional<std::size_t>(40) : std::nullopt};
  const ctl::Charset charset =
      is_utf8 && (verb & 128U) != 0 ? ctl::Charset::kUtf8 : ctl::Charset::kAscii;
  switch (verb & 15U) {
    case 0:
      return check_text(ctl::status_text(read_snapshot(reader), "/run/s", style, charset));
    case 1:
      return check_json_text(write_status_document(read_snapshot(reader), "/run/s", ~0ULL));
    case 2:
      return check_text(ctl::slots_text(read_snapshot(reader), style, charset));
    case 3:
      return check_json(ctl::slots_json(read_snapshot(reader)));
    case 4:
      return check_text(ctl::procs_text(read_snapshot(reader), style, charset));
    case 5:
      return check_json(ctl::procs_json(read_snapshot(reader)));
    case 6:
      return check_text(ctl::limits_text(read_snapshot(reader), style, charset));
    case 7:
      return check_json(ctl::limits_json(read_snapshot(reader)));
    case 8:
      static_cast<void>(ctl::read_config_view(reader.view()));
      return;
    default: {
      // can-accept, and the refusal of a claim.
      const std::string_view asked = input.take_text(12);
      const auto type = find_type_index(reader.view(), asked);
      const ClaimRequest request{make_request(reader.view(), type.value_or(verb)), {}, true};
      const Verdict verdict = Claim(reader, {}, request, 0, 0).look();
      const ctl::Refusal refusal = ctl::make_refusal(reader.view(), verdict, std::string(asked));
      if (!verdict) check_text(ctl::refusal_text(refusal, charset));
      check_json(ctl::refusal_json(refusal));
      return;
    }
  }
}

}  // namespace
}  // namespace slotd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd::fuzz;
  // As slotctl's own start: what a terminal is trusted with goes by the locale.
  static const bool is_utf8 = std::setlocale(LC_ALL, "C.UTF-8") != nullptr;
  static const GuardedSegment segment;
  Input input(data, size);
  const auto image = input.take<std::uint8_t>();
  const auto verb = input.take<std::uint8_t>();
  segment.reset(image);
  const StillWorld world;
  const Scribbler scribbler(segment);
  for (int step = 0; step < kMostScribbles && !input.empty(); ++step) {
    const auto kind = input.take<std::uint8_t>() % static_cast<std::uint8_t>(ScribbleKind::kCount);
    scribbler.apply(static_cast<ScribbleKind>(kind), input);
  }
  slotd::SelfIdentity self;
  self.pid = 3;
  self.pid_ns_inode = 77;
  show(
      slotd::ProcessTable(slotd::SegmentView(segment.read_only(), kCapacities, false), self, false),
      verb, is_utf8, input);
  return 0;
}
