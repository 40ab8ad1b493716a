#include "tools/slotctl/report.hpp"

#include <nlohmann/json.hpp>

namespace slotd::ctl {

Json failure_json(const Failure& failure) {
  Json document = make_document();
  document["error"] = error_name(failure.code());
  document["message"] = failure.what();
  return document;
}

ExitCode report_failure(const Context& context, const Failure& failure) {
  if (context.globals.json) context.print_json(failure_json(failure));
  context.console.complain(failure.what());
  return exit_code_of(failure.code());
}

ExitCode report_refusal(const Context& context, const Refusal& refusal) {
  if (context.globals.json) {
    context.print_json(refusal_json(refusal));
  } else {
    const Charset charset = context.console.charset();
    context.hint(escape_text(refusal.type, charset) +
                 " refused: " + refusal_text(refusal, charset));
  }
  return ExitCode::kRefused;
}

}  // namespace slotd::ctl
