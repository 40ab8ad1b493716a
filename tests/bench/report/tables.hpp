// The generated parts of docs/benchmarks.md, each under its name.
#pragma once

#include <string>

#include "tests/bench/report/document.hpp"

namespace slotd::bench {

/// Markdown. Throws std::runtime_error for a name that no part has.
std::string write_part(const Document& document, const std::string& name);

/// `text` with what is between `<!-- bench NAME -->` and `<!-- end bench -->` written anew; the
/// rest stays as it is. Throws std::runtime_error when a part has no end.
std::string fill_parts(const Document& document, const std::string& text);

}  // namespace slotd::bench
