// The end of a run: everybody is dead; what have they left?
#include <algorithm>
#include <cstdio>
#include <exception>
#include <utility>

#include "slotd/client.hpp"
#include "tests/stress/torture/driver.hpp"
#include "tests/support/segment_probe.hpp"

namespace slotd::torture {

namespace {

std::string format(const char* text, std::uint64_t value) {
  return " " + std::string(text) + "=" + std::to_string(value);
}

/// One claim that has to be admitted, or refused for a reason.
class Questions {
 public:
  Questions(Board& board, Client& client) : board_(board), client_(client) {}

  void admit(const char* type, std::uint32_t cost_milli, std::uint64_t memory_bytes) {
    ask(type, cost_milli, memory_bytes, Reason::kNone);
  }
  void refuse(const char* type, std::uint32_t cost_milli, std::uint64_t memory_bytes,
              Reason expected) {
    ask(type, cost_milli, memory_bytes, expected);
  }

 private:
  void ask(const char* type, std::uint32_t cost_milli, std::uint64_t memory_bytes,
           Reason expected) {
    ClaimOptions options;
    options.cost_milli = cost_milli;
    options.memory_bytes = memory_bytes;
    Slot slot = client_.try_claim(type, options);
    const Reason reason = slot.refusal().reason();
    if (slot ? expected != Reason::kNone : reason != expected) {
      board_.wrong.fetch_add(1);
      board_.complain("in the end a claim of %s was %s, not %s", type,
                      slot ? "admitted" : reason_name(reason), reason_name(expected));
    }
    if (slot) slots_.push_back(std::move(slot));
  }

  Board& board_;
  Client& client_;
  std::vector<Slot> slots_;
};

}  // namespace

std::string Report::line() const {
  return "torture:" + format("seed", options.seed) + format("seconds", options.seconds) +
         format("kills", kills) + format("stops", stops) + format("broker_kills", broker_kills) +
         format("operations", operations) + format("admitted", admitted) +
         format("refused", refused) + format("reaped", reaped) + format("leaked", leaked) +
         format("over_limit", over_limit);
}

void Driver::judge(Report& report) try {
  judge_words(report);
  judge_as_new(report);
} catch (const std::exception& error) {
  board_->wrong.fetch_add(1);
  board_->complain("in the end: %s", error.what());
}

/// Every word comes back: freed by the broker alone, or where there is none by whoever asks.
void Driver::judge_words(Report& report) {
  const testing::SegmentProbe probe(broker_.segment());
  const bool broker_up = probe.snapshot().broker.state == slotd::BrokerState::kReady;
  if (broker_up) {
    probe.wait_all_free();
  } else {
    Client client({broker_.segment(), "survivor"});
    client.reap();
    client.detach();
  }
  report.leaked = probe.taken();
  for (std::uint32_t slot = 0; slot < probe.view().slot_count(); ++slot) {
    const SlotWord word = probe.word(slot);
    if (word.is_free()) continue;
    board_->complain("leaked: slot %u state %d owner %u", slot, static_cast<int>(word.state()),
                     word.owner());
  }
  report.reaped = probe.counters().reaped;
}

/// As many as there are entries can attach, and all room is there to the last piece.
void Driver::judge_as_new(Report& report) {
  std::vector<Client> all;
  const std::size_t entries = kProcesses - 1;  // one is the broker's
  testing::wait_until([&] {
    std::error_code ec;
    Client next({broker_.segment(), "survivor"}, ec);
    if (!ec) all.push_back(std::move(next));
    return all.size() == entries;
  });
  if (all.size() != entries) {
    report.leaked += entries - all.size();
    board_->complain("leaked: only %zu of %zu process entries can be used", all.size(), entries);
  }
  if (all.empty()) return;
  Questions questions(*board_, all.back());
  for (int i = 0; i < 3; ++i) questions.admit("composite", 0, 0);
  questions.refuse("audio", 0, 0, Reason::kTypeLimit);
  for (int i = 0; i < 2; ++i) questions.admit("web", 0, 0);
  questions.refuse("web", 0, 0, Reason::kGroupLimit);
  for (int i = 0; i < 7; ++i) questions.admit("participant", 0, 0);
  questions.refuse("participant", 0, 0, Reason::kTypeLimit);
  questions.admit("track", kBudgetMilli, 0);
  questions.refuse("track", 1, 0, Reason::kCpu);
  questions.admit("track", 0, kMemoryRoom - 1);
  questions.refuse("track", 0, 1, Reason::kMemory);
}

void Driver::collect(Report& report) const {
  Tally sum{};
  std::string reasons;
  const auto add = [](auto& to, const auto& from) { to.fetch_add(from.load()); };
  for (const Seat& seat : board_->seats) {
    const Tally& one = seat.tally;
    add(sum.operations, one.operations);
    add(sum.admitted, one.admitted);
    add(sum.adopted, one.adopted);
    add(sum.bound, one.bound);
    add(sum.stale, one.stale);
    add(sum.forks, one.forks);
    add(sum.images, one.images);
    add(sum.execs, one.execs);
    add(sum.exits, one.exits);
    add(sum.threads, one.threads);
    add(sum.threads_refused, one.threads_refused);
    add(sum.main_exits, one.main_exits);
    add(sum.detaches, one.detaches);
    add(sum.attached, one.attached);
    add(sum.attach_refused, one.attach_refused);
    add(sum.checks, one.checks);
    for (std::size_t i = 0; i < kReasons; ++i) add(sum.refused[i], one.refused[i]);
  }
  for (std::size_t i = 0; i < kReasons; ++i) {
    const std::uint64_t refused = sum.refused[i].load();
    report.refused += refused;
    if (refused != 0) reasons += format(reason_name(static_cast<Reason>(i)), refused);
  }
  report.broker_kills = board_->broker_kills.load();
  report.kills = kills_ + report.broker_kills;
  report.stops = stops_ + board_->broker_stops.load();
  report.operations = sum.operations.load();
  report.admitted = sum.admitted.load();
  report.over_limit = board_->over_limit.load();
  report.wrong = board_->wrong.load();
  report.details =
      " wrong=" + std::to_string(report.wrong) + format("killed_holding", kills_holding_) +
      format("killed_while_attaching", kills_unattached_) + format("ended", ends_) +
      format("attached", sum.attached) + format("attach_refused", sum.attach_refused) +
      format("forks", sum.forks) + format("images", sum.images) + format("execs", sum.execs) +
      format("exits", sum.exits) + format("threads_ended", sum.threads) +
      format("threads_refused", sum.threads_refused) +
      format("main_threads_ended", sum.main_exits) + format("detaches", sum.detaches) +
      format("bound", sum.bound) + format("adopted", sum.adopted) +
      format("stale_refused", sum.stale) + format("observed", sum.checks) +
      format("clock_steps", board_->clock_steps) + "\n refused:" + reasons;
  const std::uint32_t texts = board_->complaints.load();
  for (std::uint32_t i = 0; i < std::min<std::size_t>(texts, board_->texts.size()); ++i)
    report.complaints.emplace_back(board_->texts[i].data());
}

}  // namespace slotd::torture
