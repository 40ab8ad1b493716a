#include "tests/bench/bench_segment.hpp"

#include <fcntl.h>
#include <sys/random.h>
#include <unistd.h>

#include <stdexcept>
#include <system_error>
#include <vector>

#include "broker/ledger/publish.hpp"
#include "broker/segment/format.hpp"
#include "slotd/clock.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/segment.hpp"

namespace slotd::bench {

namespace {

broker::LedgerSpec make_spec(const SegmentPlan& plan) {
  constexpr std::uint32_t kAmple = 1'000'000;  // never the reason of a refusal
  broker::LedgerSpec spec;
  broker::LedgerType plain;
  plain.name = kPlainType;
  plain.limit = plan.plain_limit;
  plain.base = 0;
  plain.cost_milli = kPlainCostMilli;
  broker::LedgerType grouped;
  grouped.name = kGroupedType;
  grouped.limit = kAmple;
  grouped.base = 1;
  grouped.cost_milli = 4000;
  spec.types = {plain, grouped};
  broker::LedgerGroup web;
  web.name = "web";
  web.limit = kAmple;
  web.weights[1] = 1;
  broker::LedgerGroup pulse;
  pulse.name = "pulse";
  pulse.limit = kAmple;
  pulse.weights[1] = 4;
  spec.groups = {web, pulse};
  spec.capacity_micro = std::uint64_t{kAmple} * 1'000'000U;
  spec.budget_micro = spec.capacity_micro / 10 * 8;
  spec.memory_max_bytes = plan.memory_max_bytes;
  return spec;
}

}  // namespace

BenchSegment::BenchSegment(const SegmentPlan& plan)
    : fd_(::open("/dev/shm", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600)) {
  if (fd_ < 0) throw std::system_error(errno, std::generic_category(), "/dev/shm");
  const Capacities capacities{plan.slots, 128};
  const auto bytes = static_cast<off_t>(compute_geometry(capacities).total_bytes);
  if (const int error = ::posix_fallocate(fd_, 0, bytes); error != 0) {
    ::close(fd_);
    throw std::system_error(error, std::generic_category(), "/dev/shm: room for a segment");
  }
  const OpenedSegment mapped = map_segment_file(path(), Access::kReadWrite);
  if (mapped.code != Errc::kOk) {
    ::close(fd_);
    throw std::runtime_error(mapped.detail);
  }
  broker::FormatIdentity identity;
  if (::getrandom(&identity.segment_id, sizeof(identity.segment_id), 0) < 0)
    identity.segment_id = monotonic_ns();
  identity.segment_id |= 1U;
  identity.boot_id = read_boot_id();
  identity.creator_pid = static_cast<std::uint32_t>(::getpid());
  identity.created_at_ns = monotonic_ns();
  identity.version = "bench";
  broker::format_segment(mapped.base, capacities, identity);
  view_ = SegmentView(mapped.base, capacities, true);
  broker::publish_config(view_, make_spec(plan));
  broker::publish_sample(view_, {});
  broker::open_for_business(mapped.base);
}

BenchSegment::~BenchSegment() { ::close(fd_); }

std::string BenchSegment::path() const { return "/proc/self/fd/" + std::to_string(fd_); }

void BenchSegment::publish_charges() const {
  std::vector<ChargeWord> charges(view_.slot_count());
  for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
    const SlotWord word{view_.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    charges[slot] =
        ChargeWord::make(word.generation(), ChargeWord::kValid | ChargeWord::kMeasured, 1'500'000);
  }
  broker::Sample sample;
  sample.sampled_at_ns = monotonic_ns();
  sample.charges = charges;
  broker::publish_sample(view_, sample);
}

}  // namespace slotd::bench
