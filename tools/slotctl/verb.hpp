// A verb's options, in slotctl's own words; CLI11 is behind them, in verb.cpp, command_set.cpp and
// command_line.cpp alone. A value that is no such figure is a usage error that says what is wrong
// with it and how such a figure is written. Targets outlive the parsing. Not thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace slotd::ctl {

enum class Need { kOptional, kRequired };

/// Option names are as on the command line: "-t,--type"; a name without dashes is an argument by
/// its position.
class Verb {
 public:
  explicit Verb(CLI::App& app) : app_(&app) {}

  /// Any text; `value_name` is what help calls it.
  void add_text(const std::string& name, std::string& target, const std::string& value_name,
                const std::string& help, Need need);
  /// Any number of texts by position; at least one where they are required.
  void add_words(const std::string& name, std::vector<std::string>& target, const std::string& help,
                 Need need);
  void add_flag(const std::string& name, bool& target, const std::string& help);
  /// A whole number, 0 or more.
  void add_number(const std::string& name, std::uint32_t& target, const std::string& help,
                  Need need);
  /// Cores, into millicores.
  void add_cores(const std::string& name, std::optional<std::uint32_t>& milli,
                 const std::string& help);
  /// A size, into bytes.
  void add_bytes(const std::string& name, std::optional<std::uint64_t>& bytes,
                 const std::string& help);
  /// Decimal seconds, into milliseconds.
  void add_seconds(const std::string& name, std::uint64_t& duration_ms, const std::string& help);
  /// An exit status, 0 to 255.
  void add_status(const std::string& name, int& status, const std::string& help);
  /// One of some words; `target` holds the one that stands for none given.
  void add_choice(const std::string& name, std::string& target,
                  const std::vector<std::string>& choices, const std::string& help);
  /// `--pid N`, above 0.
  void add_pid(int& pid, const std::string& help, Need need);

  /// One of the verbs below this one has to follow.
  void require_verb();

  CLI::App& app() const noexcept { return *app_; }

 private:
  CLI::App* app_;
};

}  // namespace slotd::ctl
