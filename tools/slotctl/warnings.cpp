#include "tools/slotctl/warnings.hpp"

namespace slotd::ctl {

namespace {

constexpr std::size_t kLabelWidth = 10;

}  // namespace

std::string warning_line(const Warning& warning) {
  std::string label = warning.label;
  label.resize(kLabelWidth, ' ');
  return label + warning.text;
}

Tone warning_tone(const Warning& warning) { return warning.is_grave ? Tone::kBad : Tone::kWarning; }

std::string warnings_text(const std::vector<Warning>& warnings, const TableStyle& style) {
  std::string text;
  for (const Warning& warning : warnings)
    text += paint(warning_line(warning), warning_tone(warning), style) + "\n";
  return text;
}

}  // namespace slotd::ctl
