#include "tools/slotctl/usage_view.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/figures.hpp"

namespace slotd::ctl {

const char* usage_source_name(UsageOrigin origin) noexcept {
  switch (origin) {
    case UsageOrigin::kTree:
      return "tree";
    case UsageOrigin::kCgroup:
      return "cgroup";
    case UsageOrigin::kClock:
      return "clock";
    case UsageOrigin::kNone:
      break;
  }
  return nullptr;
}

const char* charge_source_name(ChargeOrigin origin) noexcept {
  switch (origin) {
    case ChargeOrigin::kMeasured:
      return "measured";
    case ChargeOrigin::kReported:
      return "reported";
    case ChargeOrigin::kReserved:
      break;
  }
  return "reserved";
}

Json source_json(UsageOrigin origin) {
  const char* name = usage_source_name(origin);
  return name == nullptr ? Json(nullptr) : Json(name);
}

Json optional_cores_json(const std::optional<std::uint64_t>& micro) {
  return micro ? cores_json(to_signed(*micro)) : Json(nullptr);
}

Json optional_bytes_json(const std::optional<std::uint64_t>& bytes) {
  return bytes ? Json(*bytes) : Json(nullptr);
}

Json sample_age_json(const BrokerSnapshot& broker, bool is_measured) {
  return is_measured && broker.sample_age_s >= 0 ? seconds_json(broker.sample_age_s)
                                                 : Json(nullptr);
}

std::string source_text(UsageOrigin origin) {
  const char* name = usage_source_name(origin);
  return name == nullptr ? "-" : name;
}

std::string optional_cores_text(const std::optional<std::uint64_t>& micro) {
  return micro ? rounded_cores_text(to_signed(*micro)) : "-";
}

std::string optional_bytes_text(const std::optional<std::uint64_t>& bytes) {
  return bytes ? format_bytes_human(*bytes) : "-";
}

std::string stale_line(const BrokerSnapshot& broker, const TableStyle& style) {
  if (!is_shown_stale(broker)) return {};
  return paint("STALE     " + stale_text(broker), Tone::kBad, style) + "\n";
}

std::string sample_line(const BrokerSnapshot& broker, UsageOrigin common, const TableStyle& style) {
  if (broker.sample_age_s < 0) return "nothing measured yet\n";
  if (broker.is_sample_stale) return stale_line(broker, style);
  const std::string when = "measured " + age_text(broker.sample_age_s) + " ago";
  switch (common) {
    case UsageOrigin::kTree:
      return when + ", by process trees (source tree)\n";
    case UsageOrigin::kCgroup:
      return when + ", by the owners' control groups (source cgroup)\n";
    case UsageOrigin::kClock:
      return when + ", the owners' own processes alone (source clock)\n";
    case UsageOrigin::kNone:
      break;
  }
  return when + "\n";
}

}  // namespace slotd::ctl
