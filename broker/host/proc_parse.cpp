#include "broker/host/proc_parse.hpp"

#include <algorithm>
#include <limits>

#include "broker/host/text_scan.hpp"

namespace slotd::broker {

namespace {

std::optional<int> parse_pid(std::string_view text) {
  const auto value = parse_count(text);
  if (!value || *value > std::numeric_limits<int>::max()) return std::nullopt;
  return static_cast<int>(*value);
}

/// Two decimals, as the kernel prints them: "12.34" -> 1234.
std::optional<std::uint64_t> parse_hundredths(std::string_view text) {
  const std::string_view whole_text = take_until(text, '.');
  const auto whole = parse_count(whole_text);
  const auto fraction = text.size() == 2 ? parse_count(text) : std::nullopt;
  if (!whole || !fraction) return std::nullopt;
  return add_saturating(multiply_saturating(*whole, 100), *fraction);
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t name_end = text.rfind(')');
  const std::size_t name_begin = text.find(" (");
  if (name_end == std::string_view::npos || name_begin > name_end) return std::nullopt;
  const auto pid = parse_pid(text.substr(0, name_begin));
  std::string_view rest = text.substr(name_end + 1);
  rest = rest.substr(0, rest.find('\n'));
  const std::string_view state = take_word(rest);
  const auto parent = parse_pid(take_word(rest));
  const auto group = parse_pid(take_word(rest));
  const auto session = parse_pid(take_word(rest));
  if (!pid || *pid == 0 || state.size() != 1 || !parent || !group || !session) return std::nullopt;

  const auto skip = [&rest](int fields) {
    while (fields-- > 0) take_word(rest);
  };
  skip(7);  // tty_nr .. cmajflt
  const auto user = parse_count(take_word(rest));
  const auto system = parse_count(take_word(rest));
  skip(4);  // cutime, cstime: they jump when a child is waited for; priority, nice
  const auto threads = parse_count(take_word(rest));
  skip(1);
  const auto start = parse_count(take_word(rest));
  skip(1);
  const auto rss = parse_count(take_word(rest));
  if (!user || !system || !threads || !start) return std::nullopt;

  ProcessStat stat;
  stat.pid = *pid;
  stat.parent = *parent;
  stat.group = *group;
  stat.session = *session;
  stat.state = state.front();
  stat.cpu_ticks = add_saturating(*user, *system);
  stat.start_ticks = *start;
  stat.rss_pages = rss.value_or(0);  // the kernel printed it signed once
  stat.threads = *threads;
  return stat;
}

std::optional<HostTicks> parse_host_ticks(std::string_view text) {
  std::string_view line = take_until(text, '\n');
  if (take_word(line) != "cpu") return std::nullopt;
  constexpr std::size_t kIdle = 3;
  constexpr std::size_t kIowait = 4;
  constexpr std::size_t kSteal = 7;  // behind it guests, which user and nice hold already
  HostTicks ticks;
  std::size_t field = 0;
  for (; field <= kSteal; ++field) {
    const std::string_view word = take_word(line);
    if (word.empty()) break;
    const auto value = parse_count(word);
    if (!value) return std::nullopt;
    ticks.total = add_saturating(ticks.total, *value);
    if (field != kIdle && field != kIowait) ticks.busy = add_saturating(ticks.busy, *value);
  }
  if (field <= kIdle) return std::nullopt;
  while (text.starts_with("cpu")) {
    std::string_view cpu = take_until(text, '\n');
    if (parse_count(take_word(cpu).substr(3))) ++ticks.cpus;
  }
  return ticks;
}

std::optional<std::uint64_t> decide_busy_micro(const HostTicks& before, const HostTicks& now) {
  if (now.total <= before.total || now.cpus == 0) return std::nullopt;
  const std::uint64_t total = now.total - before.total;
  const std::uint64_t busy = now.busy > before.busy ? now.busy - before.busy : 0;
  return scale_saturating(std::min(busy, total), std::uint64_t{now.cpus} * 1'000'000, total);
}

std::optional<std::uint32_t> parse_pressure_some_ppb(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (take_word(line) != "some") continue;
    const std::string_view average = take_word(line);
    constexpr std::string_view kLabel = "avg10=";
    if (!average.starts_with(kLabel)) return std::nullopt;
    const auto hundredths = parse_hundredths(average.substr(kLabel.size()));
    if (!hundredths) return std::nullopt;
    // Hundredths of a percent are 100'000 parts per billion; more than all the time is not
    // possible.
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(*hundredths, 10'000) * 100'000);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_pss_bytes(std::string_view text) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (take_word(line) != "Pss:") continue;
    const auto kib = parse_count(take_word(line));
    if (!kib || take_word(line) != "kB") return std::nullopt;
    return multiply_saturating(*kib, 1024);
  }
  return std::nullopt;
}

std::optional<std::uint64_t> parse_uptime_centis(std::string_view text) {
  text = trim(text);
  return parse_hundredths(take_word(text));
}

}  // namespace slotd::broker
