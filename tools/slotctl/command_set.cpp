#include "tools/slotctl/command_set.hpp"

#include <CLI/CLI.hpp>
#include <stdexcept>

#include "tools/slotctl/commands/activate.hpp"
#include "tools/slotctl/commands/adopt.hpp"
#include "tools/slotctl/commands/bind.hpp"
#include "tools/slotctl/commands/can_accept.hpp"
#include "tools/slotctl/commands/claim.hpp"
#include "tools/slotctl/commands/config_check.hpp"
#include "tools/slotctl/commands/config_show.hpp"
#include "tools/slotctl/commands/drain.hpp"
#include "tools/slotctl/commands/end.hpp"
#include "tools/slotctl/commands/free.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/metrics.hpp"
#include "tools/slotctl/commands/procs.hpp"
#include "tools/slotctl/commands/release.hpp"
#include "tools/slotctl/commands/reload.hpp"
#include "tools/slotctl/commands/report.hpp"
#include "tools/slotctl/commands/run.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/commands/wait.hpp"
#include "tools/slotctl/commands/waiters.hpp"

namespace slotd::ctl {

Verb CommandSet::add_below(const Verb& parent, const std::string& name, const std::string& help,
                           Action action) {
  CLI::App* app = parent.app().add_subcommand(name, help);
  // What the verb does not know is the root's: -J, -q and --segment may stand behind it.
  app->fallthrough();
  app->footer("-J, -q and --segment PATH may stand before or after the verb.\n");
  entries_.push_back({app, std::move(action)});
  return Verb(*app);
}

const Action& CommandSet::selected() const {
  // Verbs below others were added after them.
  for (auto entry = entries_.rbegin(); entry != entries_.rend(); ++entry) {
    if (entry->app->parsed()) return entry->action;
  }
  throw std::logic_error("no verb was parsed");
}

std::vector<std::string> CommandSet::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.app->get_parent() == &root_) names.push_back(entry.app->get_name());
  }
  return names;
}

void add_all_commands(CommandSet& set) {
  add_status(set);
  add_slots(set);
  add_procs(set);
  add_waiters(set);
  add_run(set);
  add_claim(set);
  add_bind(set);
  add_adopt(set);
  add_activate(set);
  add_report(set);
  add_end(set);
  add_release(set);
  add_can_accept(set);
  add_limits(set);
  add_drain(set);
  add_free(set);
  add_wait(set);
  add_reload(set);
  add_metrics(set);
  Verb config = set.add("config", "the configuration: check FILE, show", {});
  config.require_verb();
  add_config_check(set, config);
  add_config_show(set, config);
}

}  // namespace slotd::ctl
