// A scribbled segment and everybody who uses one: attaching, claiming, giving back, reaping,
// recycling, the broker's watch list and its publishing. The input is a program: an image, how one
// came to it, then steps that scribble or do. Whatever the answers are, there is one, and nothing
// outside is touched.
#include <algorithm>
#include <cstring>

#include "broker/ledger/plan.hpp"
#include "broker/liveness/watch_list.hpp"
#include "slotd/snapshot.hpp"
#include "tests/fuzz/support/scribble.hpp"
#include "tests/fuzz/support/still_world.hpp"
#include "tests/fuzz/support/target.hpp"

namespace slotd::fuzz {
namespace {

constexpr int kMostSteps = 16;

SelfIdentity make_self() {
  SelfIdentity self;
  self.pid = 3;
  self.pid_ns_inode = 77;
  self.time_ns_inode = 88;
  return self;
}

/// One user of one scribbled segment.
class Session {
 public:
  Session(const GuardedSegment& segment, Input& input)
      : input_(input),
        scribbler_(segment),
        view_(segment.writable(), kCapacities, true),
        worker_(view_, make_self(), false),
        broker_(view_, make_self(), true),
        reader_(SegmentView(segment.read_only(), kCapacities, false), make_self(), false),
        watches_(broker_, {kCapacities.processes, 1}, make_hooks()) {}

  void run() {
    for (int step = 0; step < kMostSteps && !input_.empty(); ++step) {
      const auto code = input_.take<std::uint8_t>();
      constexpr auto kKinds = static_cast<std::uint8_t>(ScribbleKind::kCount);
      if (code % 2 == 0) {
        scribbler_.apply(static_cast<ScribbleKind>(code / 2 % kKinds), input_);
      } else {
        act(code / 2);
      }
    }
  }

 private:
  broker::WatchList::Hooks make_hooks() {
    return {[](std::uint32_t index, int) { return index % 2 == 0; }, [](std::uint32_t) {},
            [](const broker::ReapedSlot&) {}};
  }

  void act(std::uint8_t code) {
    switch (code % 4) {
      case 0:
        return claim();
      case 1:
        return step_slot();
      case 2:
        return tend_processes();
      default:
        return tend_ledger();
    }
  }

  void claim() {
    const auto bits = input_.take<std::uint8_t>();
    const std::string_view key = (bits & 1U) != 0 ? input_.take_text(4) : std::string_view{};
    ClaimRequest request;
    const auto cost = (bits & 2U) != 0 ? std::optional<std::uint32_t>(input_.take<std::uint16_t>())
                                       : std::nullopt;
    const auto memory = (bits & 4U) != 0
                            ? std::optional<std::uint64_t>(input_.take<std::uint32_t>())
                            : std::nullopt;
    request.request = make_request(view_, bits >> 4, cost, memory);
    request.key = {key, key.empty() ? 0 : key_fingerprint(key)};
    request.look_first = (bits & 8U) != 0;
    const ProcessRef self = worker_.find_tenant(1);
    if (input_.take<std::uint8_t>() % 4 == 0) {
      Claim(reader_, {}, request, 0, 0).look();
      return;
    }
    const ClaimResult result = Claim(worker_, self, request, input_.take<std::uint8_t>(), 1).run();
    if (!result.verdict) return;
    require(result.slot < kCapacities.slots, "an admitted claim has a slot of the table");
    held_ = {result.slot, result.word.generation(), result.nonce};
  }

  void step_slot() {
    const auto which = input_.take<std::uint8_t>();
    const std::uint32_t slot = which >> 4;
    switch (which & 7U) {
      case 0:
        static_cast<void>(activate_slot(view_, held_, 5 * kNsPerSecond));
        break;
      case 1:
        static_cast<void>(end_slot(view_, held_));
        break;
      case 2:
        static_cast<void>(release_slot(view_, held_));
        break;
      case 3: {
        const ProcessRef target = worker_.find_tenant(1 + slot % kCapacities.processes);
        const StepResult moved = transfer_slot(worker_, worker_.find_tenant(1), held_,
                                               target ? target : ProcessRef{2, 1});
        if (moved.code == Errc::kOk) held_.generation = moved.word.generation();
        break;
      }
      case 4:
        static_cast<void>(force_free_slot(view_, slot % kCapacities.slots));
        break;
      case 5: {
        const Token token{view_.segment_id(), slot, input_.take<std::uint64_t>(), which};
        static_cast<void>(check_token(view_, token));
        break;
      }
      default:
        // A reference that nobody has checked, as out of a token.
        held_ = {input_.take<std::uint32_t>(), which, input_.take<std::uint64_t>()};
        break;
    }
  }

  void tend_processes() {
    const auto which = input_.take<std::uint8_t>();
    const std::uint32_t index = 1 + (which >> 4) % kCapacities.processes;
    const ProbeMode probe = (which & 8U) != 0 ? ProbeMode::kPidfd : ProbeMode::kMarkOnly;
    switch (which & 7U) {
      case 0:
        static_cast<void>(reap_all(worker_, probe));
        break;
      case 1:
        static_cast<void>(worker_.try_recycle(index, probe));
        break;
      case 2:
        static_cast<void>(broker_.try_repair(index));
        break;
      case 3:
        broker_.clear_broker_entry();
        static_cast<void>(broker_.reserve(3));
        break;
      case 4:
        watches_.sweep();
        break;
      case 5:
        watches_.scan();
        watches_.on_exit(index);
        break;
      case 6: {
        const ProcessRef made = worker_.reserve(which);
        if (made) worker_.store_identity(made, 5, 88, 0, "fuzz");
        break;
      }
      default:
        if (const ProcessRef tenant = worker_.find_tenant(index))
          static_cast<void>(worker_.end_own_tenancy(tenant));
        break;
    }
  }

  void tend_ledger() {
    const auto which = input_.take<std::uint8_t>();
    switch (which & 3U) {
      case 0: {
        // What a broker does with a segment that it adopts.
        const broker::LedgerPlan plan =
            broker::plan_ledger(broker::Config{}, 12'000'000, broker::read_config_block(view_));
        if (plan.spec) broker::publish_config(view_, *plan.spec);
        break;
      }
      case 1: {
        const ChargeWord charge{input_.take<std::uint64_t>()};
        broker::Sample sample;
        sample.memory_used_bytes = input_.take<std::uint32_t>();
        sample.charges = {&charge, (which & 128U) != 0 ? 1U : 0U};
        broker::publish_sample(view_, sample);
        break;
      }
      case 2:
        static_cast<void>(compute_affinity(reader_.view()));
        static_cast<void>(find_type_index(reader_.view(), input_.take_text(8)));
        break;
      default:
        check_snapshot();
        break;
    }
  }

  void check_snapshot() {
    const Snapshot snapshot = read_snapshot(reader_);
    EventReader events(view_);
    for (int look = 0; look < 2; ++look) {
      for (const Event& event : events.read())
        require(event.kind < EventKind::kCount, "an event is of a kind that there is");
    }
    require(snapshot.slots.size() <= kCapacities.slots, "no more rows than slots");
    require(snapshot.processes.size() <= kCapacities.processes, "no more rows than entries");
    require(snapshot.types.size() <= kMaxTypes && snapshot.groups.size() <= kMaxGroups,
            "no more rows than types and groups");
  }

  Input& input_;
  Scribbler scribbler_;
  SegmentView view_;
  ProcessTable worker_;
  ProcessTable broker_;
  ProcessTable reader_;
  broker::WatchList watches_;
  SlotRef held_;
};

/// Somebody opens a file that holds this image: cut, or with anything in it.
void attach(const GuardedSegment& segment, Input& input, std::uint8_t how) {
  const Scribbler scribbler(segment);
  if ((how & 1U) != 0) {
    const std::string_view whole = input.take_rest();
    std::memcpy(segment.writable(), whole.data(), std::min(whole.size(), segment.bytes()));
  }
  std::uint64_t bytes = segment.bytes();
  if ((how & 2U) != 0) bytes = input.take<std::uint32_t>() % (segment.bytes() + 1);
  for (int step = 0; step < kMostSteps && !input.empty(); ++step) {
    const auto kind = input.take<std::uint8_t>() % static_cast<std::uint8_t>(ScribbleKind::kCount);
    scribbler.apply(static_cast<ScribbleKind>(kind), input);
  }
  const Validation found = validate_segment(segment.read_only(), bytes, kBootId);
  if (found.code != Errc::kOk) return;
  const std::uint64_t wanted = compute_geometry(found.capacities).total_bytes;
  require(wanted <= bytes, "a valid segment lies within the file");
  const ProcessTable reader(SegmentView(segment.read_only(), found.capacities, false), make_self(),
                            false);
  require(read_snapshot(reader).slots.size() <= found.capacities.slots, "no more rows than slots");
}

}  // namespace
}  // namespace slotd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const slotd::fuzz::GuardedSegment segment;
  slotd::fuzz::Input input(data, size);
  const auto how = input.take<std::uint8_t>();
  segment.reset(how >> 6);
  const slotd::fuzz::StillWorld world;
  if ((how & 32U) != 0) {
    slotd::fuzz::attach(segment, input, how);
  } else {
    slotd::fuzz::Session(segment, input).run();
  }
  return 0;
}
