#include "tests/bench/report/tables.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "tests/bench/report/words.hpp"

namespace slotd::bench {

namespace {

std::string write_head(const std::vector<std::string>& names) {
  std::string head = "|";
  std::string rule = "|";
  for (std::size_t i = 0; i < names.size(); ++i) {
    head += " " + names[i] + " |";
    rule += i == 0 ? "---|" : "---:|";
  }
  return head + "\n" + rule + "\n";
}

std::string format_aim(double aim) { return aim > 0 ? format_figure(aim) : ""; }

/// "| LABEL | slotd | SysV | times faster | aim |"
std::string write_row(const std::string& label, const Row& row) {
  return "| " + label + " | " + format_times(row.slotd) + " | " + format_times(row.theirs) + " | " +
         format_ratio(row.ratio) + " | " + format_aim(row.aim) + " |\n";
}

std::vector<std::string> head_of(const std::string& label) {
  return {label, "slotd", "SysV", "times faster", "aim"};
}

std::string write_machine(const Document& document) {
  unsigned runs = 0;
  for (const Row& row : document.rows) runs = std::max(runs, row.runs);
  return format("Medians of %u runs; in brackets the least and the greatest.\n\n| | |\n|---|---|\n",
                runs) +
         "| machine | " + document.machine + format(", %u usable CPUs", document.cpus) +
         (document.virtualization.empty() ? "" : ", under a " + document.virtualization) +
         " |\n| kernel | " + document.kernel + " |\n| compiler | " + document.compiler + ", `" +
         document.flags + "` |\n| scan | " + document.scan + " |\n| load before the run | " +
         format("%.2f", document.load) + " |\n| commit | " + document.commit + " |\n";
}

/// What a row is about, in words.
std::string describe(const Row& row) {
  const std::string crowd =
      format(", %u held, %u process%s", row.held, row.procs, row.procs == 1 ? "" : "es");
  if (row.name == "pair" || row.name == "rival_pair") return "pair" + crowd;
  if (row.name == "fullness") return row.what + crowd;
  if (row.name == "crowd_fullness") return "claims, " + row.what + crowd;
  if (row.name == "waiter_p99") return row.what + ", 99th percentile";
  if (row.name == "stopped_peer") return "longest pair beside a peer that is " + row.what;
  if (row.name == "command") return "`slotctl run -- true`";
  if (row.name == "attach") return "attach and first claim";
  return row.what;
}

std::string write_aims(const Document& document) {
  std::string out = write_head({"against SysV", "aim", "times faster", ""});
  for (const Row& row : document.rows) {
    if (row.aim <= 0 || !row.is_measured()) continue;
    const double share = row.ratio.median / row.aim;
    out += "| " + describe(row) + " | " + format_figure(row.aim) + " | " + format_ratio(row.ratio) +
           " | " + (share >= 1 ? "met" : format("missed by %.0f %%", 100 * (1 - share))) + " |\n";
  }
  return out;
}

/// One line a thing that was measured, with all rivals that are faster at it.
std::string write_losses(const Document& document) {
  std::vector<std::pair<std::string, std::string>> losses;
  std::size_t lost = 0;
  std::size_t all = 0;
  for (const Row& row : document.rows) {
    if (!row.is_measured() || row.name == "memory" || row.what == "running") continue;
    ++all;
    if (row.ratio.median >= 1) continue;
    ++lost;
    const std::string what = describe(row);
    const auto same = [&](const auto& loss) { return loss.first == what; };
    auto loss = std::find_if(losses.begin(), losses.end(), same);
    if (loss == losses.end()) {
      const std::string ours = " | " + format_time(row.slotd.median) + " | ";
      loss = losses.insert(losses.end(), {what, ours});
    } else {
      loss->second += "; ";
    }
    loss->second += title_of(row.rival) + " " + format_time(row.theirs.median) + " (" +
                    format_figure(1 / row.ratio.median) + ")";
  }
  std::string out = format("slotd is slower in %zu of %zu comparisons.\n", lost, all);
  if (lost == 0) return out;
  out += "\n| what | slotd | faster, and how many times |\n|---|---:|---|\n";
  for (const auto& [what, rivals] : losses) out += "| " + what + rivals + " |\n";
  return out;
}

std::string write_pairs(const Document& document) {
  std::string out = write_head(head_of("held"));
  for (const unsigned held : kHeldCounts) {
    if (const Row* row = document.find_pair("sysv", held, 1))
      out += write_row(format("%u", held), *row);
  }
  return out;
}

std::string write_operations(const Document& document) {
  std::string out = write_head(head_of("one process"));
  for (const char* what : {"half full", "the last slot", "refused", "can_accept"}) {
    const Row* row = document.find("fullness", what, "sysv", kUsualHeld, 1);
    const std::string label = what == std::string("can_accept") || what == std::string("refused")
                                  ? what
                                  : std::string("pair, ") + what;
    if (row != nullptr) out += write_row(label, *row);
  }
  for (const Row& row : document.rows) {
    if (row.name == "operation" && row.is_measured()) out += write_row(row.what, row);
  }
  return out;
}

/// "320 ns (7.9)": a rival's time and how many times faster slotd was.
std::string format_beside(const Row* row) {
  if (row == nullptr) return "";
  const char* mark = row->ratio.median < 1 ? "**" : "";
  return format_time(row->theirs.median) + " (" + mark + format_figure(row->ratio.median) + mark +
         ")";
}

/// One line a contender; `find` gives the row of a rival in a column.
template <typename Find>
std::string write_contenders(const std::vector<std::string>& columns, const Find& find) {
  std::vector<std::string> head{""};
  head.insert(head.end(), columns.begin(), columns.end());
  std::string out = write_head(head) + "| **slotd** |";
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Row* row = find("sysv", i);
    out += " " + (row == nullptr ? "" : format_time(row->slotd.median)) + " |";
  }
  out += "\n";
  for (const char* rival : kRivals) {
    std::string line;
    bool is_there = false;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const Row* row = find(rival, i);
      is_there = is_there || row != nullptr;
      line += " " + format_beside(row) + " |";
    }
    if (is_there) out += "| " + title_of(rival) + " |" + line + "\n";
  }
  return out;
}

std::string write_rivals(const Document& document) {
  std::vector<std::string> columns;
  for (const unsigned held : kHeldCounts) columns.push_back(format("%u held", held));
  return write_contenders(columns, [&](const char* rival, std::size_t i) {
    return document.find_pair(rival, kHeldCounts[i], 1);
  });
}

std::string write_fullness(const Document& document) {
  const std::vector<std::string> columns{"half full", "the last slot", "refused", "can_accept"};
  return write_contenders(columns, [&](const char* rival, std::size_t i) {
    return document.find("fullness", columns[i], rival, kUsualHeld, 1);
  });
}

constexpr unsigned kCrowds[] = {2, 8, 64};
constexpr const char* kRooms[] = {"room for all", "room for half", "full"};

std::string write_crowds(const Document& document) {
  std::string out =
      write_head({"held, processes", "slotd, pairs a second", "SysV", "times faster", "aim"});
  for (const unsigned held : kHeldCounts) {
    for (const unsigned procs : kCrowds) {
      const Row* row = document.find_pair("sysv", held, procs);
      if (row == nullptr) continue;
      out += format("| %u, %u | ", held, procs) + format_rate(row->slotd.median) + " (" +
             format_rate(row->slotd.max) + " .. " + format_rate(row->slotd.min) + ") | " +
             format_rate(row->theirs.median) + " | " + format_ratio(row->ratio) + " | " +
             format_aim(row->aim) + " |\n";
    }
  }
  return out;
}

std::string write_crowd_rivals(const Document& document) {
  std::vector<std::string> columns;
  for (const unsigned procs : kCrowds) columns.push_back(format("%u processes", procs));
  return write_contenders(columns, [&](const char* rival, std::size_t i) {
    return document.find_pair(rival, kUsualHeld, kCrowds[i]);
  });
}

std::string write_crowd_fullness(const Document& document) {
  std::vector<std::string> columns;
  for (const unsigned procs : {2U, 8U}) {
    for (const char* room : kRooms) columns.push_back(format("%u, %s", procs, room));
  }
  return write_contenders(columns, [&](const char* rival, std::size_t i) {
    return document.find("crowd_fullness", kRooms[i % 3], rival, kUsualHeld, i < 3 ? 2 : 8);
  });
}

std::string write_waiters(const Document& document) {
  std::string out = write_head({"from … to the waiter running", "slotd", "SysV", "times faster",
                                "aim", "99th percentile: slotd", "SysV"});
  for (const Row& row : document.rows) {
    if (row.name != "waiter" || row.rival != "sysv" || !row.is_measured()) continue;
    std::string line = write_row(row.what, row);
    line.pop_back();
    const Row* slow = document.find("waiter_p99", row.what, "sysv", row.held, row.procs);
    out += line + " " + (slow == nullptr ? "" : format_time(slow->slotd.median)) + " | " +
           (slow == nullptr ? "" : format_time(slow->theirs.median)) + " |\n";
  }
  return out;
}

struct WaiterColumn {
  const char* title;
  const char* name;
  const char* what;
};

constexpr WaiterColumn kWaiterColumns[] = {
    {"release", "waiter", "release, broker up"},
    {"release, 99th percentile", "waiter_p99", "release, broker up"},
    {"SIGKILL of the holder", "waiter", "SIGKILL of the holder, broker up"},
    {"of 64 holders at once", "waiter", "SIGKILL of 64 holders at once, broker up"},
    {"of a holder of 1 GiB", "waiter", "SIGKILL of a holder of 1 GiB, broker up"},
};

/// Null: there is neither a figure nor an outcome.
const Row* find_waiter(const Document& document, const WaiterColumn& column, const char* rival) {
  for (const Row& row : document.rows) {
    if (row.name == column.name && row.what == column.what && row.rival == rival &&
        (row.is_measured() || !row.outcome.empty()))
      return &row;
  }
  return nullptr;
}

std::string write_waiter_rivals(const Document& document) {
  std::vector<std::string> head{"", "waits by"};
  for (const WaiterColumn& column : kWaiterColumns) head.emplace_back(column.title);
  std::string out = write_head(head) + "| **slotd** | " + waiting_of("slotd") + " |";
  for (const WaiterColumn& column : kWaiterColumns) {
    const Row* row = find_waiter(document, column, "sysv");
    out += " " + (row == nullptr ? "" : format_time(row->slotd.median)) + " |";
  }
  out += "\n";
  for (const char* rival : kRivals) {
    std::string line;
    bool is_there = false;
    for (const WaiterColumn& column : kWaiterColumns) {
      const Row* row = find_waiter(document, column, rival);
      is_there = is_there || row != nullptr;
      const bool is_told = row != nullptr && !row->outcome.empty();
      line += " " + (is_told ? row->outcome : format_beside(row)) + " |";
    }
    if (is_there) out += "| " + title_of(rival) + " | " + waiting_of(rival) + " |" + line + "\n";
  }
  return out;
}

/// How the throttled peer was throttled; files of old did not say it, and imitated it.
std::string write_throttle(const Document& document) {
  const Row* row = document.find("stopped_peer", "throttled", "sysv", kUsualHeld, 2);
  if (row == nullptr) return "";
  return "\nThrottled by " + (row->note.empty() ? "SIGSTOP for 4.5 ms, four times" : row->note) +
         ".\n";
}

std::string write_stopped(const Document& document) {
  const std::vector<std::string> states{"running", "stopped", "throttled"};
  const auto format_longest = [](const Spread& ns) {
    return format_time(ns.median) + " (" + format_time(ns.max) + ")";
  };
  std::string out =
      write_head({"longest pair beside a peer that is", states[0], states[1], states[2]});
  out += "| **slotd** |";
  for (const std::string& state : states) {
    const Row* row = document.find("stopped_peer", state, "sysv", kUsualHeld, 2);
    out += " " + (row == nullptr ? "" : format_longest(row->slotd)) + " |";
  }
  out += "\n";
  for (const char* rival : kRivals) {
    std::string line;
    for (const std::string& state : states) {
      const Row* row = document.find("stopped_peer", state, rival, kUsualHeld, 2);
      if (row != nullptr) line += " " + format_longest(row->theirs) + " |";
    }
    if (!line.empty()) out += "| " + title_of(rival) + " |" + line + "\n";
  }
  return out + write_throttle(document);
}

std::string write_process(const Document& document) {
  std::string out = write_head({"", "to the first slot held", "private memory of a process"});
  const auto format_kib = [](double bytes) { return format("%.0f KiB", bytes / 1024); };
  const Row* ours = document.find("attach", "", "sysv", 0, 1);
  const auto find_memory = [&](const char* rival) {
    return document.find("memory", "private bytes of a process", rival, 0, 1);
  };
  if (ours != nullptr && find_memory("sysv") != nullptr) {
    out += "| **slotd** | " + format_times(ours->slotd) + " | " +
           format_kib(find_memory("sysv")->slotd.median) + " |\n";
  }
  for (const char* rival : kRivals) {
    const Row* row = document.find("attach", "", rival, 0, 1);
    const Row* memory = find_memory(rival);
    if (row == nullptr || memory == nullptr) continue;
    out += "| " + title_of(rival) + " | " + format_times(row->theirs) + " | " +
           format_kib(memory->theirs.median) + " |\n";
  }
  for (const Row& row : document.rows) {
    if (row.name == "memory" && row.rival == "slotd" && row.what.starts_with("segment"))
      out += "\n" + row.what + ": " + format("%.0f", row.slotd.median) + "\n";
  }
  return out;
}

std::string write_commands(const Document& document) {
  std::string out =
      write_head({"", "start to end", "`slotctl run -- true` beside it", "times faster"});
  for (const Row& row : document.rows) {
    if (row.name != "command" || !row.is_measured()) continue;
    out += "| " + title_of(row.rival) + " | " + format_times(row.theirs) + " | " +
           format_times(row.slotd) + " | " + format_ratio(row.ratio) + " |\n";
  }
  return out;
}

std::string write_skipped(const Document& document) {
  std::string out;
  std::string last;
  for (const Row& row : document.rows) {
    if (row.is_measured() || !row.outcome.empty() || row.rival + row.skipped == last) continue;
    last = row.rival + row.skipped;
    out += "- " + title_of(row.rival) +
           (row.name == "waiter" && row.rival == "sysv" ? ", " + row.what : "") + ": " +
           row.skipped + "\n";
  }
  return out.empty() ? "Nothing was left out.\n" : "Left out:\n\n" + out;
}

struct Part {
  const char* name;
  std::string (*write)(const Document&);
};

constexpr Part kParts[] = {
    {"machine", write_machine},
    {"aims", write_aims},
    {"losses", write_losses},
    {"pairs", write_pairs},
    {"operations", write_operations},
    {"rivals", write_rivals},
    {"fullness", write_fullness},
    {"crowds", write_crowds},
    {"crowd_rivals", write_crowd_rivals},
    {"crowd_fullness", write_crowd_fullness},
    {"waiters", write_waiters},
    {"waiter_rivals", write_waiter_rivals},
    {"stopped", write_stopped},
    {"process", write_process},
    {"commands", write_commands},
    {"skipped", write_skipped},
};

}  // namespace

std::string write_part(const Document& document, const std::string& name) {
  for (const Part& part : kParts) {
    if (part.name == name) return part.write(document);
  }
  throw std::runtime_error("the report has no part " + name);
}

std::string fill_parts(const Document& document, const std::string& text) {
  static const std::string kBegin = "<!-- bench ";
  static const std::string kEnd = "<!-- end bench -->";
  std::string out;
  std::size_t at = 0;
  for (;;) {
    const std::size_t begin = text.find(kBegin, at);
    if (begin == std::string::npos) return out + text.substr(at);
    const std::size_t name_at = begin + kBegin.size();
    const std::size_t name_end = text.find(" -->", name_at);
    const std::size_t end = text.find(kEnd, name_at);
    if (name_end == std::string::npos || end == std::string::npos || end < name_end)
      throw std::runtime_error("a part of the report has no end: " + text.substr(begin, 40));
    const std::string name = text.substr(name_at, name_end - name_at);
    out += text.substr(at, name_end + 4 - at) + "\n\n" + write_part(document, name) + "\n";
    at = end;
  }
}

}  // namespace slotd::bench
