#include "broker/host/pss_reader.hpp"

#include <algorithm>
#include <mutex>
#include <utility>

#include "broker/host/proc_parse.hpp"
#include "broker/host/read_text.hpp"

namespace slotd::broker {

namespace {
constexpr std::uint64_t kGoodForSamples = 3;
}

struct PssReader::Shared {
  std::mutex mutex;
  std::vector<Figure> figures;
  std::uint64_t figures_of = 0;
};

PssReader::PssReader(std::string root)
    : root_(std::move(root)), shared_(std::make_shared<Shared>()) {}

PssReader::~PssReader() = default;

void PssReader::ask(std::vector<Process> processes) {
  ++asked_;
  thread_.try_run([shared = shared_, root = root_, asked = asked_, all = std::move(processes)] {
    std::vector<Figure> figures;
    for (const Process& process : all) {
      const auto text = read_text(root + "/proc/" + std::to_string(process.pid) + "/smaps_rollup");
      const auto bytes = text ? parse_pss_bytes(*text) : std::nullopt;
      if (bytes) figures.push_back({process.pid, process.start_ticks, *bytes});
    }
    std::sort(figures.begin(), figures.end(),
              [](const Figure& a, const Figure& b) { return a.pid < b.pid; });
    const std::lock_guard lock(shared->mutex);
    shared->figures = std::move(figures);
    shared->figures_of = asked;
  });
}

void PssReader::collect() {
  const std::lock_guard lock(shared_->mutex);
  if (shared_->figures_of <= figures_of_) return;
  figures_ = std::move(shared_->figures);
  figures_of_ = shared_->figures_of;
}

std::optional<std::uint64_t> PssReader::latest(int pid, std::uint64_t start_ticks) const {
  if (figures_of_ + kGoodForSamples <= asked_) return std::nullopt;
  const auto at =
      std::lower_bound(figures_.begin(), figures_.end(), pid,
                       [](const Figure& figure, int wanted) { return figure.pid < wanted; });
  if (at == figures_.end() || at->pid != pid || at->start_ticks != start_ticks) return std::nullopt;
  return at->bytes;
}

}  // namespace slotd::broker
