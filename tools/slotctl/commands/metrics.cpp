#include "tools/slotctl/commands/metrics.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "slotd/metrics.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/snapshot.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/metrics_text.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

constexpr mode_t kFileMode = 0644;  // the collector that reads it is another user

struct MetricsOptions {
  std::string textfile;
};

[[noreturn]] void fail(const std::string& path, int error) {
  throw Failure(error == EACCES || error == EPERM ? Errc::kPermissionDenied : Errc::kSystem,
                path + ": cannot be written: " + std::strerror(error));
}

bool write_all(int fd, const std::string& text) {
  std::size_t done = 0;
  while (done < text.size()) {
    const ssize_t wrote = ::write(fd, text.data() + done, text.size() - done);
    if (wrote < 0 && errno != EINTR) return false;
    if (wrote > 0) done += static_cast<std::size_t>(wrote);
  }
  return true;
}

int run_metrics(const MetricsOptions& options, const Context& context) {
  if (context.globals.json)
    throw Failure(Errc::kInvalidArgument,
                  "metrics are text; for JSON there is `slotctl status -J`");
  const ProcessTable processes = open_for_reading(context.globals);
  const SegmentView& view = processes.view();
  const std::string text = metrics_text(make_metrics(
      read_snapshot(processes), read_totals_by_type(view), read_broker_totals(view.node().broker)));
  if (options.textfile.empty()) {
    context.console.print(text);
  } else {
    replace_file(options.textfile, text);
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

void replace_file(const std::string& path, const std::string& text) {
  // Beside it, so that the rename stays on one file system; a name that collectors do not take.
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) fail(path, errno);
  const bool is_whole = ::fchmod(fd.get(), kFileMode) == 0 && write_all(fd.get(), text) &&
                        ::close(fd.release()) == 0 &&
                        ::rename(temporary.c_str(), path.c_str()) == 0;
  if (is_whole) return;
  const int error = errno;
  ::unlink(temporary.c_str());
  fail(path, error);
}

void add_metrics(CommandSet& set) {
  auto options = std::make_shared<MetricsOptions>();
  Verb verb = set.add("metrics", "Prometheus text: counters, figures and histograms",
                      [options](const Context& context) { return run_metrics(*options, context); });
  verb.add_text("--textfile", options->textfile, "FILE",
                "into this file, which is replaced whole; for node_exporter's textfile collector",
                Need::kOptional);
}

}  // namespace slotd::ctl
