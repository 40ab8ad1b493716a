#include "tools/slotctl/refusal.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "slotd/ledger.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/figures.hpp"

namespace slotd::ctl {

namespace {

/// What a job that can never fit is too large for.
enum class TooLarge { kCpu, kMemory, kWeight };

TooLarge judge_too_large(const Verdict& verdict) {
  if (verdict.weight != 0) return TooLarge::kWeight;
  return verdict.memory_max != 0 ? TooLarge::kMemory : TooLarge::kCpu;
}

std::string in_use_text(const Verdict& verdict) {
  return std::to_string(verdict.in_use) + " of " + std::to_string(verdict.limit) + " in use";
}

std::string too_large_text(const Refusal& refusal, Charset charset) {
  const Verdict& verdict = refusal.verdict;
  switch (judge_too_large(verdict)) {
    case TooLarge::kWeight:
      return "takes " + std::to_string(verdict.weight) + " of group '" +
             escape_text(refusal.group, charset) + "', which has " + std::to_string(verdict.limit);
    case TooLarge::kMemory:
      return "memory required " + format_bytes(verdict.memory_required) + " of " +
             format_bytes(verdict.memory_max) + " in all";
    case TooLarge::kCpu:
      break;
  }
  return "required " + format_cores_micro(verdict.required_micro) + ", and there are only " +
         format_cores_micro(verdict.available_micro) + " cores in all";
}

void add_too_large(Json& document, const Refusal& refusal) {
  const Verdict& verdict = refusal.verdict;
  switch (judge_too_large(verdict)) {
    case TooLarge::kWeight:
      document["group"] = refusal.group;
      document["weight"] = verdict.weight;
      document["limit"] = limit_json(verdict.limit);
      break;
    case TooLarge::kMemory:
      document["required"] = verdict.memory_required;
      document["max"] = verdict.memory_max;
      break;
    case TooLarge::kCpu:
      document["required"] = cores_json(verdict.required_micro);
      document["available"] = cores_json(verdict.available_micro);
      break;
  }
}

}  // namespace

std::string read_type_name(const SegmentView& view, std::uint32_t type) {
  return std::string(text_view(load_text(view.type_name(type).name)));
}

std::vector<std::string> read_type_names(const SegmentView& view) {
  const ConfigBlock& config =
      view.config(view.header().config_epoch.load(std::memory_order_acquire));
  std::vector<std::string> names;
  for (std::uint32_t type = 0; type < std::min(config.type_count.get(), kMaxTypes); ++type) {
    if (config.types[type].flags.get() != TypeConfig::kKnown) continue;
    names.push_back(read_type_name(view, type));
  }
  for (std::uint32_t i = 0; i < std::min(config.alias_count.get(), kMaxAliases); ++i) {
    names.emplace_back(text_view(load_text(config.aliases[i].name)));
  }
  return names;
}

Refusal make_refusal(const SegmentView& view, const Verdict& verdict,
                     const std::string& asked_type) {
  Refusal refusal{verdict, asked_type, {}, {}};
  const auto index = find_type_index(view, asked_type);
  if (index) refusal.type = read_type_name(view, *index);
  if (verdict.reason == Reason::kUnknownType) {
    refusal.did_you_mean = nearest_name(asked_type, read_type_names(view));
  }
  if (verdict.reason == Reason::kGroupLimit || verdict.weight != 0) {
    refusal.group = std::string(text_view(load_text(view.group_name(verdict.group).name)));
  }
  return refusal;
}

void add_figures(Json& document, const Refusal& refusal) {
  const Verdict& verdict = refusal.verdict;
  switch (verdict.reason) {
    case Reason::kTypeLimit:
    case Reason::kTableFull:
      document["limit"] = limit_json(verdict.limit);
      document["in_use"] = verdict.in_use;
      break;
    case Reason::kGroupLimit:
      document["group"] = refusal.group;
      document["weight"] = verdict.weight;
      document["limit"] = limit_json(verdict.limit);
      document["in_use"] = verdict.in_use;
      if (verdict.kept_weight != 0) document["kept"] = verdict.kept_weight;
      break;
    case Reason::kMemory:
      document["required"] = verdict.memory_required;
      document["used"] = verdict.memory_used;
      document["max"] = verdict.memory_max;
      break;
    case Reason::kCpu:
      document["required"] = cores_json(verdict.required_micro);
      document["available"] = cores_json(verdict.available_micro);
      if (verdict.kept_micro != 0) document["kept"] = cores_json(to_signed(verdict.kept_micro));
      break;
    case Reason::kTooLarge:
      add_too_large(document, refusal);
      break;
    case Reason::kUnknownType:
      if (!refusal.did_you_mean.empty()) document["did_you_mean"] = refusal.did_you_mean;
      break;
    default:
      break;
  }
}

Json refusal_json(const Refusal& refusal) {
  Json document = make_document();
  document["refusal"] = reason_name(refusal.verdict.reason);
  document["type"] = refusal.type;
  add_figures(document, refusal);
  return document;
}

std::string refusal_text(const Refusal& refusal, Charset charset) {
  const Verdict& verdict = refusal.verdict;
  const std::string name = reason_name(verdict.reason);
  switch (verdict.reason) {
    case Reason::kTypeLimit:
    case Reason::kTableFull:
      return name + ": " + in_use_text(verdict);
    case Reason::kGroupLimit:
      return name + ": group '" + escape_text(refusal.group, charset) + "' has " +
             in_use_text(verdict) +
             (verdict.kept_weight == 0 ? ""
                                       : ", " + std::to_string(verdict.kept_weight) +
                                             " kept for types below their min") +
             ", this takes " + std::to_string(verdict.weight);
    case Reason::kMemory:
      return name + ": required " + format_bytes(verdict.memory_required) + ", used " +
             format_bytes(verdict.memory_used) + " of " + format_bytes(verdict.memory_max);
    case Reason::kCpu:
      return name + ": required " + format_cores_micro(verdict.required_micro) + ", available " +
             format_cores_micro(verdict.available_micro) +
             (verdict.kept_micro == 0 ? ""
                                      : ", " + format_cores_micro(to_signed(verdict.kept_micro)) +
                                            " kept for types below their min");
    case Reason::kTooLarge:
      return name + ": " + too_large_text(refusal, charset);
    case Reason::kUnknownType:
      if (refusal.did_you_mean.empty()) return name;
      return name + "; did you mean '" + escape_text(refusal.did_you_mean, charset) + "'?";
    default:
      return name;
  }
}

}  // namespace slotd::ctl
