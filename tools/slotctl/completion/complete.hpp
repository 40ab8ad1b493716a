// `slotctl __complete`: what could stand where the cursor is. The shims for the shells ask it; it
// knows verbs and options from the outline of the command line, and types, slots, tokens and pids
// from the live segment. Everything but read_live_values() is pure. Prints nothing but candidates,
// whatever state the segment is in, and never waits.
//
// Asked: slotctl __complete INDEX -- WORD...    (without the program's name; INDEX of the word with
// the cursor). Answered: a line a candidate, "word<TAB>what it is", and lines that begin with a
// colon: ":files" (names of files, too), ":nospace" (no space behind it), ":command N" (from word N
// on it is another program's command line).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tools/slotctl/console.hpp"
#include "tools/slotctl/context.hpp"
#include "tools/slotctl/outline.hpp"

namespace slotd::ctl {

inline constexpr char kCompleteVerb[] = "__complete";

struct Candidate {
  std::string word;
  std::string help;  ///< one line; untrusted bytes
};

/// What the segment has now.
struct LiveValues {
  std::vector<Candidate> types;
  std::vector<Candidate> slots;
  std::vector<Candidate> tokens;
  std::vector<Candidate> pids;  ///< of owners
};

struct Completion {
  std::vector<Candidate> candidates;  ///< that begin with the word at the cursor
  bool files = false;
  bool no_space = false;
  std::optional<std::size_t> command_from;
};

/// Asked at most once, and only where a value of the segment could stand.
using LiveSource = std::function<LiveValues(const std::string& segment_path)>;

/// `index` may be one behind the last word: then an empty word is completed.
Completion complete_words(const VerbOutline& root, const std::vector<std::string>& words,
                          std::size_t index, const LiveSource& live);

/// The lines for the shims.
std::string completion_text(const Completion& completion);

/// Nothing at all where the segment cannot be opened. `segment_path` may be empty.
LiveValues read_live_values(const std::string& segment_path);

/// The whole verb; `words` are those behind "__complete". The exit status.
int run_complete(const VerbOutline& root, const std::vector<std::string>& words, Console& console);

}  // namespace slotd::ctl
