// `top` in a real terminal (tmux): keys, resize, quitting, what becomes of the terminal; and where
// there is no terminal for it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 3, cpu: 2.0 }\n"
    "  track: { cpu: 0.5 }\n";

constexpr char kTmux[] = "/usr/bin/tmux";

/// A tmux server of its own with a shell in a window of 80 x 24.
class Tmux {
 public:
  explicit Tmux(const Words& environment) {
    Words words{"-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24"};
    for (const std::string& variable : environment) {
      words.emplace_back("-e");
      words.push_back(variable);
    }
    words.emplace_back("exec /bin/sh");
    run(words);
    run({"set-option", "-g", "status", "off"});
    type("PS1='$ '; clear");
  }
  Tmux(const Tmux&) = delete;
  Tmux& operator=(const Tmux&) = delete;
  ~Tmux() { run({"kill-server"}); }

  Ran run(const Words& words) const {
    Words all{"-S", folder_.file("socket")};
    all.insert(all.end(), words.begin(), words.end());
    return run_to_end(kTmux, all);
  }
  /// A line for the shell.
  void type(const std::string& line) const {
    run({"send-keys", "-l", line});
    press("Enter");
  }
  void press(const std::string& key) const { run({"send-keys", key}); }
  void resize(int columns, int rows) const {
    run({"resize-window", "-x", std::to_string(columns), "-y", std::to_string(rows)});
  }
  std::string screen() const { return run({"capture-pane", "-p"}).out; }
  /// What the tmux pane looks like with its colours.
  std::string coloured() const { return run({"capture-pane", "-p", "-e"}).out; }
  bool sees(const std::string& text) const {
    return wait_until([&] { return screen().find(text) != std::string::npos; });
  }
  bool sees_no(const std::string& text) const {
    return wait_until([&] { return screen().find(text) == std::string::npos; });
  }

 private:
  TestFolder folder_;
};

class SlotctlTop : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::access(kTmux, X_OK) != 0) GTEST_SKIP() << "tmux is not installed";
    for (const char* key : {"EG_one", "EG_two"}) {
      ASSERT_EQ(slotctl_({"claim", "-t", "participant", "--key", key}).status, 0);
    }
    ASSERT_EQ(slotctl_({"claim", "-t", "track", "--key", "EG_three"}).status, 0);
  }

  std::string command(const std::string& options = {}) const {
    return bin_dir() + "/slotctl --segment " + broker_.segment() + " top -d 0.1 " + options;
  }
  /// The shell is there again, and its terminal is sane: it echoes, and the screen is the old one.
  static void expect_shell(const Tmux& tmux, const std::string& status) {
    tmux.type("echo status=$?.");
    EXPECT_TRUE(tmux.sees("status=" + status + ".")) << tmux.screen();
    EXPECT_TRUE(tmux.sees("echo status=")) << "the keys are echoed: " << tmux.screen();
    EXPECT_TRUE(tmux.sees_no("h help")) << tmux.screen();
    tmux.type("stty -a");
    EXPECT_TRUE(tmux.sees(" icanon")) << tmux.screen();
    EXPECT_TRUE(tmux.sees(" echo ")) << tmux.screen();
  }

  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlTop, KeysAndQuit) {
  const Tmux tmux({});
  tmux.type(command());
  ASSERT_TRUE(tmux.sees("slotd ready")) << tmux.screen();
  EXPECT_TRUE(tmux.sees("EG_three"));
  EXPECT_TRUE(tmux.sees("sort charge"));
  tmux.press("k");
  EXPECT_TRUE(tmux.sees("sort key"));
  tmux.press("r");
  EXPECT_TRUE(tmux.sees("sort key (reversed)"));
  tmux.press("/");
  tmux.run({"send-keys", "-l", "thr"});
  EXPECT_TRUE(tmux.sees("/thr_"));
  tmux.press("Enter");
  EXPECT_TRUE(tmux.sees("filter 'thr', 1 slots")) << tmux.screen();
  EXPECT_TRUE(tmux.sees_no("EG_one"));
  tmux.press("Escape");
  EXPECT_TRUE(tmux.sees("EG_one")) << tmux.screen();
  tmux.press("h");
  EXPECT_TRUE(tmux.sees("PageDown"));
  tmux.press("h");
  tmux.press("q");
  expect_shell(tmux, "0");
}

TEST_F(SlotctlTop, FollowsTheNode) {
  const Tmux tmux({});
  tmux.type(command());
  ASSERT_TRUE(tmux.sees("EG_one")) << tmux.screen();
  ASSERT_EQ(slotctl_({"claim", "-t", "track", "--key", "EG_four"}).status, 0);
  EXPECT_TRUE(tmux.sees("EG_four"));
  tmux.press("Space");
  EXPECT_TRUE(tmux.sees("PAUSED"));
  tmux.press("Space");
  ASSERT_EQ(slotctl_({"limits", "set", "participant=1"}).status, 0);
  EXPECT_TRUE(tmux.sees("DEBT      participant: 2 in use, the limit is 1")) << tmux.screen();
  broker_.kill_now();
  EXPECT_TRUE(tmux.sees("DOWN      the broker does not run")) << tmux.screen();
  std::filesystem::remove(broker_.segment());
  EXPECT_TRUE(tmux.sees("GONE      ")) << tmux.screen();
  broker_.start();
  EXPECT_TRUE(tmux.sees_no("GONE      ")) << tmux.screen();
  EXPECT_TRUE(tmux.sees("slotd ready")) << tmux.screen();
  tmux.press("q");
  expect_shell(tmux, "0");
}

TEST_F(SlotctlTop, Resize) {
  const Tmux tmux({});
  tmux.type(command());
  ASSERT_TRUE(tmux.sees("EG_one")) << tmux.screen();
  tmux.resize(30, 10);
  EXPECT_TRUE(tmux.sees_no("h help  / filter  < > sort")) << "the last line is cut";
  EXPECT_TRUE(tmux.sees("slotd ready")) << tmux.screen();
  tmux.resize(120, 40);
  EXPECT_TRUE(tmux.sees("h help  / filter  < > sort")) << tmux.screen();
  EXPECT_TRUE(tmux.sees("EG_one"));
  tmux.press("q");
  expect_shell(tmux, "0");
}

TEST_F(SlotctlTop, SignalsGiveTheTerminalBack) {
  const Tmux tmux({});
  tmux.type(command());
  ASSERT_TRUE(tmux.sees("EG_one")) << tmux.screen();
  tmux.press("C-c");
  expect_shell(tmux, "0");
}

TEST_F(SlotctlTop, TruncationUnderTheMappingGivesTheTerminalBack) {
  const Tmux tmux({});
  tmux.type(command());
  ASSERT_TRUE(tmux.sees("EG_one")) << tmux.screen();
  broker_.kill_now();
  std::filesystem::resize_file(broker_.segment(), 0);
  // Seen before it is read (it goes on), or in the middle of reading (it ends, and says why).
  EXPECT_TRUE(wait_until([&] {
    const std::string screen = tmux.screen();
    return screen.find("GONE      ") != std::string::npos ||
           screen.find("was truncated") != std::string::npos;
  })) << tmux.screen();
}

TEST_F(SlotctlTop, ColourUnlessUnwanted) {
  {
    const Tmux tmux({"NO_COLOR="});
    tmux.type(command());
    ASSERT_TRUE(tmux.sees("slotd ready")) << tmux.screen();
    EXPECT_NE(tmux.coloured().find("\033[32mready"), std::string::npos) << tmux.coloured();
  }
  for (const char* variable : {"NO_COLOR=1", "TERM=vt100"}) {
    const Tmux tmux({});
    tmux.type("export " + std::string(variable));
    tmux.type(command());
    ASSERT_TRUE(tmux.sees("slotd ready")) << variable << tmux.screen();
    EXPECT_EQ(tmux.coloured().find("\033[32m"), std::string::npos) << variable;
  }
}

std::string at_terminal(const Slotctl& slotctl, const std::string& term, int& status) {
  Terminal terminal(bin_dir() + "/slotctl", slotctl.words({"top"}), 80, {"TERM=" + term});
  std::string shown = terminal.read_to_end();
  status = terminal.status();
  return shown;
}

TEST(SlotctlTopRefused, UnknownTerminals) {
  const Slotctl slotctl("/nonexistent/segment");
  for (const char* term : {"nonsense", "", "dumb"}) {
    int status = 0;
    const std::string shown = at_terminal(slotctl, term, status);
    EXPECT_EQ(status, 64) << term << shown;
    EXPECT_NE(shown.find("slotctl status -w 1"), std::string::npos) << shown;
  }
  int status = 0;
  at_terminal(slotctl, "xterm", status);
  EXPECT_EQ(status, 69) << "a terminal that it can use, but no segment";
}

TEST(SlotctlTopRefused, NoTerminal) {
  const Ran ran = Slotctl("/nonexistent/segment")({"top"});
  EXPECT_EQ(ran.status, 64);
  EXPECT_NE(ran.err.find("slotctl status -w 1"), std::string::npos) << ran.err;
  EXPECT_EQ(Slotctl("/nonexistent/segment")({"top", "-J"}).status, 64);
}

TEST_F(SlotctlTop, TermSignalGivesTheTerminalBack) {
  Terminal terminal(bin_dir() + "/slotctl", slotctl_.words({"top"}), 80, {"TERM=xterm"});
  ASSERT_TRUE(terminal.read_until("EG_one"));
  terminal.signal(SIGTERM);
  const std::string shown = terminal.read_to_end();
  EXPECT_EQ(terminal.status(), 0);
  EXPECT_NE(shown.find("\033[?1049l"), std::string::npos) << "back from the other screen";
}

}  // namespace
}  // namespace slotd::testing
