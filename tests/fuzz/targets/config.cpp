// The text of a configuration file, in either form, all the way to the ledger's rules: diagnostics
// or a Config; printed, it reads back as the same one; it plans against an empty segment and
// against one that runs it already, and what was published is read back.
#include <string>
#include <string_view>

#include "broker/config/parse_config.hpp"
#include "broker/config/write_config.hpp"
#include "broker/ledger/plan.hpp"
#include "tests/fuzz/support/guarded_segment.hpp"
#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"

namespace slotd::fuzz {
namespace {

void check_plan(const broker::Config& config) {
  const broker::LedgerPlan plan = broker::plan_ledger(config, 12'000'000, {});
  if (!plan.spec) return;
  static_cast<void>(broker::check_fit(*plan.spec));
  static const GuardedSegment segment;
  segment.reset(0);
  const SegmentView view(segment.writable(), kCapacities, true);
  // The image has types of its own, so this is a reload that retires them.
  const broker::LedgerPlan reload =
      broker::plan_ledger(config, 12'000'000, broker::read_config_block(view));
  if (reload.spec) {
    broker::publish_config(view, *reload.spec);
    require(broker::read_config_block(view) == *reload.spec, "what is published is read back");
  }
}

}  // namespace
}  // namespace slotd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const broker::ConfigResult result = broker::parse_config(text, "fuzz.yaml");
  fuzz::require(result.config.has_value() || !result.diagnostics.empty(), "a refusal says why");
  for (const broker::Diagnostic& diagnostic : result.diagnostics)
    fuzz::require(!broker::format_diagnostic(diagnostic).empty(), "a diagnostic has a text");
  if (!result.config) return 0;
  const broker::ConfigResult again =
      broker::parse_config(broker::write_config(*result.config), "again.yaml");
  fuzz::require(again.config == result.config, "a printed configuration reads back");
  fuzz::check_plan(*result.config);
  return 0;
}
