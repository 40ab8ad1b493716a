// `top`: the picture of a literal snapshot, and what the keys do. No terminal.
#include <gtest/gtest.h>

#include <sstream>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/picture.hpp"
#include "tools/slotctl/text_width.hpp"
#include "tools/slotctl/top_state.hpp"
#include "tools/slotctl/top_view.hpp"

namespace slotd::ctl {
namespace {

SlotSnapshot slot_of(std::uint32_t index, const std::string& type, std::uint64_t charge_micro,
                     const std::string& key) {
  SlotSnapshot slot = held_slot();
  slot.slot = index;
  slot.type = type;
  slot.charge_micro = charge_micro;
  slot.key = key;
  slot.owner_pid = 4700 + static_cast<int>(index);
  return slot;
}

Snapshot three_jobs() {
  Snapshot snapshot = busy_node();
  snapshot.slots = {slot_of(0, "participant", 2'000'000, "EG_b"),
                    slot_of(1, "participant", 2'500'000, "EG_a"),
                    slot_of(2, "track", 500'000, "EG_c")};
  snapshot.slots[2].word = SlotWord::make(9, SlotState::kPending, 4, 500, 77);
  snapshot.slots[2].measured_micro.reset();
  snapshot.slots[2].active_s = -1;
  return snapshot;
}

TopModel model_of(const Snapshot& snapshot) {
  TopModel model{snapshot};
  model.charset = Charset::kUtf8;
  return model;
}

std::string shown(const Snapshot& snapshot, const TopState& state = {}, ScreenSize size = {}) {
  return plain_text(lay_out_top(model_of(snapshot), state, size).picture);
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

Key text_key(const std::string& text) { return {Key::Kind::kText, text}; }

TopState typed(TopState state, const std::string& keys, TopRows rows = {}) {
  for (const char c : keys) state = press_key(state, text_key(std::string(1, c)), rows);
  return state;
}

TEST(TopPicture, WholeScreen) {
  // Budget 9.6, used 5.1 (53 %, 14 of 26 characters: a third of 80), charged 6 (62 %, 16).
  EXPECT_EQ(shown(three_jobs(), {}, {16, 80}),
            "slotd ready, pid 4711, sampled 0.4s ago   3 of 1024 slots, 0 waiting\n"
            "cpu  [" +
                std::string(13, '#') + "===" + std::string(10, '.') +
                "] 53 % used, 62 % charged, 3.6 free\n"
                "\n"
                "TYPE        LIMIT IN USE PENDING WAITING CPU CAN ACCEPT\n"
                "participant     3      3       1       0   2 no: type_limit\n"
                "track           -      0       0       0 0.5 yes\n"
                "groups: web 0 of 18\n"
                "\n"
                "SLOT TYPE        STATE     AGE ACTIVE CPU  USED CHARGE  PID OWNER   KEY\n"
                "   1 participant active  12.5s  10.2s   2 2.735    2.5 4701 handler EG_a\n"
                "   0 participant active  12.5s  10.2s   2 2.735      2 4700 handler EG_b\n"
                "   2 track       pending 12.5s      - 0.5     -    0.5 4702 handler EG_c\n"
                "\n\n\n"
                "sort charge   q quit  h help  / filter  < > sort\n");
}

TEST(TopPicture, FitsEveryScreen) {
  Snapshot snapshot = three_jobs();
  snapshot.broker.state = BrokerState::kDown;
  snapshot.waiters.resize(9);
  snapshot.types.resize(30);
  TopModel model = model_of(snapshot);
  model.gone = std::string(300, 'g');
  model.events = std::vector<std::string>(20, std::string(300, 'e'));
  for (std::size_t rows = 0; rows < 60; ++rows) {
    for (const std::size_t columns : {0U, 1U, 7U, 20U, 80U, 200U}) {
      for (const bool has_help : {false, true}) {
        TopState state;
        state.has_help = has_help;
        const Picture picture = lay_out_top(model, state, {rows, columns}).picture;
        EXPECT_EQ(picture.lines.size(), rows);
        for (const Line& line : picture.lines) {
          std::size_t width = 0;
          for (const Span& span : line) width += display_width(span.text);
          EXPECT_LE(width, columns);
        }
      }
    }
  }
}

TEST(TopPicture, WhatIsWrongStandsAtTheTop) {
  Snapshot snapshot = three_jobs();
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", 12.3, true};
  TopModel model = model_of(snapshot);
  model.gone = "there is no segment";
  const Picture picture = lay_out_top(model, {}, {}).picture;
  const std::string text = plain_text(picture);
  EXPECT_TRUE(has(text,
                  "slotd down, sampled 12.3s ago   3 of 1024 slots, 0 waiting\n"
                  "GONE      there is no segment; what follows is the last that was seen\n"
                  "DOWN      the broker does not run"))
      << text;
  EXPECT_EQ(picture.lines[1][0].tone, Tone::kBad);
  EXPECT_TRUE(picture.lines[1][0].is_bold) << "where there are no colours";
}

TEST(TopPicture, WaitersAndEventsHavePanes) {
  Snapshot snapshot = three_jobs();
  snapshot.waiters.resize(1);
  snapshot.waiters[0].type = "web";
  snapshot.waiters[0].pid = 77;
  snapshot.waiters[0].name = "egress";
  snapshot.waiters[0].cost_milli = 4000;
  snapshot.waiters[0].waited_s = 200;
  TopModel model = model_of(snapshot);
  model.events = {"12:00:01 claim participant slot 0", "12:00:02 refused web cpu"};
  const auto text_of = [&](const TopState& state) {
    return plain_text(lay_out_top(model, state, {24, 80}).picture);
  };
  EXPECT_TRUE(has(text_of({}),
                  "TURN    TYPE   AGE PRIORITY CPU MEMORY PID NAME\n"
                  "waiting web  3m20s        0   4      -  77 egress\n"
                  "\n"
                  "EVENTS\n"
                  "12:00:01 claim participant slot 0\n"
                  "12:00:02 refused web cpu\n"
                  "sort charge"))
      << text_of({});
  EXPECT_FALSE(has(text_of(typed({}, "w")), "TURN"));
  EXPECT_FALSE(has(text_of(typed({}, "e")), "EVENTS"));
  EXPECT_TRUE(has(text_of(typed({}, "ee")), "EVENTS"));
}

TEST(TopPicture, FilterAndItsCount) {
  TopState state;
  state.filter = "EG_A";
  const std::string text = shown(three_jobs(), state);
  EXPECT_TRUE(has(text, "4701")) << text;
  EXPECT_FALSE(has(text, "4700")) << text;
  EXPECT_TRUE(has(text, "filter 'EG_A', 1 slots")) << text;
  state.filter = "nothing";
  EXPECT_TRUE(has(shown(three_jobs(), state), "SLOT TYPE")) << "headings stay";
}

TEST(TopPicture, NamesCannotPlayWithTheTerminal) {
  Snapshot snapshot = three_jobs();
  snapshot.slots[0].key = "\x1b[2J";
  snapshot.types[0].name = "\x1b[2J";
  snapshot.groups[0].name = "\x1b[2J";
  TopState state;
  state.is_typing = true;
  state.draft = "\x1b[2J";
  EXPECT_FALSE(has(shown(snapshot, state), "\x1b"));
}

std::vector<std::uint32_t> order_of(const TopState& state) {
  std::vector<std::uint32_t> order;
  for (const SlotSnapshot& slot : pick_slots(three_jobs().slots, state)) order.push_back(slot.slot);
  return order;
}

TEST(TopSort, ByEachKey) {
  using Order = std::vector<std::uint32_t>;
  EXPECT_EQ(order_of({}), (Order{1, 0, 2})) << "the largest charge first";
  EXPECT_EQ(order_of(typed({}, "s")), (Order{0, 1, 2}));
  EXPECT_EQ(order_of(typed({}, "ss")), (Order{2, 1, 0})) << "the same key again turns it round";
  EXPECT_EQ(order_of(typed({}, "k")), (Order{1, 0, 2}));
  EXPECT_EQ(order_of(typed({}, "pr")), (Order{2, 1, 0}));
  EXPECT_EQ(order_of(typed({}, "c")), (Order{0, 1, 2})) << "2, 2, 0.5; equal ones by slot";
  EXPECT_EQ(order_of(typed({}, "tr")), (Order{2, 0, 1}));
}

TEST(TopKeys, NextSortGoesRound) {
  TopState state;
  for (std::size_t i = 0; i < kSorts; ++i) state = typed(state, ">");
  EXPECT_EQ(state.sort, TopState{}.sort);
  EXPECT_EQ(typed(typed({}, ">"), "<").sort, TopState{}.sort);
}

TEST(TopKeys, FilterIsTyped) {
  TopState state = typed({}, "/tra");
  EXPECT_TRUE(state.is_typing);
  EXPECT_EQ(state.filter, "") << "not before Enter";
  state = press_key(state, {Key::Kind::kBackspace}, {});
  state = press_key(state, text_key("\xc3\xa4"), {});  // one character of two bytes
  state = press_key(state, {Key::Kind::kBackspace}, {});
  EXPECT_EQ(state.draft, "tr");
  const TopState taken = press_key(state, {Key::Kind::kEnter}, {});
  EXPECT_EQ(taken.filter, "tr");
  EXPECT_FALSE(taken.is_typing);
  EXPECT_EQ(press_key(taken, {Key::Kind::kEscape}, {}).filter, "");
  const TopState left = press_key(state, {Key::Kind::kEscape}, {});
  EXPECT_EQ(left.filter, "") << "Esc leaves the old one";
  EXPECT_FALSE(left.is_over);
  EXPECT_FALSE(typed({}, "/q").is_over) << "a q in a filter is a q";
}

TEST(TopKeys, ScrollingStaysInside) {
  const TopRows rows{10, 25};
  TopState state;
  const auto press = [&](Key::Kind kind) { state = press_key(state, {kind}, rows); };
  press(Key::Kind::kUp);
  EXPECT_EQ(state.first, 0U);
  press(Key::Kind::kDown);
  EXPECT_EQ(state.first, 1U);
  press(Key::Kind::kPageDown);
  EXPECT_EQ(state.first, 11U);
  press(Key::Kind::kPageDown);
  EXPECT_EQ(state.first, 15U);
  press(Key::Kind::kPageUp);
  EXPECT_EQ(state.first, 5U);
  press(Key::Kind::kEnd);
  EXPECT_EQ(state.first, 15U);
  press(Key::Kind::kHome);
  EXPECT_EQ(state.first, 0U);
  EXPECT_EQ(press_key({}, {Key::Kind::kEnd}, {10, 3}).first, 0U);
}

TEST(TopKeys, QuitPauseHelp) {
  EXPECT_TRUE(typed({}, "q").is_over);
  EXPECT_TRUE(typed({}, " ").is_paused);
  EXPECT_TRUE(has(shown(three_jobs(), typed({}, " ")), "PAUSED"));
  EXPECT_TRUE(has(shown(three_jobs(), typed({}, "h")), "sort     s slot"));
  EXPECT_FALSE(has(shown(three_jobs(), typed({}, "hh")), "sort     s slot"));
}

TEST(TableLines, CutFirstWhatMayBeCut) {
  Table table;
  table.columns = {{"ID", Align::kRight}, {"NAME", Align::kLeft, true}, {"N", Align::kRight}};
  table.rows = {{{"1"}, {"abcdefghij"}, {"123"}}};
  const auto text = [&](std::size_t columns) {
    return plain_text({table_lines(table, columns, 0, 9)});
  };
  EXPECT_EQ(text(17), "ID NAME         N\n 1 abcdefghij 123\n");
  EXPECT_EQ(text(13), "ID NAME     N\n 1 abcdef 123\n");
  EXPECT_EQ(text(8), "ID NAME\n 1 abcd\n") << "what stands at the right is left out";
  EXPECT_EQ(plain_text({table_lines(table, 17, 1, 9)}), "ID NAME         N\n");
}

TEST(TextWidth, CutsAndFills) {
  EXPECT_EQ(fit_to_width("abc", 5, Align::kLeft), "abc  ");
  EXPECT_EQ(fit_to_width("abc", 5, Align::kRight), "  abc");
  EXPECT_EQ(fit_to_width("abc", 2, Align::kRight), "ab");
  EXPECT_EQ(cut_to_width("abc", 0), "");
}

}  // namespace
}  // namespace slotd::ctl
