// A refused claim as slotctl tells it: the reason with the figures that explain it. Pure;
// thread-safe; allocates.
#pragma once

#include <string>
#include <vector>

#include "slotd/admission.hpp"
#include "slotd/segment_view.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

struct Refusal {
  Verdict verdict;
  std::string type;  ///< as the configuration calls it, or as asked for where there is no such type
  std::string group;         ///< of kGroupLimit, and of kTooLarge by weight
  std::string did_you_mean;  ///< of kUnknownType; may be empty
};

/// Completes a verdict with names from the segment. `asked_type` is what the user wrote.
Refusal make_refusal(const SegmentView& view, const Verdict& verdict,
                     const std::string& asked_type);

/// Adds the figures of the reason: limit and in_use, required and available, group and weight, ...
void add_figures(Json& document, const Refusal& refusal);

/// {"schema":1,"refusal":...,"type":...} with its figures.
Json refusal_json(const Refusal& refusal);

/// "cpu: required 2, available 1.6"
std::string refusal_text(const Refusal& refusal, Charset charset);

/// Names and aliases of the types that are configured now.
std::vector<std::string> read_type_names(const SegmentView& view);

/// The name that the configuration gives a type index.
std::string read_type_name(const SegmentView& view, std::uint32_t type);

}  // namespace slotd::ctl
