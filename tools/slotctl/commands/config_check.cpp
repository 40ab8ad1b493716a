#include "tools/slotctl/commands/config_check.hpp"

#include <unistd.h>

#include <array>
#include <climits>
#include <memory>
#include <nlohmann/json.hpp>

#include "tools/slotctl/child.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

/// The broker of the same installation; its bare name, for PATH, where there is none.
std::string find_broker() {
  std::array<char, PATH_MAX> self{};
  const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length > 0) {
    std::string path(self.data(), static_cast<std::size_t>(length));
    path.replace(path.rfind('/') + 1, std::string::npos, "slotd");
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return "slotd";
}

int run_config_check(const std::string& file, const Context& context) {
  const Finished finished =
      run_program({find_broker(), "--check-config", "--config", file}, context.globals.json);
  const bool valid = finished.status == to_status(ExitCode::kDone);
  if (!valid && finished.status != to_status(ExitCode::kConfigInvalid)) {
    context.console.print_error(finished.errors);
    throw Failure(Errc::kSystem,
                  "slotd --check-config ended with status " + std::to_string(finished.status));
  }
  if (context.globals.json) {
    context.print_json(config_check_json(file, valid, finished.errors));
  }
  return finished.status;
}

}  // namespace

Json config_check_json(const std::string& file, bool valid, const std::string& errors) {
  Json out = make_document();
  out["file"] = file;
  out["valid"] = valid;
  out["messages"] = Json::array();
  std::size_t at = 0;
  while (at < errors.size()) {
    const std::size_t end = std::min(errors.find('\n', at), errors.size());
    if (end != at) out["messages"].push_back(errors.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

void add_config_check(CommandSet& set, const Verb& config) {
  auto file = std::make_shared<std::string>();
  Verb verb =
      set.add_below(config, "check", "would slotd take this file? exit status 0 or 78",
                    [file](const Context& context) { return run_config_check(*file, context); });
  verb.add_text("FILE", *file, "", "the configuration file", Need::kRequired);
}

}  // namespace slotd::ctl
