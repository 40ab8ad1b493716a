#include "broker/host/external_count.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <utility>

#include "broker/host/read_text.hpp"
#include "broker/host/text_scan.hpp"
#include "slotd/process_probe.hpp"

namespace slotd::broker {

namespace {

constexpr std::size_t kMostBytes = 4096;

bool is_readable_kind(const struct stat& status) {
  return S_ISREG(status.st_mode) || S_ISFIFO(status.st_mode);
}

}  // namespace

std::optional<std::uint64_t> parse_external_count(std::string_view text) {
  return parse_count(trim(text));
}

std::optional<std::uint64_t> read_external_count(const std::string& path) {
  // Before the open, because opening a device can already do something; after it, because the name
  // may mean another file by then.
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !is_readable_kind(status)) return std::nullopt;
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd || ::fstat(fd.get(), &status) != 0 || !is_readable_kind(status)) return std::nullopt;
  // A FIFO without a writer is at its end, one that is empty says EAGAIN: no figure either way.
  const auto text = read_text_of(fd.get(), kMostBytes, Longer::kRefuse);
  if (!text) return std::nullopt;
  std::string_view figure = trim(*text);
  // What was written into a FIFO since the last look stands there one after the other.
  if (S_ISFIFO(status.st_mode)) figure.remove_prefix(figure.rfind('\n') + 1);
  return parse_external_count(figure);
}

struct ExternalCounts::Shared {
  struct Figure {
    std::uint64_t value = 0;
    std::uint64_t read_ns = 0;
  };
  mutable std::mutex mutex;
  std::map<std::string, Figure> figures;
};

ExternalCounts::ExternalCounts(Clock clock)
    : clock_(std::move(clock)), shared_(std::make_shared<Shared>()) {}

ExternalCounts::~ExternalCounts() = default;

void ExternalCounts::follow(std::vector<std::string> paths) {
  if (paths == paths_) return;
  paths_ = std::move(paths);
  // A reading of the old list that still runs keeps what it finds to itself.
  const auto fresh = std::make_shared<Shared>();
  {
    const std::lock_guard lock(shared_->mutex);
    for (const std::string& path : paths_) {
      const auto known = shared_->figures.find(path);
      if (known != shared_->figures.end()) fresh->figures.insert(*known);
    }
  }
  shared_ = fresh;
  if (paths_.empty()) thread_.stop();
}

void ExternalCounts::poll() {
  if (paths_.empty()) return;
  thread_.try_run([shared = shared_, paths = paths_, clock = clock_] {
    for (const std::string& path : paths) {
      // The age counts from before the read: what it brings may be as old as that.
      const std::uint64_t read_ns = clock();
      const auto value = read_external_count(path);
      if (!value) continue;
      const std::lock_guard lock(shared->mutex);
      shared->figures[path] = {*value, read_ns};
    }
  });
}

std::optional<std::uint64_t> ExternalCounts::latest(const std::string& path,
                                                    std::uint64_t now_ns) const {
  const std::lock_guard lock(shared_->mutex);
  const auto at = shared_->figures.find(path);
  if (at == shared_->figures.end()) return std::nullopt;
  const std::uint64_t read_ns = at->second.read_ns;
  // The caller's clock may be the coarse one and lag a little.
  if (now_ns > read_ns && now_ns - read_ns > kFreshNs) return std::nullopt;
  return at->second.value;
}

}  // namespace slotd::broker
