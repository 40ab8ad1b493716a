// Where slotctl writes: results to out, everything else to err. Knows whether a person is looking
// (terminal, width, colour, character set). Not thread-safe; writing may block on the reader.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "tools/slotctl/table.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

/// --color
enum class Colour { kAuto, kAlways, kNever };

class Console {
 public:
  /// Asks the environment about the two streams: colour and width only where `out` is a terminal,
  /// no colour with NO_COLOR set or TERM=dumb. Precondition: setlocale() was called.
  Console(std::FILE* out, std::FILE* err);

  /// What the user said goes before what the environment says.
  void set_colour(Colour colour) noexcept {
    if (colour != Colour::kAuto) style_.colour = colour == Colour::kAlways;
  }

  const TableStyle& style() const noexcept { return style_; }
  /// May what was shown be overwritten by what follows?
  bool redraws() const noexcept { return redraws_; }
  Charset charset() const noexcept { return charset_; }
  /// Untrusted text as it may be shown.
  std::string escaped(std::string_view text) const { return escape_text(text, charset_); }

  void print(std::string_view text) noexcept;
  /// One line on err, after "slotctl: ".
  void complain(std::string_view text) noexcept;
  /// Text on err as it is.
  void print_error(std::string_view text) noexcept;

  /// Pushes everything out; false when `out` could not take all of it.
  bool flush() noexcept;

 private:
  std::FILE* out_;
  std::FILE* err_;
  TableStyle style_;
  Charset charset_ = Charset::kAscii;
  bool redraws_ = false;
  bool failed_ = false;
};

}  // namespace slotd::ctl
