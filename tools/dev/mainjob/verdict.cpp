#include "tools/dev/mainjob/verdict.hpp"

#include "slotd/admission.hpp"

namespace slotd::mainjob {

std::string format_refusals(const CounterTotals& counters) {
  const auto entry = [&](Reason reason) {
    return std::string(reason_name(reason)) + "=" +
           std::to_string(counters.refusals[static_cast<std::size_t>(reason)]);
  };
  std::string text = entry(Reason::kTypeLimit) + " " + entry(Reason::kCpu);
  for (std::size_t index = 0; index < kReasons; ++index) {
    const auto reason = static_cast<Reason>(index);
    if (reason == Reason::kTypeLimit || reason == Reason::kCpu || counters.refusals[index] == 0)
      continue;
    text += " " + entry(reason);
  }
  return text;
}

std::string format_verdict(const Outcome& outcome) {
  return "verdict: claims=" + std::to_string(outcome.counters.claims) +
         " refused=" + std::to_string(outcome.counters.refused()) + " (" +
         format_refusals(outcome.counters) + ") killed=" + std::to_string(outcome.killed) +
         " reaped=" + std::to_string(outcome.counters.reaped) +
         " leaked=" + std::to_string(outcome.leaked) +
         " over_limit=" + std::to_string(outcome.over_limit);
}

bool is_clean(const Outcome& outcome) {
  return outcome.counters.claims > 0 && outcome.leaked == 0 && outcome.over_limit == 0;
}

}  // namespace slotd::mainjob
