// Where the documents' commands are run: a folder that looks like a built clone, the built programs
// first in PATH, and a broker on a private segment. What a command leaves running there ends with
// it. Not thread-safe.
#pragma once

#include <filesystem>
#include <regex>
#include <string>

#include "tests/docs/blocks.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {

/// The node that the documents show: 12 cores, and what docs/operations.md and slotctl.md speak of.
inline constexpr char kDocumentedNode[] =
    "cpu: { capacity: 12, max_utilization: 0.8, hold: 15s, sample_interval: 200ms }\n"
    "memory: { max: 16GiB, headroom: 1GiB }\n"
    "types:\n"
    "  room_composite: { cpu: 4.0, groups: [web] }\n"
    "  participant: { max: 3, cpu: 2.0, memory: 1GiB }\n"
    "  track: { max: 10, cpu: 0.5 }\n"
    "groups: { web: { max: 18 } }\n";

class Sandbox {
 public:
  explicit Sandbox(std::string root) : root_(std::move(root)), broker_(kDocumentedNode) {
    namespace fs = std::filesystem;
    fs::create_directories(folder() + "/build/release");
    fs::create_symlink(bin_dir(), folder() + "/build/release/bin");
    for (const char* room : {"systemd", "docs", "client", "include", "tools", "tests"}) {
      fs::create_symlink(root_ + "/" + room, folder() + "/" + room);
    }
  }

  const std::string& folder() const noexcept { return broker_.folder(); }
  std::string segment() const { return broker_.segment(); }
  std::string file(const std::string& name) const { return folder() + "/" + name; }

  /// A bash script; patience for compilers on a busy machine.
  Ran run(const std::string& script) const {
    write_text(file("block.sh"),
               "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\ncd \"$SANDBOX\"\n" + script);
    Program shell("/bin/bash", {file("block.sh")},
                  {"SANDBOX=" + folder(), "SLOTD_SEGMENT=" + segment(),
                   "SLOTD_PID=" + std::to_string(broker_.pid()), "LC_ALL=C.UTF-8",
                   "PATH=" + bin_dir() + ":" + std::getenv("PATH")});
    Ran ran;
    for (int waits = 0; waits < 12; ++waits) {
      ran.status = shell.wait_end();
      if (ran.status >= 0) break;
    }
    ran.out = shell.out();
    ran.err = shell.err();
    return ran;
  }

  /// A command for an installed node, for this one.
  std::string as_private(const std::string& text) const {
    static const std::regex installed("/run/slotd/");
    return std::regex_replace(text, installed, folder() + "/");
  }
  /// The segment's path as an installed node has it.
  std::string as_installed(std::string text) const {
    for (std::size_t at = 0; (at = text.find(segment(), at)) != std::string::npos;) {
      text.replace(at, segment().size(), "/run/slotd/segment");
    }
    return text;
  }

 private:
  std::string root_;
  BrokerProcess broker_;
};

}  // namespace slotd::testing
