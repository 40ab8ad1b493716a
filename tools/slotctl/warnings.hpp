// Warnings as lines on a terminal. Pure; thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include "slotd/warnings.hpp"
#include "tools/slotctl/table.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

/// "DEBT      participant: ..."
std::string warning_line(const Warning& warning);
Tone warning_tone(const Warning& warning);

/// A line each, with its end.
std::string warnings_text(const std::vector<Warning>& warnings, const TableStyle& style);

}  // namespace slotd::ctl
