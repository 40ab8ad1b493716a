#include "tools/slotctl/top_view.hpp"

#include <algorithm>
#include <functional>

#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/commands/waiters.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/list_options.hpp"
#include "tools/slotctl/usage_view.hpp"
#include "tools/slotctl/warnings.hpp"

namespace slotd::ctl {

namespace {

constexpr std::size_t kBarWidth = 30;
constexpr std::size_t kMostWarnings = 4;
constexpr std::size_t kMostWaiters = 5;
constexpr std::size_t kMostEvents = 6;
constexpr std::size_t kLeastSlotRows = 3;  ///< other panes give way before these

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool contains(const std::string& text, const std::string& part) {
  return std::search(text.begin(), text.end(), part.begin(), part.end(),
                     [](char a, char b) { return lower(a) == lower(b); }) != text.end();
}

bool matches(const SlotSnapshot& slot, const std::string& filter) {
  return contains(slot.type, filter) || contains(slot.key, filter) ||
         contains(slot.owner_name, filter) || contains(std::to_string(slot.owner_pid), filter) ||
         contains(slot_state_name(slot.word.state()), filter);
}

int three_way(const SlotSnapshot& a, const SlotSnapshot& b, SortBy sort) {
  const auto by = [](const auto& left, const auto& right) {
    return left < right ? -1 : (right < left ? 1 : 0);
  };
  switch (sort) {
    case SortBy::kSlot:
      return by(a.slot, b.slot);
    case SortBy::kType:
      return by(a.type, b.type);
    case SortBy::kAge:
      return by(a.age_s, b.age_s);
    case SortBy::kCpu:
      return by(a.word.cost_milli(), b.word.cost_milli());
    case SortBy::kUsed:
      return by(a.measured_micro.value_or(0), b.measured_micro.value_or(0));
    case SortBy::kCharge:
      return by(a.charge_micro, b.charge_micro);
    case SortBy::kPid:
      return by(a.owner_pid, b.owner_pid);
    case SortBy::kKey:
      return by(a.key, b.key);
  }
  return 0;
}

/// Fills a screen from the top; what does not fit is not there.
class Layout {
 public:
  Layout(const TopModel& model, const TopState& state, ScreenSize size)
      : model_(model), state_(state), size_(size) {}

  TopPicture finish() {
    // One line is kept for the keys.
    const std::size_t rows = size_.rows == 0 ? 0 : size_.rows - 1;
    if (state_.has_help) {
      add_help();
    } else {
      add_head();
      add_types();
      add_body(rows);
    }
    lines_.resize(rows);
    if (size_.rows != 0) lines_.push_back(cut_line(foot(), size_.columns));
    return {{std::move(lines_)}, rows_};
  }

 private:
  void add(const Line& line) { lines_.push_back(cut_line(line, size_.columns)); }
  void add(const std::string& text, Tone tone = Tone::kPlain) { add(Line{{text, tone}}); }
  void add_all(const std::vector<Line>& lines) {
    lines_.insert(lines_.end(), lines.begin(), lines.end());
  }

  void add_head() {
    const Snapshot& snapshot = model_.snapshot;
    const BrokerSnapshot& broker = snapshot.broker;
    const Tone tone = broker.state == BrokerState::kReady      ? Tone::kGood
                      : broker.state == BrokerState::kDraining ? Tone::kWarning
                                                               : Tone::kBad;
    std::string rest = broker.pid == 0 ? "" : ", pid " + std::to_string(broker.pid);
    rest += broker.sample_age_s < 0 ? ", nothing sampled"
                                    : ", sampled " + age_text(broker.sample_age_s) + " ago";
    rest += "   " + std::to_string(snapshot.slots.size()) + " of " +
            std::to_string(snapshot.capacities.slots) + " slots, " +
            std::to_string(snapshot.waiters.size()) + " waiting";
    if (state_.is_paused) rest += "   PAUSED";
    add(Line{
        {"slotd ", Tone::kPlain, true}, {broker_state_name(broker.state), tone, true}, {rest}});
    if (!model_.gone.empty())
      add(Line{{"GONE      " + model_.gone + "; what follows is the last that was seen", Tone::kBad,
                true}});
    add_warnings();
    add_bar("cpu  ", cpu_fill(snapshot), "charged",
            rounded_cores_text(snapshot.available_micro()) + " free");
    if (snapshot.memory_max_bytes != 0) {
      add_bar("mem  ", memory_fill(snapshot), "with pending",
              format_bytes_human(snapshot.memory_used_bytes) + " of " +
                  format_bytes_human(snapshot.memory_max_bytes));
    }
  }

  void add_warnings() {
    const auto warnings = find_warnings(model_.snapshot, model_.drain);
    for (std::size_t i = 0; i < warnings.size() && i < kMostWarnings; ++i)
      add(Line{{warning_line(warnings[i]), warning_tone(warnings[i]), true}});
    if (warnings.size() > kMostWarnings) {
      add("and " + std::to_string(warnings.size() - kMostWarnings) +
              " more warnings: see `slotctl status`",
          Tone::kBad);
    }
  }

  void add_bar(const char* name, const Fill& fill, const char* taken, const std::string& rest) {
    const std::size_t width = std::min(kBarWidth, size_.columns / 3);
    add(Line{{name}, {bar_text(fill, width, taken), fill_tone(fill)}, {", " + rest}});
  }

  void add_types() {
    add("");
    const Table types = arrange_columns(types_table(model_.snapshot, model_.charset), {});
    // Many types must not push the slots off the screen.
    const std::size_t most = std::max<std::size_t>(3, size_.rows / 3);
    add_all(table_lines(types, size_.columns, 0, most));
    if (types.rows.size() > most)
      add("and " + std::to_string(types.rows.size() - most) + " more types");
    std::string groups;
    for (const GroupSnapshot& group : model_.snapshot.groups) {
      groups += (groups.empty() ? "groups: " : ", ") + escape_text(group.name, model_.charset) +
                " " + std::to_string(group.in_use) + " of " + limit_text(group.limit);
    }
    if (!groups.empty()) add(groups);
  }

  /// The slots take what the panes below them leave.
  void add_body(std::size_t rows) {
    std::vector<Line> below = waiter_lines();
    for (Line& line : event_lines()) below.push_back(std::move(line));
    const std::size_t above = lines_.size() + 2;  // a blank line and the headings
    const std::size_t room = rows > above ? rows - above : 0;
    const std::size_t kept = room > kLeastSlotRows ? room - kLeastSlotRows : 0;
    if (below.size() > kept) below.resize(kept);
    add_slots(room - below.size());
    lines_.resize(std::max(lines_.size(), rows - std::min(rows, below.size())));
    add_all(below);
  }

  void add_slots(std::size_t count) {
    Snapshot picked;
    picked.slots = pick_slots(model_.snapshot.slots, state_);
    rows_ = {count, picked.slots.size()};
    const std::size_t last = rows_.all > count ? rows_.all - count : 0;
    const Table table = arrange_columns(
        slots_table(picked, model_.charset),
        {"slot", "type", "state", "age", "active", "cpu", "used", "charge", "pid", "owner", "key"});
    add("");
    add_all(table_lines(table, size_.columns, std::min(state_.first, last), count));
  }

  std::vector<Line> waiter_lines() const {
    const Snapshot& snapshot = model_.snapshot;
    if (!state_.has_waiters || snapshot.waiters.empty()) return {};
    std::vector<Line> lines(1);  // a blank one above
    const Table table =
        arrange_columns(waiters_table(snapshot, model_.charset),
                        {"turn", "type", "age", "priority", "cpu", "memory", "pid", "name"});
    for (Line& line : table_lines(table, size_.columns, 0, kMostWaiters))
      lines.push_back(std::move(line));
    if (snapshot.waiters.size() > kMostWaiters) {
      const std::size_t more = snapshot.waiters.size() - kMostWaiters;
      lines.push_back(cut_line({{"and " + std::to_string(more) + " more waiters"}}, size_.columns));
    }
    return lines;
  }

  std::vector<Line> event_lines() const {
    if (!state_.has_events || model_.events.empty()) return {};
    std::vector<Line> lines(1);
    Table table;
    table.columns = {{"EVENTS", Align::kLeft, true}};
    const std::size_t count = model_.events.size();
    const std::size_t first = count > kMostEvents ? count - kMostEvents : 0;
    for (std::size_t i = first; i < count; ++i) table.rows.push_back({{model_.events[i]}});
    for (Line& line : table_lines(table, size_.columns, 0, kMostEvents))
      lines.push_back(std::move(line));
    return lines;
  }

  void add_help() {
    add(Line{{"slotctl top", Tone::kPlain, true}});
    for (const char* text :
         {"", "sort     s slot   t type   a age   c cpu (reserved)   u used (measured)",
          "         g charge   p pid   k key   < > the next   r the other way round",
          "filter   / and a text, Enter; it is looked for in type, key, state, owner, pid",
          "         Esc: all slots again", "scroll   Up, Down, PageUp, PageDown, Home, End",
          "panes    w waiters   e events", "         Space: stop and go on", "",
          "q ends, h goes back"}) {
      add(text);
    }
  }

  Line foot() const {
    if (state_.is_typing)
      return {{"/" + escape_text(state_.draft, model_.charset) + "_", {}, true}};
    std::string text = std::string("sort ") + sort_name(state_.sort);
    if (state_.is_reversed) text += " (reversed)";
    if (!state_.filter.empty())
      text += "   filter '" + escape_text(state_.filter, model_.charset) + "', " +
              std::to_string(rows_.all) + " slots";
    return {{text + "   q quit  h help  / filter  < > sort", {}, true}};
  }

  const TopModel& model_;
  const TopState& state_;
  ScreenSize size_;
  std::vector<Line> lines_;
  TopRows rows_;
};

}  // namespace

std::vector<SlotSnapshot> pick_slots(const std::vector<SlotSnapshot>& slots,
                                     const TopState& state) {
  std::vector<SlotSnapshot> out;
  for (const SlotSnapshot& slot : slots) {
    if (state.filter.empty() || matches(slot, state.filter)) out.push_back(slot);
  }
  const bool is_descending = is_largest_first(state.sort) != state.is_reversed;
  std::stable_sort(out.begin(), out.end(), [&](const SlotSnapshot& a, const SlotSnapshot& b) {
    const int order = three_way(a, b, state.sort);
    return is_descending ? order > 0 : order < 0;
  });
  return out;
}

TopPicture lay_out_top(const TopModel& model, const TopState& state, ScreenSize size) {
  return Layout(model, state, size).finish();
}

}  // namespace slotd::ctl
