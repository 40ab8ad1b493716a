#include "tools/slotctl/list_verb.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

int run_list(const ListVerb& shown, const ListOptions& list, const Context& context) {
  const Charset charset = context.console.charset();
  const TableStyle style = context.style_of(list);
  require_columns(style.columns, {shown.table({}, charset)});
  const Snapshot snapshot = read_snapshot(open_for_reading(context.globals));
  if (context.globals.json) {
    context.print_list_json(shown.json(snapshot), shown.list);
  } else {
    context.console.print(shown.text(snapshot, style, charset));
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_list_verb(CommandSet& set, const ListVerb& shown) {
  auto list = std::make_shared<ListOptions>();
  Verb verb = set.add(shown.name, shown.help, [shown, list](const Context& context) {
    return run_list(shown, *list, context);
  });
  add_list_options(verb, *list);
}

}  // namespace slotd::ctl
