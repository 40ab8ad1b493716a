// `doctor`: what is wrong with the segment, its broker, this host and the caller's rights, and what
// to do. What is printed is pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tools/slotctl/doctor/checks.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/table.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

class CommandSet;

struct Diagnosis {
  std::vector<Finding> findings;
  std::optional<std::vector<std::string>> fixed;  ///< lines; none without --fix
};

void add_doctor(CommandSet& set);

Json doctor_json(const Diagnosis& diagnosis);

/// With `only_bad` what is ok is left out.
std::string doctor_text(const Diagnosis& diagnosis, bool only_bad, const TableStyle& style,
                        Charset charset);

}  // namespace slotd::ctl
