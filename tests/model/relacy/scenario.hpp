// What the scenarios share: a tiny real segment, which of its cells are modelled, and an observer
// who sees every change of a slot word at its instant. Included behind shim.hpp.
#pragma once

#include "broker/ledger/publish.cpp"  // the broker's own code, under the shim like the headers
#include "broker/segment/format.cpp"
#include "slotd/claim.hpp"
#include "slotd/ledger.hpp"
#include "slotd/process_table.hpp"
#include "slotd/scan.hpp"
#include "slotd/slot_table.hpp"

namespace slotd::model {

inline constexpr Capacities kCapacities{3, 4};
inline constexpr std::uint32_t kProcesses = 4;  ///< entry 4 is a broker's

/// The segment, laid anew for every iteration from an image.
class Stage {
 public:
  Stage() : bytes_(compute_geometry(kCapacities).total_bytes) {
    base_ = std::aligned_alloc(4096, bytes_);
  }

  /// One type that costs a core, with this limit; `slots` words may be used, the others are held
  /// for ever.
  static broker::LedgerSpec make_spec(std::uint32_t limit) {
    broker::LedgerSpec spec;
    broker::LedgerType type;
    type.name = "job";
    type.limit = limit;
    type.cost_milli = 1000;
    spec.types = {type};
    spec.idle_rule = false;
    spec.capacity_micro = 100'000'000;
    spec.budget_micro = 100'000'000;
    return spec;
  }

  void make(const broker::LedgerSpec& spec) {
    std::memset(base_, 0, bytes_);
    broker::format_segment(base_, kCapacities, {0x1234, {1, 2}, 1, 1, "model"});
    broker::publish_config(view(), spec);
    broker::publish_config(view(),
                           spec);  // both blocks alike, so that only differences are modelled
    broker::publish_sample(view(), {});
    broker::publish_sample(view(), {});
    broker::open_for_business(base_);
    for (std::uint32_t index = 1; index < kProcesses; ++index) attach(index);
    // The clock of the model stands: what is stamped with it does not change.
    for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot)
      view().record(slot).claimed_at_ns.set(processes().clock().coarse_ns());
  }
  void keep() { image_.assign(static_cast<char*>(base_), static_cast<char*>(base_) + bytes_); }
  void lay() const { std::memcpy(base_, image_.data(), bytes_); }
  bool is_kept() const { return !image_.empty(); }

  void* base() const { return base_; }
  std::uint64_t bytes() const { return bytes_; }
  SegmentView view() const { return {base_, kCapacities, true}; }
  ProcessTable processes() const {
    SelfIdentity self;  // of no PID namespace: nobody is judged by pid
    self.pid = 1;
    return {view(), self, false};
  }

 private:
  void attach(std::uint32_t index) const {
    const ProcessRef made = processes().reserve(100 + index);
    view().process(made.index).presence.store(make_presence(made.attach, 4242));
  }

  std::uint64_t bytes_;
  void* base_;
  std::vector<char> image_;
};

/// Sees the newest value of every slot word, which no thread of a scenario does.
struct Observer {
  std::array<SlotWord, kCapacities.slots> words{};
  std::array<std::string, kCapacities.slots> keys;
  std::array<bool, kProcesses + 1> dead{};
  std::array<bool, 4> in_claim{};
  std::array<bool, 4> saw_full{};
  std::array<bool, 4> saw_key{};
  std::uint32_t limit = kNoLimit;

  std::uint32_t count_held(bool living_only) const {
    std::uint32_t held = 0;
    for (const SlotWord word : words)
      held += word.is_held() && !(living_only && dead[word.owner()]) ? 1U : 0U;
    return held;
  }
  bool is_held_with(const std::string& key) const {
    for (std::size_t slot = 0; slot < words.size(); ++slot) {
      if (words[slot].is_held() && !dead[words[slot].owner()] && keys[slot] == key) return true;
    }
    return false;
  }
  /// What a claim in progress could truly have seen at this instant.
  void look() {
    RL_ASSERT(count_held(false) <= limit);
    for (std::size_t i = 0; i < in_claim.size(); ++i) {
      if (!in_claim[i]) continue;
      saw_full[i] = saw_full[i] || count_held(true) >= limit;
      saw_key[i] = saw_key[i] || is_held_with("K");
    }
  }
  void die(std::uint32_t process) {
    dead[process] = true;
    look();
  }
};

template <typename Derived, unsigned kThreads>
struct Scenario : rl::test_suite<Derived, kThreads> {
  void before() {
    Stage& stage = Derived::stage();
    const Geometry geometry = compute_geometry(stage.view().capacities());
    static_assert(static_cast<int>(SectionId::kEvents) + 2 == static_cast<int>(SectionId::kCount),
                  "the records are the last sections");
    slotd_model::memory.watch(stage.base(), stage.bytes(), geometry[SectionId::kEvents].offset);
    slotd_model::memory.begin();
    slotd_model::clock_ns = 0;
    if (!stage.is_kept()) {
      Derived::prepare(stage);
      stage.keep();
    }
    stage.lay();
    view = stage.view();
    for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot)
      observer.words[slot] = SlotWord{view.word(slot).load()};
    slotd_model::memory.on_word = [this](const void* address, std::uint64_t, std::uint64_t after) {
      const auto slot = static_cast<std::uint32_t>(
          static_cast<const std::atomic<std::uint64_t>*>(address) - view.words());
      observer.words[slot] = SlotWord{after};
      observer.look();
    };
    static_cast<Derived*>(this)->model_cells();
    observer.saw_full.fill(observer.count_held(true) >= observer.limit);
    slotd_model::memory.run();
  }
  void after() {
    static_cast<Derived*>(this)->check();
    slotd_model::memory.begin();
  }

  void model(std::atomic<std::uint64_t>& cell, slotd_model::Role role = slotd_model::Role::kPlain) {
    wide.emplace_back();
    slotd_model::memory.model(&cell.value_in_place, wide.back(), role);
  }
  template <typename T>
  void model(Cell<T>& cell) {
    if constexpr (sizeof(T) == 8) {
      wide.emplace_back();
      slotd_model::memory.model(&cell.value.value_in_place, wide.back(), slotd_model::Role::kPlain);
    } else {
      narrow.emplace_back();
      slotd_model::memory.model(&cell.value.value_in_place, narrow.back(),
                                slotd_model::Role::kPlain);
    }
  }
  /// The words [0, count), what a claim writes beside them, and the mark.
  void model_slots(std::uint32_t count) {
    for (std::uint32_t slot = 0; slot < count; ++slot) {
      model(view.word(slot), slotd_model::Role::kWord);
      model(view.record(slot).nonce);
    }
    model(view.header().mark, slotd_model::Role::kMark);
  }
  void model_fields(std::uint32_t slot) {
    model(view.record(slot).key.word[0]);
    model(view.record(slot).memory_bytes);
    model(view.key_fingerprint(slot));
  }
  void model_entry(std::uint32_t index) {
    ProcessEntry& entry = view.process(index);
    model(entry.reservation);
    model(entry.attach, slotd_model::Role::kAttach);
    model(entry.presence);
    model(entry.marked);
    model(entry.gone);
  }

  ProcessRef process(std::uint32_t index) const { return {index, 1}; }

  /// One claim by a process; `thread` names it to the observer.
  ClaimResult claim(unsigned thread, std::uint32_t index, std::string_view key = {},
                    bool look_first = false, std::uint32_t hint = 0) {
    const ProcessTable processes = Derived::stage().processes();
    ClaimRequest request;
    request.request = make_request(view, 0);
    request.key = {key, key.empty() ? 0 : key_fingerprint(key)};
    request.look_first = look_first;
    observer.in_claim[thread] = true;
    // A claim that only looks has no barrier of its own: what it sees may be older than its call,
    // though never older than what the caller knew. The threads of a scenario know nothing of each
    // other.
    if (!look_first) observer.saw_full[thread] = observer.saw_key[thread] = false;
    observer.look();
    const ClaimResult result = Claim(processes, process(index), request, hint, index).run();
    observer.in_claim[thread] = false;
    if (result.verdict.reason == Reason::kTypeLimit) RL_ASSERT(observer.saw_full[thread]);
    if (result.verdict.reason == Reason::kDuplicateKey) RL_ASSERT(observer.saw_key[thread]);
    return result;
  }
  void release(const ClaimResult& job) {
    const StepResult done = release_slot(view, {job.slot, job.word.generation(), job.nonce});
    RL_ASSERT(done.code == Errc::kOk);
  }

  SegmentView view;
  Observer observer;
  std::list<slotd_model::WideCell> wide;
  std::list<slotd_model::NarrowCell> narrow;
};

}  // namespace slotd::model
