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
#include "tools/slotctl/commands/doctor.hpp"
#include "tools/slotctl/commands/drain.hpp"
#include "tools/slotctl/commands/end.hpp"
#include "tools/slotctl/commands/events.hpp"
#include "tools/slotctl/commands/free.hpp"
#include "tools/slotctl/commands/help.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/metrics.hpp"
#include "tools/slotctl/commands/procs.hpp"
#include "tools/slotctl/commands/release.hpp"
#include "tools/slotctl/commands/reload.hpp"
#include "tools/slotctl/commands/report.hpp"
#include "tools/slotctl/commands/run.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/commands/top.hpp"
#include "tools/slotctl/commands/wait.hpp"
#include "tools/slotctl/commands/waiters.hpp"

namespace slotd::ctl {

namespace {

OptionOutline outline_of(const CLI::Option& option) {
  OptionOutline outline;
  for (const std::string& name : option.get_snames()) outline.names.push_back("-" + name);
  for (const std::string& name : option.get_lnames()) outline.names.push_back("--" + name);
  outline.takes_value = option.get_items_expected_max() > 0;
  // Behind a colon CLI11 shows what is checked.
  const std::string type = option.get_type_name();
  if (outline.takes_value) outline.value_name = type.substr(0, type.find(':'));
  outline.help = option.get_description();
  return outline;
}

VerbOutline outline_of(const CLI::App& app) {
  VerbOutline outline;
  outline.name = app.get_name();
  outline.help = app.get_description();
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const bool may_repeat = option->get_items_expected_max() > 1;
      outline.arguments.push_back({option->get_name(true), may_repeat});
    } else {
      outline.options.push_back(outline_of(*option));
    }
  }
  for (const CLI::App* verb : app.get_subcommands([](const CLI::App*) { return true; }))
    outline.verbs.push_back(outline_of(*verb));
  return outline;
}

}  // namespace

VerbOutline CommandSet::outline() const { return outline_of(root_); }

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

std::optional<std::string> CommandSet::help_of(const std::vector<std::string>& words) const {
  const CLI::App* app = &root_;
  std::string path = root_.get_name();
  for (const std::string& word : words) {
    const auto named =
        app->get_subcommands([&word](const CLI::App* verb) { return verb->get_name() == word; });
    if (named.empty()) return std::nullopt;
    path += ' ' + word;
    app = named.front();
  }
  // Not by help(): with a verb that was parsed, as `help` was, that is the verb's.
  return app->get_formatter()->make_help(app, path, CLI::AppFormatMode::Normal);
}

std::vector<std::string> CommandSet::names() const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    if (entry.app->get_parent() == &root_) names.push_back(entry.app->get_name());
  }
  return names;
}

std::vector<std::string> CommandSet::names_below(const std::string& verb) const {
  std::vector<std::string> names;
  for (const Entry& entry : entries_) {
    const CLI::App* parent = entry.app->get_parent();
    if (parent != &root_ && parent->get_name() == verb) names.push_back(entry.app->get_name());
  }
  return names;
}

void add_all_commands(CommandSet& set) {
  add_status(set);
  add_slots(set);
  add_procs(set);
  add_waiters(set);
  add_events(set);
  add_top(set);
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
  add_doctor(set);
  add_help(set);
}

}  // namespace slotd::ctl
