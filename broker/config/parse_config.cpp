#include "broker/config/parse_config.hpp"

#include <algorithm>
#include <utility>

#include "broker/config/check.hpp"
#include "broker/config/fields.hpp"
#include "broker/config/livekit.hpp"
#include "broker/config/native.hpp"
#include "broker/config/source_text.hpp"
#include "broker/config/yaml_draft.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {
namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

void read_native_file(ReadContext& context, const Draft& file, Config& config) {
  const auto egress = std::find_if(file.keys.begin(), file.keys.end(), [](const Draft& key) {
    return key.kind == DraftKind::kScalar && is_livekit_key(key.text);
  });
  if (egress != file.keys.end()) {
    context.diagnostics.error(egress->mark, "this is an egress file without a cpu_cost block",
                              "add 'cpu_cost: {}' to it to have the defaults");
    return;
  }
  read_native(context, file, {"at the top level", {"cpu_cost", "slotd"}, {}}, NativeMode::kReplace,
              config);
}

std::optional<Config> parse_text(Diagnostics& diagnostics) {
  const SourceText& source = diagnostics.source();
  const ByteFault fault = find_byte_fault(source.text());
  if (!fault.why.empty()) {
    diagnostics.error(source.mark_of(fault.offset), fault.why,
                      "a config file is UTF-8 without control characters");
    return std::nullopt;
  }
  const std::optional<Draft> draft = parse_draft(diagnostics);
  if (!draft) return std::nullopt;
  if (draft->is_null()) {
    diagnostics.error(draft->mark, "the file is empty", "{} stands for all defaults");
    return std::nullopt;
  }
  if (!draft->is_map()) {
    diagnostics.error(draft->mark, "the file is no map of keys and values",
                      "write 'key: value', with a space after ':'");
    return std::nullopt;
  }
  Config config;
  ReadContext context{diagnostics, config.marks};
  if (is_livekit_form(*draft)) {
    read_livekit(context, *draft, config);
  } else {
    read_native_file(context, *draft, config);
  }
  check_config(context, config);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

}  // namespace

ConfigResult parse_config(std::string_view text, std::string_view file_name) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const bool too_large = text.size() > kMaxConfigBytes;
  const SourceText source(file_name, too_large ? std::string_view{} : text);
  Diagnostics diagnostics(source);
  ConfigResult result;
  if (too_large) {
    diagnostics.error({}, "more than " + format_bytes(kMaxConfigBytes) + " of text");
  } else {
    result.config = parse_text(diagnostics);
  }
  result.diagnostics = diagnostics.take();
  return result;
}

}  // namespace slotd::broker
