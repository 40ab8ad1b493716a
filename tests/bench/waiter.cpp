#include "tests/bench/waiter.hpp"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "tests/bench/machine.hpp"
#include "tests/bench/waiter_stage.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

constexpr std::size_t kLargeBytes = 1UL << 30;
/// In this time every kernel, server and search has told of a death.
constexpr std::chrono::seconds kLongAfter{1};

/// What happens to the holders.
struct Event {
  const char* what;
  int rounds;
  bool is_kill = true;
  std::uint32_t holders = 1;
  std::size_t holder_bytes = 0;
  Placement placement = Placement::kAny;
};

bool has_memory(std::size_t bytes) {
  const std::string text = testing::read_text("/proc/meminfo");
  const std::string key = "MemAvailable:";
  const std::size_t at = text.find(key);
  return at != std::string::npos &&
         std::strtoull(text.c_str() + at + key.size(), nullptr, 10) * 1024 > 2 * bytes;
}

double percentile_ns(std::vector<double> values_us, double share) {
  std::sort(values_us.begin(), values_us.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values_us.size()));
  return 1000 * values_us[std::min(at, values_us.size() - 1)];
}

bool tells_of_deaths(const Contender& contender) {
  return contender.recovery() == Recovery::kAtOnce ||
         contender.recovery() == Recovery::kWhenSearched;
}

double aim_for(const Event& event) { return event.is_kill ? 1 : 1 / 1.2; }

class Waiters {
 public:
  Waiters(const WaiterRounds& rounds, const Contenders& contenders,
          const std::vector<Skipped>& skipped)
      : rounds_(rounds), contenders_(contenders), skipped_(skipped) {}

  void run_once(bool is_broker_up);
  void try_the_others();
  void add_skipped();
  std::vector<Line> take() { return std::move(lines_); }

 private:
  std::vector<Event> make_events() const;
  /// The line of that name, new if there was none.
  Line& find_line(const char* name, const std::string& what, const std::string& rival);
  void measure(const Event& event, bool is_broker_up, const Contenders& contenders);
  void add_times(const Event& event, const std::string& what, const std::string& rival,
                 const std::vector<double>& ours, const std::vector<double>& theirs);

  const WaiterRounds& rounds_;
  const Contenders& contenders_;
  const std::vector<Skipped>& skipped_;
  std::vector<Line> lines_;
};

std::string name_event(const Event& event, bool is_broker_up) {
  return std::string(event.what) + (is_broker_up ? ", broker up" : ", broker down");
}

std::vector<Event> Waiters::make_events() const {
  std::vector<Event> events{
      {"release", rounds_.releases, false},
      // Else the kernel chooses, anew in each run, and the choice is most of the time.
      {"release on one CPU", rounds_.releases, false, 1, 0, Placement::kOneCpu}};
  if (usable_cpus().size() > 1)
    events.push_back(
        {"release across two CPUs", rounds_.releases, false, 1, 0, Placement::kTwoCpus});
  events.push_back({"SIGKILL of the holder", rounds_.kills});
  events.push_back({"SIGKILL of 64 holders at once", rounds_.mass_kills, true, kManySlots});
  if (has_memory(kLargeBytes))
    events.push_back({"SIGKILL of a holder of 1 GiB", rounds_.large_kills, true, 1, kLargeBytes});
  return events;
}

Line& Waiters::find_line(const char* name, const std::string& what, const std::string& rival) {
  for (Line& line : lines_) {
    if (line.name == name && line.what == what && line.rival == rival) return line;
  }
  Line& line = lines_.emplace_back();
  line.name = name;
  line.what = what;
  line.rival = rival;
  return line;
}

void Waiters::add_times(const Event& event, const std::string& what, const std::string& rival,
                        const std::vector<double>& ours, const std::vector<double>& theirs) {
  constexpr std::size_t kEnoughForAPercentile = 100;
  const auto paired = [&](double share) {
    return Paired{percentile_ns(ours, share), percentile_ns(theirs, share)};
  };
  Line& line = find_line("waiter", what, rival);
  if (rival == "sysv") line.aim = aim_for(event);
  line.runs.push_back(paired(0.5));
  if (ours.size() >= kEnoughForAPercentile)
    find_line("waiter_p99", what, rival).runs.push_back(paired(0.99));
}

void Waiters::measure(const Event& event, bool is_broker_up, const Contenders& contenders) {
  Contenders able;
  for (const auto& contender : contenders) {
    if (contender->max_slots() >= event.holders && (!event.is_kill || tells_of_deaths(*contender)))
      able.push_back(contender);
  }
  WaiterStage stage(able, event.holders, event.holder_bytes, event.placement);
  const WaiterTimes times =
      event.is_kill ? stage.measure_kills(event.rounds) : stage.measure_releases(event.rounds);
  for (std::size_t i = 1; i < able.size(); ++i)
    add_times(event, name_event(event, is_broker_up), able[i]->name(), times[0], times[i]);
}

/// Whether the broker is up is nothing to the others: with it down only SysV is measured anew.
void Waiters::run_once(bool is_broker_up) {
  Contenders contenders = contenders_;
  contenders[0] = make_brokered_slotd(is_broker_up);
  if (!is_broker_up) contenders.resize(2);
  for (const Event& event : make_events()) measure(event, is_broker_up, contenders);
}

/// Those that are not told of a death: once, and that nothing happens is not taken on trust.
void Waiters::try_the_others() {
  for (const Event& event : make_events()) {
    for (const auto& contender : contenders_) {
      if (!event.is_kill || tells_of_deaths(*contender)) continue;
      if (WaiterStage({contender}, event.holders, event.holder_bytes).is_woken_by_kill(kLongAfter))
        throw std::runtime_error(contender->name() + ": a waiter was woken by a death");
      const bool is_leased = contender->recovery() == Recovery::kAfterLease;
      Line& line = find_line("waiter", name_event(event, true), contender->name());
      line.skipped = "no waiter was woken within 1 s";
      line.outcome = is_leased ? "lease, " + std::to_string(kLeaseMs / 1000) + " s" : "never";
    }
  }
}

void Waiters::add_skipped() {
  for (const Skipped& one : skipped_) {
    for (const Event& event : make_events())
      find_line("waiter", name_event(event, true), one.name).skipped = one.reason;
  }
  if (!has_memory(kLargeBytes))
    find_line("waiter", "SIGKILL of a holder of 1 GiB", "sysv").skipped =
        "less than 2 GiB of memory are available";
}

}  // namespace

std::vector<Line> run_waiters(const WaiterRounds& rounds, const Contenders& contenders,
                              const std::vector<Skipped>& skipped) {
  Waiters waiters(rounds, contenders, skipped);
  for (int run = 0; run < rounds.runs; ++run) {
    for (const bool is_broker_up : {true, false}) waiters.run_once(is_broker_up);
  }
  waiters.try_the_others();
  waiters.add_skipped();
  return waiters.take();
}

}  // namespace slotd::bench
