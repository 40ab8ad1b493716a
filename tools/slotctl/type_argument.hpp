// A type that must exist: its index, or a usage error that names the nearest one. Reads the
// segment; thread-safe.
#pragma once

#include <cstdint>
#include <string>

#include "slotd/ledger.hpp"
#include "slotd/segment_view.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/refusal.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

inline std::uint32_t find_type_or_fail(const SegmentView& view, const std::string& name,
                                       Charset charset) {
  const auto type = find_type_index(view, name);
  if (type) return *type;
  std::string text = "there is no type '" + escape_text(name, charset) + "'";
  const std::string nearest = nearest_name(name, read_type_names(view));
  if (!nearest.empty()) text += "; did you mean '" + escape_text(nearest, charset) + "'?";
  throw Failure(Errc::kInvalidArgument, text);
}

}  // namespace slotd::ctl
