// A node for tests of what operators do: the real broker, slotctl, a look from outside, and a user
// who may not write. Not thread-safe; blocks as its parts do.
#pragma once

#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {

class LiveNode {
 public:
  explicit LiveNode(const std::string& config) : broker(config) {}

  Ran operator()(const Words& words) const { return slotctl(words); }
  Ran claim(const std::string& type) const { return slotctl({"claim", "-t", type, "-J"}); }
  void release(const Ran& claimed) const {
    slotctl({"release", claimed.json()["token"].get<std::string>()});
  }
  /// The row of `limits -J` for a type; null where there is none.
  AnyJson limit(const std::string& type) const {
    const AnyJson out = slotctl({"limits", "-J"}).json();
    for (const AnyJson& row : out["limits"]) {
      if (row["type"] == type) return row;
    }
    return {};
  }
  std::string refusal(const std::string& type) const {
    const Ran ran = slotctl({"can-accept", "-t", type, "-J"});
    return ran.status == 0 ? "" : ran.json()["refusal"].get<std::string>();
  }
  /// Takes the segment away and waits until the broker has made another one that admits claims.
  void lose_segment() const {
    const std::size_t before = broker.log().size();
    ::unlink(broker.segment().c_str());
    const bool settled = wait_until(
        [&] { return broker.log().substr(before).find("event=settled") != std::string::npos; });
    if (!settled) throw std::runtime_error("the segment was not rebuilt:\n" + broker.log_of_run());
  }

  /// Can slotctl be run by a user who is in no group of the segment's?
  bool has_stranger() const {
    return ::geteuid() == 0 && ::chmod(broker.folder().c_str(), 0755) == 0 &&
           run_to_end("/usr/bin/setpriv",
                      {"--reuid", "65534", "test", "-x", bin_dir() + "/slotctl"})
                   .status == 0;
  }
  /// Precondition: has_stranger().
  Ran as_stranger(const Words& words) const {
    Words all{"--reuid", "65534", "--regid", "65534", "--clear-groups", bin_dir() + "/slotctl"};
    for (const std::string& word : slotctl.words(words)) all.push_back(word);
    return run_to_end("/usr/bin/setpriv", all);
  }

  BrokerProcess broker;
  Slotctl slotctl{broker.segment()};
};

/// Waits until a program has the segment open, so that it meets what happens to it from here on.
inline bool wait_mapped(const Program& program, const std::string& segment) {
  return wait_until([&] {
    return read_text("/proc/" + std::to_string(program.pid()) + "/maps").find(segment) !=
           std::string::npos;
  });
}

/// Empty when the output follows docs/schema.
inline std::string live_problems(const std::string& schema, const Ran& ran) {
  return schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", schema, ran.out);
}

}  // namespace slotd::testing
