// What an operator has to see first: why a node admits nothing, whose figures are old, what should
// not be. Pure; thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/snapshot_values.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/table.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

struct Warning {
  const char* name;   ///< for programs: "debt"
  const char* label;  ///< for eyes: "DEBT"
  std::string text;   ///< fit for a terminal
  Tone tone = Tone::kBad;
  std::string type{};                  ///< the one that it is about; untrusted bytes
  std::string group{};                 ///< likewise
  std::vector<std::uint32_t> slots{};  ///< likewise
  const char* by = nullptr;            ///< who drains: "operator" or "rebuild"
};

/// `drain` is the header's word, which tells operators and rebuilds apart. The gravest first.
std::vector<Warning> find_warnings(const Snapshot& snapshot, std::uint64_t drain, Charset charset);

/// [{"warning":...,"text":...}, ...], with "type", "group", "slots", "by" where they have them.
Json warnings_json(const std::vector<Warning>& warnings);

/// A line each, with its end: "DEBT      participant: ..."
std::string warnings_text(const std::vector<Warning>& warnings, const TableStyle& style);

}  // namespace slotd::ctl
