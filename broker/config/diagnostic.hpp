// Messages about a config file, as values: what is wrong, where, and what to write instead.
//
// What: one Diagnostic a mistake, a list that keeps all of them, and the text that people see.
// What not: nothing is logged or printed here.
// Thread-safety: values. Blocking: nothing. Crash: nothing is shared. Text that came from the file
// is untrusted; it is cut and escaped on its way into a message.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/source_mark.hpp"
#include "broker/config/source_text.hpp"

namespace slotd::broker {

enum class Severity : std::uint8_t { kError, kWarning };

struct Diagnostic {
  std::string file;
  std::uint32_t line = 0;  ///< 1-based; 0 when the message is about the file as a whole
  std::uint32_t col = 0;   ///< 1-based, in characters
  Severity severity = Severity::kError;
  std::string message;
  std::string source_line;       ///< the line, or the part of a long one that matters; raw bytes
  std::size_t caret_offset = 0;  ///< where in source_line the caret belongs, in bytes
  std::string hint;              ///< what to write instead; may be empty

  bool operator==(const Diagnostic&) const = default;
};

/// FILE:LINE:COL: error: MESSAGE, then the line with a caret under the place, then the hint, each
/// line ended by a newline. A message without a place is FILE: error: MESSAGE.
[[nodiscard]] std::string format_diagnostic(const Diagnostic& diagnostic);

/// All of them, one after the other, in the order given.
[[nodiscard]] std::string format_diagnostics(const std::vector<Diagnostic>& diagnostics);

/// The one of `known` that `written` was probably meant to be; empty when none is close. Case, '-'
/// for '_' and swapped letters count for little.
[[nodiscard]] std::string_view find_nearest(std::string_view written,
                                            const std::vector<std::string_view>& known);

/// "did you mean 'NEAREST'?", or `otherwise` when nothing is near.
[[nodiscard]] std::string make_nearest_hint(std::string_view written,
                                            const std::vector<std::string_view>& known,
                                            std::string otherwise = {});

/// Collects the messages about one text. There is an end to it: of those after kMost only the
/// number is kept.
class Diagnostics {
 public:
  static constexpr std::size_t kMost = 200;

  /// `source` must outlive it.
  explicit Diagnostics(const SourceText& source) : source_(source) {}

  void error(SourceMark mark, std::string message, std::string hint = {});
  void warning(SourceMark mark, std::string message, std::string hint = {});

  [[nodiscard]] bool has_errors() const { return errors_ != 0; }
  [[nodiscard]] std::size_t error_count() const { return errors_; }
  /// Further messages are only counted, so that no work need go into them.
  [[nodiscard]] bool is_full() const { return list_.size() == kMost; }
  [[nodiscard]] const SourceText& source() const { return source_; }
  /// The messages in the order of the file; the list is empty afterwards.
  [[nodiscard]] std::vector<Diagnostic> take();

 private:
  void add(Severity severity, SourceMark mark, std::string message, std::string hint);

  const SourceText& source_;
  std::vector<Diagnostic> list_;
  std::size_t errors_ = 0;
  std::size_t dropped_ = 0;
};

}  // namespace slotd::broker
