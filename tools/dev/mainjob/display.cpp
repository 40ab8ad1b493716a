#include "tools/dev/mainjob/display.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>

#include "slotd/units.hpp"
#include "tools/dev/mainjob/verdict.hpp"

namespace slotd::mainjob {
namespace {

std::string pad(std::string text, std::size_t width, bool right = false) {
  if (text.size() < width) text.insert(right ? 0 : text.size(), width - text.size(), ' ');
  return text;
}

std::string format_limit(std::uint32_t limit) {
  return limit == kNoLimit ? "-" : std::to_string(limit);
}

std::string format_cores(std::uint64_t micro) {
  return format_cores_micro(static_cast<std::int64_t>(micro));
}

std::string format_seconds(std::uint64_t elapsed_ms) {
  return std::to_string(elapsed_ms / 1000) + "." + std::to_string(elapsed_ms % 1000 / 100);
}

std::string format_row(const std::string& name, const std::string& use, const std::string& limit) {
  return "  " + pad(name, 18) + pad(use, 8, true) + pad(limit, 8, true);
}

/// Columns of the terminal; a line that is longer would break the redrawing.
std::size_t read_columns() {
  winsize size{};
  return ::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string format_line(const Frame& frame) {
  std::string text = pad(format_seconds(frame.elapsed_ms), 5, true) + "s";
  text += " claims=" + std::to_string(frame.counters.claims) +
          " refused=" + std::to_string(frame.counters.refused()) + " (" +
          format_refusals(frame.counters) + ") killed=" + std::to_string(frame.killed) +
          " reaped=" + std::to_string(frame.counters.reaped) +
          " over_limit=" + std::to_string(frame.over_limit) + " |";
  for (std::size_t type = 0; type < frame.limits.types.size(); ++type) {
    text += " " + frame.limits.types[type].name + "=" + std::to_string(frame.tally.by_type[type]) +
            "/" + format_limit(frame.limits.types[type].limit);
  }
  text += " cpu=" + format_cores(frame.tally.reserved_micro) + "/" +
          format_cores(frame.limits.budget_micro);
  text += " broker=";
  text += frame.broker_up ? "up" : "down";
  return text;
}

std::vector<std::string> format_table(const Frame& frame) {
  std::vector<std::string> lines;
  lines.push_back("slotd main job  " + format_seconds(frame.elapsed_ms) + " of " +
                  std::to_string(frame.seconds) + " s  seed " + std::to_string(frame.seed) +
                  "  broker " + (frame.broker_up ? "up" : "DOWN") + "  services " +
                  std::to_string(frame.services));
  lines.push_back(format_row("type", "in use", "limit"));
  for (std::size_t type = 0; type < frame.limits.types.size(); ++type) {
    lines.push_back(format_row(frame.limits.types[type].name,
                               std::to_string(frame.tally.by_type[type]),
                               format_limit(frame.limits.types[type].limit)));
  }
  for (std::size_t group = 0; group < frame.tally.by_group.size(); ++group) {
    lines.push_back(format_row("group " + frame.limits.groups[group].name,
                               std::to_string(frame.tally.by_group[group]),
                               format_limit(frame.limits.groups[group].limit)));
  }
  lines.push_back(format_row("cpu reserved", format_cores(frame.tally.reserved_micro),
                             format_cores(frame.limits.budget_micro)));
  lines.push_back("  claims " + std::to_string(frame.counters.claims) + "  refused " +
                  std::to_string(frame.counters.refused()) + " (" +
                  format_refusals(frame.counters) + ")");
  lines.push_back("  killed " + std::to_string(frame.killed) + "  reaped " +
                  std::to_string(frame.counters.reaped) + "  looks " + std::to_string(frame.looks) +
                  "  over limit " + std::to_string(frame.over_limit));
  for (std::size_t i = 0; i < Display::kEvents; ++i) {
    lines.push_back(i < frame.events.size() ? "  " + frame.events[i] : "");
  }
  return lines;
}

Display::Display() : is_terminal_(::isatty(STDOUT_FILENO) == 1) {}

void Display::show(const Frame& frame) {
  if (is_terminal_) {
    draw(format_table(frame));
  } else {
    print(format_line(frame));
  }
}

void Display::print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
  drawn_ = 0;
}

void Display::draw(const std::vector<std::string>& lines) {
  const std::size_t columns = read_columns();
  std::string text;
  if (drawn_ != 0) text += "\x1b[" + std::to_string(drawn_) + "A";
  for (const std::string& line : lines) text += line.substr(0, columns - 1) + "\x1b[K\n";
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
  drawn_ = lines.size();
}

}  // namespace slotd::mainjob
