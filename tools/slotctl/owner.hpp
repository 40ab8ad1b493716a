// Whose slot it is when none is named: the process that started slotctl. Whether that is a good
// owner is judged from what /proc shows of it: a shell that was started for this one command ends
// at once and frees the slot. judge_parent() is pure; choose_owner() reads /proc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/slotctl/context.hpp"

namespace slotd::ctl {

/// What is known of slotctl's parent; empty where it could not be read.
struct ParentFacts {
  int pid = 0;                         ///< 0: in another PID namespace
  std::vector<std::string> arguments;  ///< its argv
  bool forked_only = false;            ///< forked off, and never executed a program of its own
};

enum class ParentKind {
  kLasting,   ///< nothing speaks against it
  kCommand,   ///< a shell that runs one command: sh -c '...'
  kSubshell,  ///< a shell forked off another one: ( ... ), or a part of a pipeline
  kWrapper,   ///< a program that ends with the command that it starts: sudo, timeout, xargs
  kInit,      ///< pid 1: never ends
  kOutside,   ///< in another PID namespace: cannot be an owner
};

ParentKind judge_parent(const ParentFacts& facts);

/// The words of a /proc/PID/cmdline. Pure.
std::vector<std::string> parse_arguments(std::string_view cmdline);

/// Do the flags in the text of a /proc/PID/stat say that the process was forked and has not
/// executed anything? Pure.
bool parse_forked_only(const char* stat);

/// `pid` if it is not 0, else slotctl's parent, with a hint on stderr where that is a doubtful one.
/// Throws Failure: the parent cannot be an owner, or the process is dead already.
int choose_owner(const Context& context, int pid);

}  // namespace slotd::ctl
