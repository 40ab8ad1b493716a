#include "tests/bench/sections.hpp"

#include <algorithm>
#include <cstdio>
#include <functional>

#include "tests/bench/process_costs.hpp"
#include "tests/bench/single_process.hpp"
#include "tests/bench/stopped_peer.hpp"

namespace slotd::bench {

namespace {

/// slotd beside each of the others in one situation: a figure for each contender a run.
struct Meeting {
  std::string name;
  std::string what{};
  std::uint32_t held = 0;
  std::uint32_t procs = 1;
  double aim = 0;           ///< against SysV
  std::uint32_t slots = 0;  ///< that a contender must be able to have
  std::string note{};
  std::function<std::vector<double>(const Contenders&)> measure{};
  std::vector<std::vector<double>> runs{};
};

/// The rows of the pair against SysV, which the project's aims are about, have their own name.
std::string name_line(const Meeting& meeting, const std::string& rival) {
  return meeting.name == "pair" && rival != "sysv" ? "rival_pair" : meeting.name;
}

Line make_line(const Meeting& meeting, const std::string& rival) {
  Line line;
  line.name = name_line(meeting, rival);
  line.what = meeting.what;
  line.rival = rival;
  line.held = meeting.held;
  line.procs = meeting.procs;
  line.note = meeting.note;
  if (rival == "sysv") line.aim = meeting.aim;
  return line;
}

class Sections {
 public:
  explicit Sections(const Options& options)
      : options_(options), contenders_(make_contenders(skipped_)) {
    two_.push_back(make_slotd());
    two_.push_back(make_sysv());
  }

  void run_pairs();
  void run_operations();
  void run_crowds();
  void run_waits() { add(run_waiters(options_.waiter, contenders_, skipped_)); }
  void run_stopped();
  void run_processes();
  void add(std::vector<Line> lines) {
    lines_.insert(lines_.end(), std::make_move_iterator(lines.begin()),
                  std::make_move_iterator(lines.end()));
  }
  std::vector<Line> take() { return std::move(lines_); }

 private:
  Meeting meet(const char* name, const Situation& situation) {
    Meeting meeting{.name = name, .held = situation.held, .slots = situation.held + situation.room};
    meeting.measure = [this, situation](const Contenders& contenders) {
      return measure_situation(contenders, situation, options_.timing);
    };
    return meeting;
  }
  Meeting meet(const char* name, const Crowd& crowd) {
    Meeting meeting{
        .name = name, .held = crowd.held, .procs = crowd.procs, .slots = crowd.held + crowd.room};
    meeting.measure = [this, crowd](const Contenders& contenders) {
      return measure_crowd(contenders, crowd, options_.windows);
    };
    return meeting;
  }
  void run(std::vector<Meeting> meetings) { run(contenders_, skipped_, std::move(meetings)); }
  void run(const Contenders& contenders, const std::vector<Skipped>& skipped,
           std::vector<Meeting> meetings);

  const Options& options_;
  std::vector<Skipped> skipped_;
  Contenders contenders_;
  Contenders two_;  ///< slotd and SysV
  std::vector<Line> lines_;
};

void Sections::run(const Contenders& contenders, const std::vector<Skipped>& all_skipped,
                   std::vector<Meeting> meetings) {
  std::vector<Contenders> able(meetings.size());
  for (std::size_t at = 0; at < meetings.size(); ++at) {
    for (const auto& contender : contenders) {
      if (contender->max_slots() >= meetings[at].slots) able[at].push_back(contender);
    }
  }
  for (int i = 0; i < options_.runs; ++i) {
    for (std::size_t at = 0; at < meetings.size(); ++at)
      meetings[at].runs.push_back(meetings[at].measure(able[at]));
  }
  for (std::size_t at = 0; at < meetings.size(); ++at) {
    const Meeting& meeting = meetings[at];
    for (std::size_t i = 1; i < able[at].size(); ++i) {
      Line line = make_line(meeting, able[at][i]->name());
      for (const std::vector<double>& one : meeting.runs) line.runs.push_back({one[0], one[i]});
      lines_.push_back(line);
    }
    std::vector<Skipped> skipped = all_skipped;
    for (const auto& contender : contenders) {
      if (contender->max_slots() < meeting.slots)
        skipped.push_back({contender->name(), "no more than " +
                                                  std::to_string(contender->max_slots()) +
                                                  " slots here, a file descriptor for each file"});
    }
    for (const Skipped& one : skipped) {
      Line line = make_line(meeting, one.name);
      line.skipped = one.reason;
      lines_.push_back(line);
    }
  }
}

void Sections::run_pairs() {
  constexpr std::uint32_t kAmple = kMaxMembers;
  struct Wanted {
    std::uint32_t held;
    double aim;
  };
  std::vector<Meeting> meetings;
  for (const Wanted wanted : {Wanted{0, 12}, {30, 8}, {100, 5}, {300, 3}, {1000, 1.5}, {4000, 0}}) {
    Meeting meeting = meet("pair", Situation{wanted.held, kAmple, Operation::kPair});
    meeting.aim = wanted.aim;
    meetings.push_back(meeting);
  }
  Meeting last = meet("fullness", Situation{30, 1, Operation::kPair});
  last.what = "the last slot";
  Meeting half = meet("fullness", Situation{30, 30, Operation::kPair});
  half.what = "half full";
  Meeting refused = meet("fullness", Situation{30, 0, Operation::kRefused});
  refused.what = "refused";
  Meeting probe = meet("fullness", Situation{30, kAmple, Operation::kProbe});
  probe.what = "can_accept";
  meetings.insert(meetings.end(), {half, last, refused, probe});
  run(meetings);
}

void Sections::run_operations() {
  const Semaphores semaphores;
  const std::vector<Scene> scenes = make_scenes();
  std::vector<Line> lines;
  for (const Scene& scene : scenes) {
    Line line;
    line.name = "operation";
    line.what = scene.name;
    line.rival = "sysv";
    line.held = scene.held;
    lines.push_back(line);
  }
  for (int i = 0; i < options_.runs; ++i) {
    for (std::size_t at = 0; at < scenes.size(); ++at)
      lines[at].runs.push_back(measure_scene(scenes[at], semaphores, options_.timing));
  }
  add(lines);
}

void Sections::run_crowds() {
  constexpr std::uint32_t kUsual = 30;
  struct Wanted {
    std::uint32_t procs;
    double aim;
  };
  constexpr Wanted kWanted[] = {{2, 8}, {8, 8}, {64, 4}};
  std::vector<Meeting> other_tables;
  for (const std::uint32_t held : {0U, 100U, 300U, 1000U, 4000U}) {
    for (const Wanted wanted : kWanted)
      other_tables.push_back(meet("pair", Crowd{.held = held, .procs = wanted.procs}));
  }
  run(two_, {}, std::move(other_tables));
  std::vector<Meeting> meetings;
  for (const Wanted wanted : kWanted) {
    meetings.push_back(meet("pair", Crowd{.held = kUsual, .procs = wanted.procs}));
    meetings.back().aim = wanted.aim;
  }
  const auto add_fullness = [&](const char* what, const Crowd& crowd) {
    meetings.push_back(meet("crowd_fullness", crowd));
    meetings.back().what = what;
  };
  for (const std::uint32_t procs : {2U, 8U, 64U}) {
    Crowd crowd{.held = kUsual, .procs = procs, .room = procs, .operation = Operation::kAttempt};
    add_fullness("room for all", crowd);
    crowd.room = procs / 2;
    add_fullness("room for half", crowd);
    crowd.room = 0;
    crowd.operation = Operation::kRefused;
    add_fullness("full", crowd);
  }
  run(std::move(meetings));
}

void Sections::run_stopped() {
  const CpuQuota quota;
  std::vector<Meeting> meetings;
  const auto add_meeting = [&](const char* what, Interference interference) {
    Meeting meeting{.name = "stopped_peer", .what = what, .held = 30, .procs = 2};
    meeting.measure = [&, interference](const Contenders& contenders) {
      return measure_stopped_peer(contenders, interference, options_.stopped_windows, quota);
    };
    meetings.push_back(meeting);
  };
  add_meeting("running", Interference::kNone);
  add_meeting("stopped", Interference::kStopped);
  add_meeting("throttled", quota.is_usable() ? Interference::kThrottled : Interference::kImitated);
  meetings.back().note = quota.is_usable() ? CpuQuota::kWords : kImitationWords;
  run(meetings);
}

void Sections::run_processes() {
  Meeting attach{.name = "attach"};
  attach.measure = [this](const Contenders& contenders) {
    return measure_attach(contenders, options_.attaches);
  };
  run({attach});
  const std::vector<double> bytes = measure_private_bytes(contenders_);
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    Line line;
    line.name = "memory";
    line.rival = contenders_[i]->name();
    line.what = "private bytes of a process";
    line.runs = {{bytes[0], bytes[i]}};
    lines_.push_back(line);
  }
  const SegmentBytes segment = compute_segment_bytes();
  for (const auto& [what, value] : {std::pair{"segment bytes a slot", segment.slot},
                                    std::pair{"segment bytes a process", segment.process}}) {
    Line line;
    line.name = "memory";
    line.rival = "slotd";
    line.what = what;
    line.runs = {{value, value}};
    lines_.push_back(line);
  }
}

}  // namespace

std::vector<Line> run_sections(const Options& options) {
  Sections sections(options);
  const auto run_if_wanted = [&](const char* name, auto&& section) {
    const auto& wanted = options.sections;
    if (!wanted.empty() && std::find(wanted.begin(), wanted.end(), name) == wanted.end()) return;
    std::fprintf(stderr, "slotd-bench: %s\n", name);
    section();
  };
  run_if_wanted("pair", [&] { sections.run_pairs(); });
  run_if_wanted("operation", [&] { sections.run_operations(); });
  run_if_wanted("crowd", [&] { sections.run_crowds(); });
  run_if_wanted("waiter", [&] { sections.run_waits(); });
  run_if_wanted("stopped", [&] { sections.run_stopped(); });
  run_if_wanted("process", [&] { sections.run_processes(); });
  run_if_wanted("command", [&] { sections.add(run_commands(options.runs, options.starts)); });
  return sections.take();
}

}  // namespace slotd::bench
