#include "tools/slotctl/owner.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "slotd/process_probe.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

std::string_view base_name(std::string_view path) {
  // A login shell is "-bash".
  if (!path.empty() && path[0] == '-') path.remove_prefix(1);
  return path.substr(path.rfind('/') + 1);
}

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, const std::vector<std::string>& argv) {
  if (argv.empty()) return false;
  return std::find(names.begin(), names.end(), base_name(argv[0])) != names.end();
}

bool is_shell(const std::vector<std::string>& argv) {
  constexpr std::array<std::string_view, 8> kShells{"sh",  "bash", "dash", "ash",
                                                    "zsh", "ksh",  "mksh", "fish"};
  return is_one_of(kShells, argv);
}

bool is_wrapper(const std::vector<std::string>& argv) {
  constexpr std::array<std::string_view, 9> kWrappers{"sudo", "doas",  "su",    "timeout", "xargs",
                                                      "time", "watch", "flock", "script"};
  return is_one_of(kWrappers, argv);
}

/// Options of a shell end at the first word that is none; `-c` may be written together with others:
/// -ec, -lc.
bool runs_one_command(const std::vector<std::string>& argv) {
  bool command = false;
  bool interactive = false;
  for (std::size_t i = 1; i < argv.size(); ++i) {
    const std::string& word = argv[i];
    if (word.size() < 2 || word[0] != '-' || word == "--") break;
    if (word[1] == '-') continue;
    command = command || word.find('c') != std::string::npos;
    interactive = interactive || word.find('i') != std::string::npos;
  }
  return command && !interactive;
}

std::vector<std::string> read_arguments(int pid) {
  std::array<char, 64> path{};
  std::array<char, 4096> text{};
  std::snprintf(path.data(), path.size(), "/proc/%d/cmdline", pid);
  const int length = read_small_file(path.data(), text);
  if (length <= 0) return {};
  return parse_arguments({text.data(), static_cast<std::size_t>(length)});
}

bool read_forked_only(int pid) {
  std::array<char, 64> path{};
  std::array<char, 1024> text{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  return read_small_file(path.data(), text) > 0 && parse_forked_only(text.data());
}

ParentFacts read_parent_facts() {
  ParentFacts facts;
  facts.pid = ::getppid();
  if (facts.pid == 0) return facts;
  facts.arguments = read_arguments(facts.pid);
  facts.forked_only = read_forked_only(facts.pid);
  return facts;
}

std::string describe_parent(const Context& context, const ParentFacts& facts) {
  std::string text = "pid " + std::to_string(facts.pid);
  if (!facts.arguments.empty()) text += " (" + context.console.escaped(facts.arguments[0]) + ")";
  return text;
}

void hint_at_parent(const Context& context, const ParentFacts& facts) {
  const std::string who =
      "the slot's owner is slotctl's parent, " + describe_parent(context, facts);
  constexpr char kRemedy[] = "; name a lasting one with --pid";
  switch (judge_parent(facts)) {
    case ParentKind::kCommand:
      return context.hint(
          who + ", a shell that was started for one command: when it ends the slot is freed" +
          kRemedy);
    case ParentKind::kSubshell:
      return context.hint(who + ", a subshell: when it ends the slot is freed" + kRemedy);
    case ParentKind::kWrapper:
      return context.hint(who + ", which ends with the command that it starts and frees the slot" +
                          kRemedy);
    case ParentKind::kInit:
      return context.hint(who + ", which never ends: only a release frees the slot" + kRemedy);
    case ParentKind::kLasting:
    case ParentKind::kOutside:
      return;
  }
}

}  // namespace

std::vector<std::string> parse_arguments(std::string_view cmdline) {
  std::vector<std::string> words;
  while (!cmdline.empty()) {
    const std::size_t end = std::min(cmdline.find('\0'), cmdline.size());
    words.emplace_back(cmdline.substr(0, end));
    cmdline.remove_prefix(std::min(end + 1, cmdline.size()));
  }
  return words;
}

bool parse_forked_only(const char* stat) {
  constexpr unsigned long kForkNoExec = 0x40;  // PF_FORKNOEXEC of the kernel
  // The name may hold anything, so fields are counted behind its last ')': 3 is the state, 9 the
  // flags.
  const char* at = std::strrchr(stat, ')');
  for (int field = 2; at != nullptr && field < 9; ++field) at = std::strchr(at + 1, ' ');
  return at != nullptr && (std::strtoul(at, nullptr, 10) & kForkNoExec) != 0;
}

ParentKind judge_parent(const ParentFacts& facts) {
  if (facts.pid == 0) return ParentKind::kOutside;
  if (facts.pid == 1) return ParentKind::kInit;
  if (is_wrapper(facts.arguments)) return ParentKind::kWrapper;
  if (!is_shell(facts.arguments)) return ParentKind::kLasting;
  if (facts.forked_only) return ParentKind::kSubshell;
  return runs_one_command(facts.arguments) ? ParentKind::kCommand : ParentKind::kLasting;
}

int choose_owner(const Context& context, int pid) {
  if (pid == 0) {
    const ParentFacts facts = read_parent_facts();
    if (judge_parent(facts) == ParentKind::kOutside) {
      throw Failure(Errc::kInvalidArgument,
                    "slotctl's parent is in another PID namespace and cannot be an owner; name one "
                    "with --pid");
    }
    hint_at_parent(context, facts);
    pid = facts.pid;
  }
  const PidEvidence evidence = probe_pid(pid, false);
  if (judge_process(evidence, 0) == Life::kDead) {
    throw Failure(Errc::kNoSuchProcess, "no such process: " + std::to_string(pid));
  }
  return pid;
}

}  // namespace slotd::ctl
