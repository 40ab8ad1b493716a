// The whole terminal, for `top`: draws pictures, reads keys. The only file that knows of ncurses.
// One at a time in a process, from its main thread. The constructor takes the terminal, the
// destructor gives it back; a process that dies by SIGKILL leaves it as it is (`reset` helps).
// Nothing here blocks but on a terminal that takes no output.
#pragma once

#include <string>

#include "tools/slotctl/picture.hpp"
#include "tools/slotctl/top_state.hpp"

namespace slotd::ctl {

class Screen {
 public:
  /// Is this a terminal that a full screen can be drawn on? Throws Failure(kInvalidArgument), which
  /// names `status -w`, where stdin or stdout is none, or its TERM is unknown or cannot do it.
  static void require_terminal();

  /// Precondition: require_terminal() did not throw.
  explicit Screen(bool has_colour);
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;
  ~Screen();

  ScreenSize size() const;
  void draw(const Picture& picture);
  /// A key that was pressed; kNone when there is none.
  Key read_key();

  /// For a handler of a signal that ends the process: the terminal as it was before.
  static void restore_in_signal() noexcept;

 private:
  bool has_colour_ = false;
};

}  // namespace slotd::ctl
