#include "broker/config/diagnostic.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

#include "slotd/units.hpp"

namespace slotd::broker {
namespace {

// Of a longer line this much is shown, with the place in sight.
constexpr std::size_t kShownBytes = 160;
constexpr std::size_t kShownBefore = 80;
// Nobody mistypes a name of this length so that guessing helps, and the comparison is quadratic.
constexpr std::size_t kLongestGuess = 64;
constexpr std::string_view kIndent = "    ";

// As two people would say that they wrote the same.
std::string fold_name(std::string_view name) {
  std::string folded(name);
  for (char& c : folded) c = c == '-' || c == ' ' ? '_' : units_detail::to_lower(c);
  return folded;
}

// Edits that lead from one to the other: insert, remove, replace, swap two neighbours.
std::size_t count_edits(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> edits(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) edits[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) edits[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = edits[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      edits[i][j] = std::min({replaced, edits[i - 1][j] + 1, edits[i][j - 1] + 1});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        edits[i][j] = std::min(edits[i][j], edits[i - 2][j - 2] + 1);
      }
    }
  }
  return edits[a.size()][b.size()];
}

// A tab stays one, so that the caret stands below what people see.
std::string make_padding(std::string_view before) {
  std::string padding;
  while (!before.empty()) {
    const std::size_t tab = std::min(before.find('\t'), before.size());
    padding.append(count_columns(escape_untrusted(before.substr(0, tab), before.size())), ' ');
    before.remove_prefix(tab);
    if (before.empty()) break;
    padding += '\t';
    before.remove_prefix(1);
  }
  return padding;
}

std::string escape_line(std::string_view line) {
  std::string shown;
  while (!line.empty()) {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    shown += escape_untrusted(line.substr(0, tab), line.size());
    line.remove_prefix(tab);
    if (line.empty()) break;
    shown += '\t';
    line.remove_prefix(1);
  }
  return shown;
}

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U; }

// Cuts a long line around the place, between characters.
void show_part(std::string_view line, std::size_t column, Diagnostic& diagnostic) {
  column = std::min(column, line.size());
  std::size_t start = 0;
  if (line.size() > kShownBytes && column > kShownBefore) start = column - kShownBefore;
  while (start > 0 && start < line.size() && is_continuation(line[start])) --start;
  std::size_t end = std::min(line.size(), start + kShownBytes);
  while (end < line.size() && is_continuation(line[end])) ++end;
  diagnostic.source_line = line.substr(start, end - start);
  diagnostic.caret_offset = column - start;
}

}  // namespace

std::string format_diagnostic(const Diagnostic& diagnostic) {
  std::string out = escape_untrusted(diagnostic.file, diagnostic.file.size());
  if (diagnostic.line != 0) {
    out += ':' + std::to_string(diagnostic.line) + ':' + std::to_string(diagnostic.col);
  }
  out += diagnostic.severity == Severity::kError ? ": error: " : ": warning: ";
  out += diagnostic.message + '\n';
  if (diagnostic.line != 0 && !diagnostic.source_line.empty()) {
    const std::string_view line = diagnostic.source_line;
    out.append(kIndent).append(escape_line(line)).append("\n");
    out.append(kIndent).append(make_padding(line.substr(0, diagnostic.caret_offset)));
    out += "^\n";
  }
  if (!diagnostic.hint.empty()) out.append(kIndent).append(diagnostic.hint).append("\n");
  return out;
}

std::string format_diagnostics(const std::vector<Diagnostic>& diagnostics) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) out += format_diagnostic(diagnostic);
  return out;
}

std::string_view find_nearest(std::string_view written,
                              const std::vector<std::string_view>& known) {
  if (written.empty() || written.size() > kLongestGuess) return {};
  const std::string folded = fold_name(written);
  // A third of the letters may be wrong, and never more than three.
  std::size_t best = std::min<std::size_t>(written.size() / 3, 3) + 1;
  std::string_view nearest;
  for (const std::string_view name : known) {
    const std::size_t edits = count_edits(folded, fold_name(name));
    if (edits < best) {
      best = edits;
      nearest = name;
    }
  }
  return nearest;
}

std::string make_nearest_hint(std::string_view written, const std::vector<std::string_view>& known,
                              std::string otherwise) {
  const std::string_view nearest = find_nearest(written, known);
  if (nearest.empty()) return otherwise;
  return "did you mean " + quote_untrusted(nearest) + "?";
}

void Diagnostics::error(SourceMark mark, std::string message, std::string hint) {
  ++errors_;
  add(Severity::kError, mark, std::move(message), std::move(hint));
}

void Diagnostics::warning(SourceMark mark, std::string message, std::string hint) {
  add(Severity::kWarning, mark, std::move(message), std::move(hint));
}

void Diagnostics::add(Severity severity, SourceMark mark, std::string message, std::string hint) {
  if (is_full()) {
    ++dropped_;
    return;
  }
  Diagnostic diagnostic;
  diagnostic.file = source_.file();
  diagnostic.severity = severity;
  diagnostic.message = std::move(message);
  diagnostic.hint = std::move(hint);
  diagnostic.line = mark.line;
  if (mark.known()) {
    const std::string_view line = source_.line(mark.line);
    const std::size_t column = mark.col == 0 ? 0 : mark.col - 1;
    const std::string_view before = line.substr(0, std::min(column, line.size()));
    diagnostic.col = static_cast<std::uint32_t>(count_columns(before)) + 1;
    show_part(line, column, diagnostic);
  }
  list_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Diagnostics::take() {
  std::stable_sort(list_.begin(), list_.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.line, a.col) < std::tie(b.line, b.col);
  });
  if (dropped_ != 0) {
    Diagnostic rest;
    rest.file = source_.file();
    rest.severity = errors_ != 0 ? Severity::kError : Severity::kWarning;
    rest.message = std::to_string(dropped_) + " more messages are left out";
    list_.push_back(std::move(rest));
    dropped_ = 0;
  }
  return std::exchange(list_, {});
}

}  // namespace slotd::broker
