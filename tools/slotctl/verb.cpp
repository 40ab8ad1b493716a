#include "tools/slotctl/verb.hpp"

#include <CLI/CLI.hpp>

#include "slotd/units.hpp"

namespace slotd::ctl {

namespace {

/// An option whose text `parse` turns into a figure for `target`.
template <typename Parse, typename Target>
CLI::Option* add_figure(CLI::App& app, const std::string& name, Target& target, Parse parse,
                        const std::string& help) {
  const auto store = [name, &target, parse](const std::string& text) {
    const auto parsed = parse(text);
    if (!parsed) {
      throw CLI::ValidationError(name, "'" + text + "' " +
                                           std::string(unit_error_message(parsed.error)) +
                                           "; write " + std::string(unit_remedy(parsed.quantity)));
    }
    target = static_cast<decltype(parsed.value)>(parsed.value);
  };
  return app.add_option_function<std::string>(name, store, help);
}

}  // namespace

void Verb::add_text(const std::string& name, std::string& target, const std::string& value_name,
                    const std::string& help, Need need) {
  app_->add_option(name, target, help)->required(need == Need::kRequired)->type_name(value_name);
}

void Verb::add_words(const std::string& name, std::vector<std::string>& target,
                     const std::string& help, Need need) {
  app_->add_option(name, target, help)->required(need == Need::kRequired)->type_name("");
}

void Verb::add_flag(const std::string& name, bool& target, const std::string& help) {
  app_->add_flag(name, target, help);
}

void Verb::add_number(const std::string& name, std::uint32_t& target, const std::string& help,
                      Need need) {
  add_figure(
      *app_, name, target, [](std::string_view text) { return parse_count(text); }, help)
      ->required(need == Need::kRequired)
      ->type_name("");
}

void Verb::add_cores(const std::string& name, std::optional<std::uint32_t>& milli,
                     const std::string& help) {
  add_figure(
      *app_, name, milli, [](std::string_view text) { return parse_cores_milli(text); }, help)
      ->type_name("CORES");
}

void Verb::add_bytes(const std::string& name, std::optional<std::uint64_t>& bytes,
                     const std::string& help) {
  add_figure(
      *app_, name, bytes, [](std::string_view text) { return parse_bytes(text); }, help)
      ->type_name("BYTES");
}

void Verb::add_seconds(const std::string& name, std::uint64_t& duration_ms,
                       const std::string& help) {
  add_figure(
      *app_, name, duration_ms, [](std::string_view text) { return parse_seconds_ms(text); }, help)
      ->type_name("SEC");
}

void Verb::add_status(const std::string& name, int& status, const std::string& help) {
  constexpr int kMaxStatus = 255;
  app_->add_option(name, status, help)->check(CLI::Range(0, kMaxStatus))->type_name("CODE");
}

void Verb::add_choice(const std::string& name, std::string& target,
                      const std::vector<std::string>& choices, const std::string& help) {
  std::string value_name;
  for (const std::string& choice : choices) value_name += (value_name.empty() ? "" : "|") + choice;
  app_->add_option(name, target, help)
      ->check(CLI::IsMember(choices).description(""))
      ->type_name(value_name);
}

void Verb::add_pid(int& pid, const std::string& help, Need need) {
  constexpr int kMaxPid = 4'194'304;  // PID_MAX_LIMIT of 64-bit kernels
  app_->add_option("--pid", pid, help)
      ->check(CLI::Range(1, kMaxPid))
      ->required(need == Need::kRequired)
      ->type_name("PID");
}

void Verb::require_verb() { app_->require_subcommand(1); }

}  // namespace slotd::ctl
