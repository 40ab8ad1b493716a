#include "tools/slotctl/completion/complete.hpp"

#include <algorithm>
#include <charconv>
#include <set>
#include <string_view>

#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

namespace {

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool is_option_word(const std::string& word) { return word.size() > 1 && word[0] == '-'; }

/// Where the words before the cursor have led to.
struct Place {
  std::vector<const VerbOutline*> path;  ///< from the root to the verb
  std::size_t arguments = 0;             ///< of the verb, before the cursor
  std::vector<std::string> topic;        ///< the arguments themselves
  const OptionOutline* open = nullptr;   ///< an option whose value comes next
  bool is_behind_dashes = false;         ///< only arguments follow
  std::set<const OptionOutline*> used;
  std::optional<std::size_t> command_from;
  std::string segment_path;

  const VerbOutline& verb() const { return *path.back(); }
};

const OptionOutline* find_option(const Place& place, const std::string& name) {
  for (auto verb = place.path.rbegin(); verb != place.path.rend(); ++verb) {
    for (const OptionOutline& option : (*verb)->options) {
      if (std::find(option.names.begin(), option.names.end(), name) != option.names.end())
        return &option;
    }
  }
  return nullptr;
}

bool is_of_segment(const OptionOutline& option) {
  return std::find(option.names.begin(), option.names.end(), "--segment") != option.names.end();
}

/// Does the verb start another program? Its words are not slotctl's.
bool is_starting_command(const VerbOutline& verb) {
  return !verb.arguments.empty() && verb.arguments.front().name == "COMMAND";
}

void take_option(Place& place, const std::string& word) {
  const std::size_t equals = word.find('=');
  const bool is_long = begins_with(word, "--");
  // "-tweb" is an option with its value behind it.
  const std::string name = is_long ? word.substr(0, equals) : word.substr(0, 2);
  const OptionOutline* option = find_option(place, name);
  if (option == nullptr) return;
  place.used.insert(option);
  if (!option->takes_value) return;
  const bool has_value = is_long ? equals != std::string::npos : word.size() > 2;
  if (!has_value) {
    place.open = option;
  } else if (is_of_segment(*option)) {
    place.segment_path = word.substr(equals + 1);
  }
}

void take_argument(Place& place, const std::string& word, std::size_t index) {
  if (place.arguments == 0 && !place.is_behind_dashes) {
    for (const VerbOutline& verb : place.verb().verbs) {
      if (verb.name != word) continue;
      place.path.push_back(&verb);
      return;
    }
  }
  if (is_starting_command(place.verb()) && !place.command_from) place.command_from = index;
  ++place.arguments;
  place.topic.push_back(word);
}

Place walk(const VerbOutline& root, const std::vector<std::string>& words, std::size_t index) {
  Place place;
  place.path.push_back(&root);
  for (std::size_t i = 0; i < std::min(index, words.size()) && !place.command_from; ++i) {
    const std::string& word = words[i];
    if (place.open != nullptr) {
      if (is_of_segment(*place.open)) place.segment_path = word;
      place.open = nullptr;
    } else if (word == "--" && !place.is_behind_dashes) {
      place.is_behind_dashes = true;
      if (is_starting_command(place.verb())) place.command_from = i + 1;
    } else if (is_option_word(word) && !place.is_behind_dashes) {
      take_option(place, word);
    } else {
      take_argument(place, word, i);
    }
  }
  return place;
}

class Completer {
 public:
  Completer(Place place, std::string current, std::size_t index, const LiveSource& live)
      : place_(std::move(place)), current_(std::move(current)), index_(index), live_(live) {}

  Completion complete() {
    if (place_.command_from) {
      out_.command_from = place_.command_from;
    } else if (place_.open != nullptr) {
      add_values(place_.open->value_name, "");
    } else if (!current_.empty() && current_[0] == '-' && !place_.is_behind_dashes) {
      if (!add_value_behind_equals()) add_options();
    } else {
      add_verbs(place_.verb());
      add_arguments();
      const bool is_nothing = out_.candidates.empty() && !out_.files && !out_.command_from;
      if (current_.empty() && is_nothing && !place_.is_behind_dashes) add_options();
    }
    return std::move(out_);
  }

 private:
  void add(const std::string& word, const std::string& help) {
    if (begins_with(word, current_)) out_.candidates.push_back({word, help});
  }
  void add_all(const std::vector<Candidate>& candidates, const std::string& before,
               const std::string& after) {
    for (const Candidate& candidate : candidates)
      add(before + candidate.word + after, candidate.help);
  }

  /// "--type=we": true where it is one.
  bool add_value_behind_equals() {
    const std::size_t equals = current_.find('=');
    if (!begins_with(current_, "--") || equals == std::string::npos) return false;
    const OptionOutline* option = find_option(place_, current_.substr(0, equals));
    if (option != nullptr && option->takes_value)
      add_values(option->value_name, current_.substr(0, equals + 1));
    return true;
  }

  void add_options() {
    for (auto verb = place_.path.rbegin(); verb != place_.path.rend(); ++verb) {
      for (const OptionOutline& option : (*verb)->options) {
        // --help of the verb is offered, and not that of slotctl besides.
        const bool is_hidden = find_option(place_, option.names.front()) != &option;
        if (is_hidden || place_.used.count(&option) != 0) continue;
        for (const std::string& name : option.names) add(name, option.help);
      }
    }
  }
  void add_verbs(const VerbOutline& above) {
    if (place_.arguments != 0 || place_.is_behind_dashes) return;
    for (const VerbOutline& verb : above.verbs) add(verb.name, verb.help);
  }

  void add_arguments() {
    const auto& arguments = place_.verb().arguments;
    if (arguments.empty()) return;
    const bool is_over = place_.arguments >= arguments.size() && !arguments.back().may_repeat;
    if (is_over) return;
    const std::size_t at = std::min(place_.arguments, arguments.size() - 1);
    if (arguments[at].name == "COMMAND") {
      // An option has to come first: that is offered where nothing is typed yet.
      if (!current_.empty() || place_.is_behind_dashes) out_.command_from = index_;
    } else if (arguments[at].name == "TOPIC") {
      add_topics();
    } else {
      add_values(arguments[at].name, "");
    }
  }

  void add_topics() {
    const VerbOutline* above = place_.path.front();
    for (const std::string& word : place_.topic) {
      const auto verb = std::find_if(above->verbs.begin(), above->verbs.end(),
                                     [&](const VerbOutline& v) { return v.name == word; });
      if (verb == above->verbs.end()) return;
      above = &*verb;
    }
    for (const VerbOutline& verb : above->verbs) add(verb.name, verb.help);
    if (place_.topic.empty()) add("exit-codes", "what the exit statuses mean");
  }

  /// By what help calls the value; of values that only the user knows there are none.
  void add_values(const std::string& name, const std::string& before) {
    if (name == "PATH" || name == "FILE") {
      out_.files = true;
    } else if (name.find('|') != std::string::npos) {
      add_choices(name, before);
    } else if (name == "TYPE") {
      add_all(live().types, before, "");
    } else if (name == "TYPE=N") {
      if (current_.find('=') != std::string::npos) {
        add(current_.substr(0, current_.find('=')) + "=unlimited", "no limit");
      } else {
        add_all(live().types, before, "=");
        out_.no_space = !out_.candidates.empty();
      }
    } else if (name == "TOKEN") {
      add_all(live().tokens, before, "");
    } else if (name == "SLOT") {
      add_all(live().slots, before, "");
    } else if (name == "PID") {
      add_all(live().pids, before, "");
    }
  }
  void add_choices(std::string_view choices, const std::string& before) {
    while (!choices.empty()) {
      const std::size_t end = std::min(choices.find('|'), choices.size());
      add(before + std::string(choices.substr(0, end)), "");
      choices.remove_prefix(std::min(end + 1, choices.size()));
    }
  }

  const LiveValues& live() {
    if (!values_) values_ = live_(place_.segment_path);
    return *values_;
  }

  Place place_;
  std::string current_;
  std::size_t index_;
  const LiveSource& live_;
  std::optional<LiveValues> values_;
  Completion out_;
};

/// A shell will split or read what is pasted into its line: only words that mean themselves.
bool is_plain_word(const std::string& word) {
  constexpr std::string_view kOthers = "_-.:=@/+,";
  if (word.empty() || word[0] == ':') return false;  // a colon begins a line for the shim
  return std::all_of(word.begin(), word.end(), [&](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

Completion complete_words(const VerbOutline& root, const std::vector<std::string>& words,
                          std::size_t index, const LiveSource& live) {
  const std::string current = index < words.size() ? words[index] : "";
  return Completer(walk(root, words, index), current, index, live).complete();
}

std::string completion_text(const Completion& completion) {
  std::string text;
  if (completion.command_from) return ":command " + std::to_string(*completion.command_from) + '\n';
  if (completion.files) text += ":files\n";
  if (completion.no_space) text += ":nospace\n";
  for (const Candidate& candidate : completion.candidates) {
    if (!is_plain_word(candidate.word)) continue;
    text += candidate.word;
    if (!candidate.help.empty()) text += '\t' + escape_text(candidate.help, Charset::kAscii);
    text += '\n';
  }
  return text;
}

int run_complete(const VerbOutline& root, const std::vector<std::string>& words, Console& console) {
  // Whoever calls this by hand in another way gets no candidates, and no noise either.
  if (words.size() < 2 || words[1] != "--") return to_status(ExitCode::kUsage);
  std::size_t index = 0;
  const auto [end, error] =
      std::from_chars(words[0].data(), words[0].data() + words[0].size(), index);
  if (error != std::errc{} || end != words[0].data() + words[0].size())
    return to_status(ExitCode::kUsage);
  const std::vector<std::string> line(words.begin() + 2, words.end());
  console.print(completion_text(complete_words(root, line, index, &read_live_values)));
  return to_status(ExitCode::kDone);
}

}  // namespace slotd::ctl
