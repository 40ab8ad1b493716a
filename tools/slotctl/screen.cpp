#include "tools/slotctl/screen.hpp"

#include <curses.h>
#include <term.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cwchar>

// term.h has macros for its capabilities, and these are names here.
#undef columns
#undef lines
#undef tone

#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

namespace {

constexpr int kEscapeDelayMs = 25;
constexpr const char* kRemedy = "; `slotctl status -w 1` works there";

enum Pair : short { kGoodPair = 1, kWarningPair, kBadPair };

/// What a signal handler needs to give the terminal back without ncurses.
struct Shell {
  termios modes{};
  std::array<char, 128> farewell{};
  std::size_t farewell_bytes = 0;
  volatile bool is_taken = false;
};
Shell shell;

void add_farewell(const char* sequence) {
  if (sequence == nullptr || sequence == reinterpret_cast<char*>(-1)) return;
  const std::size_t bytes = std::strlen(sequence);
  if (shell.farewell_bytes + bytes > shell.farewell.size()) return;
  std::memcpy(shell.farewell.data() + shell.farewell_bytes, sequence, bytes);
  shell.farewell_bytes += bytes;
}

// tigetstr() takes what it does not change as not const.
const char* capability(const char* name) { return ::tigetstr(const_cast<char*>(name)); }

[[noreturn]] void fail(const std::string& why) {
  throw Failure(Errc::kInvalidArgument, "top: " + why + kRemedy);
}

attr_t attributes_of(const Span& span, bool has_colour) {
  attr_t out = A_NORMAL;
  if (span.is_bold) out |= A_BOLD;
  if (span.is_reversed) out |= A_REVERSE;
  if (!has_colour) return span.tone == Tone::kBad ? out | A_BOLD : out;
  switch (span.tone) {
    case Tone::kGood:
      return out | COLOR_PAIR(kGoodPair);
    case Tone::kWarning:
      return out | COLOR_PAIR(kWarningPair);
    case Tone::kBad:
      return out | COLOR_PAIR(kBadPair);
    case Tone::kPlain:
      break;
  }
  return out;
}

bool start_colours() {
  if (!::has_colors() || ::start_color() != OK) return false;
  const short background = ::use_default_colors() == OK ? -1 : COLOR_BLACK;
  ::init_pair(kGoodPair, COLOR_GREEN, background);
  ::init_pair(kWarningPair, COLOR_YELLOW, background);
  ::init_pair(kBadPair, COLOR_RED, background);
  return true;
}

std::string encode(wint_t character) {
  std::array<char, MB_LEN_MAX> bytes{};
  mbstate_t state{};
  const std::size_t count = std::wcrtomb(bytes.data(), static_cast<wchar_t>(character), &state);
  return count == static_cast<std::size_t>(-1) ? std::string() : std::string(bytes.data(), count);
}

Key special_key(wint_t code) {
  switch (code) {
    case KEY_UP:
      return {Key::Kind::kUp};
    case KEY_DOWN:
      return {Key::Kind::kDown};
    case KEY_PPAGE:
      return {Key::Kind::kPageUp};
    case KEY_NPAGE:
      return {Key::Kind::kPageDown};
    case KEY_HOME:
      return {Key::Kind::kHome};
    case KEY_END:
      return {Key::Kind::kEnd};
    case KEY_ENTER:
      return {Key::Kind::kEnter};
    case KEY_BACKSPACE:
      return {Key::Kind::kBackspace};
    default:
      return {Key::Kind::kResize};  // and whatever else wants a new picture
  }
}

Key plain_key(wint_t character) {
  constexpr wint_t kEscape = 27;
  constexpr wint_t kDelete = 127;
  if (character == L'\n' || character == L'\r') return {Key::Kind::kEnter};
  if (character == kEscape) return {Key::Kind::kEscape};
  if (character == kDelete || character == L'\b') return {Key::Kind::kBackspace};
  if (character < L' ') return {Key::Kind::kResize};
  return {Key::Kind::kText, encode(character)};
}

}  // namespace

void Screen::require_terminal() {
  if (::isatty(STDIN_FILENO) == 0 || ::isatty(STDOUT_FILENO) == 0) fail("this is no terminal");
  const char* term = std::getenv("TERM");
  const std::string name = term == nullptr ? "" : escape_text(term, Charset::kAscii);
  int found = 0;
  // Asked first: what opens a screen ends the program when it does not know the terminal.
  if (::setupterm(nullptr, STDOUT_FILENO, &found) != OK || found != 1)
    fail("the terminal '" + name + "' (TERM) is not known here");
  const char* move = capability("cup");
  const bool can_move = move != nullptr && move != reinterpret_cast<char*>(-1);
  ::del_curterm(cur_term);
  if (!can_move) fail("the terminal '" + name + "' (TERM) cannot place its cursor");
}

Screen::Screen(bool has_colour) {
  ::tcgetattr(STDIN_FILENO, &shell.modes);
  if (::newterm(nullptr, stdout, stdin) == nullptr) fail("the terminal cannot be used");
  add_farewell(capability("sgr0"));
  add_farewell(capability("cnorm"));
  add_farewell(capability("rmcup"));
  shell.is_taken = true;
  ::cbreak();
  ::noecho();
  ::nonl();
  ::set_escdelay(kEscapeDelayMs);
  ::keypad(stdscr, TRUE);
  ::nodelay(stdscr, TRUE);
  ::curs_set(0);
  has_colour_ = has_colour && start_colours();
}

Screen::~Screen() {
  shell.is_taken = false;
  ::endwin();
}

ScreenSize Screen::size() const {
  const int rows = getmaxy(stdscr);
  const int columns = getmaxx(stdscr);
  return {rows < 0 ? 0U : static_cast<std::size_t>(rows),
          columns < 0 ? 0U : static_cast<std::size_t>(columns)};
}

void Screen::draw(const Picture& picture) {
  ::werase(stdscr);
  int row = 0;
  for (const Line& line : picture.lines) {
    ::wmove(stdscr, row++, 0);
    for (const Span& span : line) {
      ::wattrset(stdscr, static_cast<int>(attributes_of(span, has_colour_)));
      ::waddstr(stdscr, span.text.c_str());
    }
  }
  ::wattrset(stdscr, static_cast<int>(A_NORMAL));
  ::wrefresh(stdscr);
}

Key Screen::read_key() {
  wint_t code = 0;
  const int got = ::wget_wch(stdscr, &code);
  if (got == KEY_CODE_YES) return special_key(code);
  return got == OK ? plain_key(code) : Key{};
}

void Screen::restore_in_signal() noexcept {
  if (!shell.is_taken) return;
  const auto written = ::write(STDOUT_FILENO, shell.farewell.data(), shell.farewell_bytes);
  static_cast<void>(written);
  ::tcsetattr(STDIN_FILENO, TCSANOW, &shell.modes);
}

}  // namespace slotd::ctl
