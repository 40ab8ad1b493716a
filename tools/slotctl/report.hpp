// How slotctl tells that a verb could not answer or that a claim was refused: JSON on stdout with
// -J, text on stderr. The exit status says the same. Writes to the console; not thread-safe.
#pragma once

#include "tools/slotctl/context.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {

/// {"schema":1,"error":...,"message":...}
Json failure_json(const Failure& failure);

/// The text goes to stderr in any case, the document to stdout with -J.
ExitCode report_failure(const Context& context, const Failure& failure);

/// With -q the text is left out.
ExitCode report_refusal(const Context& context, const Refusal& refusal);

}  // namespace slotd::ctl
