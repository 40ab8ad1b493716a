#include "broker/config/native.hpp"

#include <algorithm>

#include "broker/config/http.hpp"

namespace slotd::broker {
namespace {

// Shorter samples cost more than they tell, longer ones are too old to admit by.
constexpr std::uint64_t kLeastSampleMs = 10;
constexpr std::uint64_t kMostSampleMs = 60'000;
constexpr std::uint32_t kMostTicks = 1'000'000;

void read_capacity(ReadContext& context, const Place& place, CpuConfig& cpu) {
  const bool is_auto = is_word(context, place, "auto");
  if (is_auto || is_word(context, place, "host")) {
    cpu.capacity_mode = is_auto ? CapacityMode::kAuto : CapacityMode::kHost;
    cpu.capacity_micro = 0;
    return;
  }
  const std::string* text = take_number(context, place);
  std::int64_t micro = 0;
  if (text == nullptr ||
      !store(context, place, parse_cores_micro(*text), micro, ", or auto, or host")) {
    return;
  }
  if (micro == 0) return report_value(context, place, "is no capacity", "expected more than 0");
  cpu.capacity_mode = CapacityMode::kFixed;
  cpu.capacity_micro = micro;
}

// Permission bits in quotes: without them 0660 is 432 to one reader of YAML and 660 to another.
void read_mode(ReadContext& context, const Place& place, std::uint32_t& out) {
  const std::string* text = take_scalar(context, place, "permission bits");
  if (text == nullptr) return;
  const bool octal = (text->size() == 3 || text->size() == 4) &&
                     text->find_first_not_of("01234567") == std::string::npos;
  if (!place.node.quoted) {
    return report_value(context, place, "is not in quotes",
                        "write it as text: \"" + (octal ? *text : std::string("0660")) + "\"");
  }
  if (!octal) {
    return report_value(context, place, "is not a file mode",
                        "expected three or four octal digits in quotes: \"0660\"");
  }
  std::uint32_t mode = 0;
  for (const char digit : *text) mode = mode * 8 + static_cast<std::uint32_t>(digit - '0');
  if ((mode & 0600U) != 0600U) {
    report_value(context, place, "keeps the broker itself out", "its owner needs 6: \"0660\"");
  } else if ((mode & 0002U) != 0) {
    report_value(context, place, "lets everybody write", "use a group: \"0660\"");
  } else if ((mode & ~0664U) != 0) {
    report_value(context, place, "has bits that mean nothing for a segment",
                 "expected reading and writing alone: \"0660\"");
  } else {
    out = mode;
  }
}

void read_cpu(ReadContext& context, const Place& place, CpuConfig& cpu) {
  const std::vector<Field> fields{
      {"capacity", [&](const Place& at) { read_capacity(context, at, cpu); }},
      {"max_utilization",
       [&](const Place& at) { read_ratio(context, at, cpu.max_utilization_ppb); }},
      {"hold",
       [&](const Place& at) { read_duration(context, at, 0, kMaxDurationMs, cpu.hold_ms); }},
      {"charge",
       [&](const Place& at) {
         read_enum(context, at, {"max", "measured", "reserved"}, cpu.charge);
       }},
      {"idle_rule", [&](const Place& at) { read_bool(context, at, cpu.idle_rule); }},
      {"sample_interval",
       [&](const Place& at) {
         read_duration(context, at, kLeastSampleMs, kMostSampleMs, cpu.sample_interval_ms);
       }},
      {"affinity",
       [&](const Place& at) {
         read_enum(context, at, {"consolidate", "spread"}, cpu.affinity);
       }},
  };
  read_map(context, place, fields, {"in cpu", {}, {}});
}

void read_memory(ReadContext& context, const Place& place, MemoryConfig& memory) {
  const std::vector<Field> fields{
      {"max", [&](const Place& at) { read_bytes(context, at, memory.max_bytes); }},
      {"headroom", [&](const Place& at) { read_bytes(context, at, memory.headroom_bytes); }},
      {"source",
       [&](const Place& at) {
         read_enum(context, at, {"rss", "pss", "cgroup"}, memory.source);
       }},
  };
  read_map(context, place, fields, {"in memory", {}, {}});
}

void read_queue(ReadContext& context, const Place& place, QueueConfig& queue) {
  const std::vector<Field> fields{
      {"overtake_window",
       [&](const Place& at) {
         read_duration(context, at, 1, kMaxDurationMs, queue.overtake_window_ms);
       }},
      {"turn",
       [&](const Place& at) { read_duration(context, at, 1, kMaxDurationMs, queue.turn_ms); }},
  };
  read_map(context, place, fields, {"in queue", {}, {}});
}

// A ratio of which 0 says that there is none.
void read_ratio_or_off(ReadContext& context, const Place& place, std::uint32_t& ppb) {
  const std::string* text = take_number(context, place);
  std::uint32_t value = 0;
  if (text == nullptr || !store(context, place, parse_ratio_ppb(*text), value)) return;
  if (value > kRatioOne) {
    return report_value(context, place, "is out of range", "expected a fraction up to 1, 0 is off");
  }
  ppb = value;
}

void read_pressure(ReadContext& context, const Place& place, PressureConfig& pressure) {
  const std::vector<Field> fields{
      {"threshold", [&](const Place& at) { read_ratio(context, at, pressure.threshold_ppb); }},
      {"ticks", [&](const Place& at) { read_count(context, at, 1, kMostTicks, pressure.ticks); }},
      {"reset_ticks",
       [&](const Place& at) { read_count(context, at, 1, kMostTicks, pressure.reset_ticks); }},
      {"grace",
       [&](const Place& at) { read_duration(context, at, 0, kMaxDurationMs, pressure.grace_ms); }},
      {"action",
       [&](const Place& at) {
         read_enum(context, at, {"none", "notify", "stop", "kill"}, pressure.action);
       }},
      {"psi", [&](const Place& at) { read_ratio_or_off(context, at, pressure.psi_ppb); }},
      {"memory_grace",
       [&](const Place& at) {
         read_duration(context, at, 0, kMaxDurationMs, pressure.memory_grace_ms);
       }},
      {"process_group", [&](const Place& at) { read_bool(context, at, pressure.process_group); }},
  };
  read_map(context, place, fields, {"in pressure", {}, {}});
}

void read_segment(ReadContext& context, const Place& place, SegmentConfig& segment) {
  const std::vector<Field> fields{
      {"path", [&](const Place& at) { read_path(context, at, segment.path); }},
      {"mode", [&](const Place& at) { read_mode(context, at, segment.mode); }},
      {"group", [&](const Place& at) { read_name(context, at, segment.group); }},
      {"slots", [&](const Place& at) { read_count(context, at, 1, kMaxSlots, segment.slots); }},
      {"processes",
       [&](const Place& at) { read_count(context, at, 2, kMaxProcesses, segment.processes); }},
  };
  read_map(context, place, fields, {"in segment", {}, {}});
}

// A section whose keys have all been commented out is one that nobody wrote.
template <class Section>
void read_section(ReadContext& context, const Place& place, Section& section,
                  void (*read)(ReadContext&, const Place&, Section&)) {
  if (!is_absent(context, place)) read(context, place, section);
}

}  // namespace

const std::vector<std::string_view>& native_sections() {
  static const std::vector<std::string_view> kSections{"cpu",   "memory",   "types",   "groups",
                                                       "queue", "pressure", "segment", "http"};
  return kSections;
}

void read_native(ReadContext& context, const Draft& map, const MapRules& rules, NativeMode mode,
                 Config& config) {
  bool types_read = false;
  const std::vector<Field> fields{
      {"cpu", [&](const Place& at) { read_section(context, at, config.cpu, read_cpu); }},
      {"memory", [&](const Place& at) { read_section(context, at, config.memory, read_memory); }},
      {"types", [&](const Place& at) { types_read = read_types(context, at, mode, config); }},
      {"groups", [&](const Place& at) { (void)read_groups(context, at, mode, config); }},
      {"queue", [&](const Place& at) { read_section(context, at, config.queue, read_queue); }},
      {"pressure",
       [&](const Place& at) { read_section(context, at, config.pressure, read_pressure); }},
      {"segment",
       [&](const Place& at) { read_section(context, at, config.segment, read_segment); }},
      {"http", [&](const Place& at) { read_section(context, at, config.http, read_http); }},
  };
  const std::string no_path;
  read_map(context, {map, no_path}, fields, rules);
  const bool groups_given = context.marks.find("groups").known();
  if (mode == NativeMode::kReplace && types_read && !groups_given) config.groups.clear();
}

}  // namespace slotd::broker
