#include "tools/slotctl/commands/doctor.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "slotd/process_probe.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/doctor/repair.hpp"
#include "tools/slotctl/doctor/segment_probe.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

constexpr std::size_t kLevelWidth = 6;

Tone tone_of(Level level) {
  switch (level) {
    case Level::kOk:
      return Tone::kGood;
    case Level::kWarn:
      return Tone::kWarning;
    case Level::kFail:
      break;
  }
  return Tone::kBad;
}

/// Nothing where there is no segment that could be opened: the checks say so.
std::vector<std::string> repair(const GlobalOptions& options) {
  if (read_segment_facts(segment_path_of(options)).read_code != Errc::kOk) return {};
  return repair_segment({open_for_writing(options), read_self_identity(), false});
}

int run_doctor(bool fix, const Context& context) {
  Diagnosis diagnosis;
  if (fix) diagnosis.fixed = repair(context.globals);
  diagnosis.findings = run_checks(read_doctor_facts(context.globals));
  if (context.globals.json) {
    context.print_json(doctor_json(diagnosis));
  } else {
    context.console.print(doctor_text(diagnosis, context.globals.quiet, context.console.style(),
                                      context.console.charset()));
  }
  const bool failed = worst_of(diagnosis.findings) == Level::kFail;
  return to_status(failed ? ExitCode::kNegative : ExitCode::kDone);
}

}  // namespace

Json doctor_json(const Diagnosis& diagnosis) {
  Json document = make_document();
  document["worst"] = level_name(worst_of(diagnosis.findings));
  Json checks = Json::array();
  for (const Finding& finding : diagnosis.findings) {
    Json check;
    check["check"] = finding.check;
    check["level"] = level_name(finding.level);
    check["found"] = finding.found;
    check["remedy"] = finding.remedy.empty() ? Json(nullptr) : Json(finding.remedy);
    checks.push_back(std::move(check));
  }
  document["checks"] = std::move(checks);
  if (diagnosis.fixed) document["fixed"] = *diagnosis.fixed;
  return document;
}

std::string doctor_text(const Diagnosis& diagnosis, bool only_bad, const TableStyle& style,
                        Charset charset) {
  std::size_t widest = 0;
  for (const Finding& finding : diagnosis.findings) widest = std::max(widest, finding.check.size());
  std::string text;
  const auto add_line = [&](const std::string& level, Tone tone, std::string check,
                            const std::string& rest) {
    const std::size_t padding = kLevelWidth - std::min(kLevelWidth, level.size());
    check.resize(widest + 2, ' ');
    text += paint(level, tone, style) + std::string(padding, ' ') + check +
            escape_text(rest, charset) + '\n';
  };
  if (diagnosis.fixed) {
    for (const std::string& line : *diagnosis.fixed) add_line("fixed", Tone::kGood, "", line);
    if (diagnosis.fixed->empty() && !only_bad)
      add_line("fixed", Tone::kPlain, "", "nothing: there was nothing that could be");
  }
  for (const Finding& finding : diagnosis.findings) {
    if (only_bad && finding.level == Level::kOk) continue;
    add_line(level_name(finding.level), tone_of(finding.level), finding.check, finding.found);
    if (!finding.remedy.empty()) add_line("", Tone::kPlain, "", "remedy: " + finding.remedy);
  }
  return text;
}

void add_doctor(CommandSet& set) {
  auto fix = std::make_shared<bool>(false);
  Verb verb = set.add("doctor", "what is wrong here, and what to do about it",
                      [fix](const Context& context) { return run_doctor(*fix, context); });
  verb.add_flag("--fix", *fix, "also free what the dead left behind; nothing of the living's");
}

}  // namespace slotd::ctl
