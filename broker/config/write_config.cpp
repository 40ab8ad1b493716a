#include "broker/config/write_config.hpp"

#include <array>
#include <string_view>

#include "slotd/units.hpp"

namespace slotd::broker {
namespace {

std::string quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

// Names are plain where YAML can only read them as text.
std::string write_name(std::string_view name) {
  constexpr std::array<std::string_view, 9> kWords{"null", "true", "false", "yes", "no",
                                                   "on",   "off",  "y",     "n"};
  bool plain = units_detail::is_letter(name[0]) || name[0] == '_';
  for (const std::string_view word : kWords) {
    plain = plain && !units_detail::equals_ignoring_case(name, word);
  }
  return plain ? std::string(name) : quote(name);
}

std::string write_limit(const std::optional<std::uint32_t>& max) {
  return max ? std::to_string(*max) : "unlimited";
}

std::string write_capacity(const CpuConfig& cpu) {
  switch (cpu.capacity_mode) {
    case CapacityMode::kAuto:
      return "auto";
    case CapacityMode::kHost:
      return "host";
    case CapacityMode::kFixed:
      break;
  }
  return format_cores_micro(cpu.capacity_micro);
}

template <std::size_t N, class Enum>
std::string write_word(const std::array<std::string_view, N>& words, Enum value) {
  return std::string(words[static_cast<std::size_t>(value)]);
}

class Writer {
 public:
  void section(std::string_view name) { out_.append(name).append(":\n"); }
  void key(std::string_view name, std::string_view value) {
    out_.append("  ").append(name).append(": ").append(value).append("\n");
  }
  void line(std::string_view text) { out_.append("  ").append(text).append("\n"); }
  // A section without an entry needs to say so.
  void empty_section(std::string_view name) { out_.append(name).append(": {}\n"); }
  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  std::string out_;
};

void write_cpu(Writer& out, const CpuConfig& cpu) {
  constexpr std::array<std::string_view, 3> kCharges{"max", "measured", "reserved"};
  constexpr std::array<std::string_view, 2> kAffinities{"consolidate", "spread"};
  out.section("cpu");
  out.key("capacity", write_capacity(cpu));
  out.key("max_utilization", format_ratio_ppb(cpu.max_utilization_ppb));
  out.key("hold", format_duration_ms(cpu.hold_ms));
  out.key("charge", write_word(kCharges, cpu.charge));
  out.key("idle_rule", cpu.idle_rule ? "true" : "false");
  out.key("sample_interval", format_duration_ms(cpu.sample_interval_ms));
  out.key("affinity", write_word(kAffinities, cpu.affinity));
}

void write_memory(Writer& out, const MemoryConfig& memory) {
  constexpr std::array<std::string_view, 3> kSources{"rss", "pss", "cgroup"};
  out.section("memory");
  out.key("max", format_bytes(memory.max_bytes));
  out.key("headroom", format_bytes(memory.headroom_bytes));
  out.key("source", write_word(kSources, memory.source));
}

std::string write_type(const TypeSpec& type) {
  std::string out = write_name(type.name) + ": { ";
  if (type.counts_as.empty()) {
    out += "max: " + write_limit(type.max);
  } else {
    out += "counts_as: " + write_name(type.counts_as);
  }
  out += ", cpu: " + format_cores_milli(type.cpu_milli);
  out += ", memory: " + format_bytes(type.memory_bytes);
  out += ", min: " + std::to_string(type.min);
  if (!type.groups.empty()) {
    std::string list;
    for (const GroupWeight& member : type.groups) {
      if (!list.empty()) list += ", ";
      list += write_name(member.group) + ": " + std::to_string(member.weight);
    }
    out += ", groups: { " + list + " }";
  }
  if (!type.aliases.empty()) {
    std::string list;
    for (const std::string& alias : type.aliases) {
      if (!list.empty()) list += ", ";
      list += write_name(alias);
    }
    out += ", aliases: [" + list + "]";
  }
  return out + " }";
}

void write_types(Writer& out, const std::vector<TypeSpec>& types) {
  out.section("types");
  for (const TypeSpec& type : types) out.line(write_type(type));
}

void write_groups(Writer& out, const std::vector<GroupSpec>& groups) {
  if (groups.empty()) return out.empty_section("groups");
  out.section("groups");
  for (const GroupSpec& group : groups) {
    std::string text = write_name(group.name) + ": { max: " + write_limit(group.max);
    if (!group.external.empty()) text += ", external: " + quote(group.external);
    out.line(text + " }");
  }
}

void write_queue(Writer& out, const QueueConfig& queue) {
  out.section("queue");
  out.key("overtake_window", format_duration_ms(queue.overtake_window_ms));
  out.key("turn", format_duration_ms(queue.turn_ms));
}

void write_pressure(Writer& out, const PressureConfig& pressure) {
  constexpr std::array<std::string_view, 4> kActions{"none", "notify", "stop", "kill"};
  out.section("pressure");
  out.key("threshold", format_ratio_ppb(pressure.threshold_ppb));
  out.key("ticks", std::to_string(pressure.ticks));
  out.key("reset_ticks", std::to_string(pressure.reset_ticks));
  out.key("grace", format_duration_ms(pressure.grace_ms));
  out.key("action", write_word(kActions, pressure.action));
  out.key("psi", format_ratio_ppb(pressure.psi_ppb));
  out.key("memory_grace", format_duration_ms(pressure.memory_grace_ms));
  out.key("process_group", pressure.process_group ? "true" : "false");
}

void write_segment(Writer& out, const SegmentConfig& segment) {
  std::string mode = "0000";
  for (std::size_t i = 0; i < mode.size(); ++i) {
    mode[i] = static_cast<char>('0' + ((segment.mode >> (3 * (mode.size() - 1 - i))) & 7U));
  }
  out.section("segment");
  if (!segment.path.empty()) out.key("path", quote(segment.path));
  out.key("mode", quote(mode));
  if (!segment.group.empty()) out.key("group", write_name(segment.group));
  out.key("slots", std::to_string(segment.slots));
  out.key("processes", std::to_string(segment.processes));
}

std::string write_listen(const HttpConfig& http) {
  switch (http.listen) {
    case HttpListen::kOff:
      return "off";
    case HttpListen::kUnix:
      return http.path.empty() ? "unix" : quote("unix:" + http.path);
    case HttpListen::kTcp:
      break;
  }
  const bool has_colon = http.host.find(':') != std::string::npos;
  return quote((has_colon ? "[" + http.host + "]" : http.host) + ":" + std::to_string(http.port));
}

void write_http(Writer& out, const HttpConfig& http) {
  out.section("http");
  out.key("listen", write_listen(http));
}

}  // namespace

std::string write_config(const Config& config) {
  Writer out;
  write_cpu(out, config.cpu);
  write_memory(out, config.memory);
  write_types(out, config.types);
  write_groups(out, config.groups);
  write_queue(out, config.queue);
  write_pressure(out, config.pressure);
  write_segment(out, config.segment);
  write_http(out, config.http);
  return out.take();
}

}  // namespace slotd::broker
