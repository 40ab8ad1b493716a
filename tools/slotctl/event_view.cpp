#include "tools/slotctl/event_view.hpp"

#include <array>
#include <chrono>
#include <nlohmann/json.hpp>

#include "slotd/admission.hpp"
#include "slotd/notices.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/figures.hpp"

namespace slotd::ctl {

namespace {

constexpr std::array<const char*, static_cast<std::size_t>(EventKind::kCount)> kNames{
    "none",    "claim",  "refusal",       "hand_over",    "activate",    "end",
    "release", "reap",   "forced_free",   "limit_set",    "limit_reset", "drain",
    "undrain", "reload", "reload_failed", "broker_start", "broker_stop", "notice"};

constexpr std::size_t kNameWidth = 14;

/// What is read is untrusted: any figure may stand there.
const char* notice_of(std::uint64_t amount) noexcept {
  if (amount == static_cast<std::uint64_t>(Notice::kCpu)) return notice_name(Notice::kCpu);
  if (amount == static_cast<std::uint64_t>(Notice::kMemory)) return notice_name(Notice::kMemory);
  return "none";
}

double seconds_of(std::uint64_t amount_ms) { return static_cast<double>(amount_ms) / 1e3; }

std::string moment_text(std::int64_t unix_ms) {
  std::string text = utc_text(unix_ms / 1000);
  const std::string milli = std::to_string(1000 + unix_ms % 1000);
  text.insert(text.size() - 1, "." + milli.substr(1));
  return text;
}

/// What its amount means, in words.
std::string amount_text(const Event& event) {
  switch (event.kind) {
    case EventKind::kClaim:
      return event.amount == 0 ? "" : ", waited " + age_text(seconds_of(event.amount));
    case EventKind::kRelease:
    case EventKind::kReap:
    case EventKind::kForcedFree:
      return ", held " + age_text(seconds_of(event.amount));
    case EventKind::kLimitSet:
      return event.amount >= kNoLimit ? ", unlimited" : ", limit " + std::to_string(event.amount);
    case EventKind::kBrokerStart:
    case EventKind::kBrokerStop:
      return ", " + std::to_string(event.amount) + " slots held";
    case EventKind::kNotice:
      return std::string(", ") + notice_of(event.amount);
    default:
      return {};
  }
}

std::string other_text(const Event& event) {
  if (event.other_pid == 0) return {};
  const char* what = event.kind == EventKind::kHandOver ? ", to pid " : ", of pid ";
  return what + std::to_string(event.other_pid);
}

void add_amount(Json& out, const Event& event) {
  switch (event.kind) {
    case EventKind::kClaim:
      out["cpu"] = milli_cores_json(event.cost_milli);
      out["waited"] = seconds_json(seconds_of(event.amount));
      break;
    case EventKind::kRelease:
    case EventKind::kReap:
    case EventKind::kForcedFree:
      out["held"] = seconds_json(seconds_of(event.amount));
      break;
    case EventKind::kLimitSet:
      out["limit"] = event.amount >= kNoLimit ? Json(nullptr) : Json(event.amount);
      break;
    case EventKind::kBrokerStart:
    case EventKind::kBrokerStop:
      out["slots"] = event.amount;
      break;
    case EventKind::kNotice:
      out["notice"] = notice_of(event.amount);
      break;
    default:
      break;
  }
}

/// "2026-11-25T16:53:10Z"
std::optional<std::int64_t> parse_utc_ms(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != kForm.size()) return std::nullopt;
  std::array<int, 6> parts{};
  std::size_t part = 0;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'd') {
      if (text[i] < '0' || text[i] > '9') return std::nullopt;
      parts[part] = parts[part] * 10 + (text[i] - '0');
    } else if (text[i] != kForm[i]) {
      return std::nullopt;
    } else if (part + 1 < parts.size()) {
      ++part;
    }
  }
  const std::chrono::year_month_day date{std::chrono::year(parts[0]),
                                         std::chrono::month(static_cast<unsigned>(parts[1])),
                                         std::chrono::day(static_cast<unsigned>(parts[2]))};
  if (!date.ok() || parts[3] > 23 || parts[4] > 59 || parts[5] > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24 + parts[3]) * 60 + parts[4]) * 60 + parts[5]) * 1000;
}

}  // namespace

const char* event_name(EventKind kind) noexcept {
  const auto index = static_cast<std::size_t>(kind);
  return index < kNames.size() ? kNames[index] : kNames[0];
}

Json event_json(const ShownEvent& shown) {
  const Event& event = shown.event;
  Json out;
  out["time"] = static_cast<double>(shown.unix_ms) / 1e3;
  out["event"] = event_name(event.kind);
  out["type"] = shown.type.empty() ? Json(nullptr) : Json(shown.type);
  out["slot"] = event.slot == kNoEventSlot ? Json(nullptr) : Json(event.slot);
  out["pid"] = event.pid == 0 ? Json(nullptr) : Json(event.pid);
  out["other_pid"] = event.other_pid == 0 ? Json(nullptr) : Json(event.other_pid);
  if (event.kind == EventKind::kRefusal) out["refusal"] = reason_name(event.reason);
  add_amount(out, event);
  return out;
}

Json gap_json(std::uint64_t lost) { return Json{{"event", "gap"}, {"lost", lost}}; }

std::string event_text(const ShownEvent& shown, Charset charset) {
  const Event& event = shown.event;
  std::string name = event_name(event.kind);
  name.resize(kNameWidth, ' ');
  std::string text = shown.type.empty() ? "" : escape_text(shown.type, charset);
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (event.kind == EventKind::kRefusal) add(reason_name(event.reason));
  if (event.slot != kNoEventSlot) add("slot " + std::to_string(event.slot));
  if (event.pid != 0) add("pid " + std::to_string(event.pid));
  return moment_text(shown.unix_ms) + " " + name + text + other_text(event) + amount_text(event);
}

std::string gap_text(std::uint64_t lost) {
  return "GAP: " + std::to_string(lost) + " events were overwritten before they were read";
}

std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_unix_ms) {
  if (const auto moment = parse_utc_ms(text)) return moment;
  const auto duration = parse_duration_ms(text);
  if (!duration) return std::nullopt;
  return now_unix_ms - static_cast<std::int64_t>(duration.value);
}

}  // namespace slotd::ctl
