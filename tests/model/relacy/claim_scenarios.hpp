// Claims against claims, releases and keys. Included behind shim.hpp.
#pragma once

#include "tests/model/relacy/scenario.hpp"

namespace slotd::model {

/// Claimants for fewer rooms than there are of them: the limit holds, and whoever is told
/// `type_limit` was told the truth. With equal claims nobody is left over while a room is free.
template <unsigned kClaimants, std::uint32_t kLimit>
struct LastRoom : Scenario<LastRoom<kClaimants, kLimit>, kClaimants> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) { stage.make(Stage::make_spec(kLimit)); }
  void model_cells() {
    this->observer.limit = kLimit;
    this->model_slots(kClaimants);
  }
  void thread(unsigned index) { this->claim(index, index + 1); }
  void check() { RL_ASSERT(this->observer.count_held(false) == kLimit); }
};

/// Claimants that start at different words, as hints have it.
struct LastRoomHints : Scenario<LastRoomHints, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) {
    stage.make(Stage::make_spec(1));
    stage.view().header().mark.store(2);
  }
  void model_cells() {
    observer.limit = 1;
    model_slots(2);
  }
  void thread(unsigned index) { claim(index, index + 1, {}, false, 1 - index); }
  void check() { RL_ASSERT(observer.count_held(false) == 1); }
};

/// One gives its slot back while two others claim, and who wins gives back as well.
struct HandBack : Scenario<HandBack, 3> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static inline ClaimResult first;
  static void prepare(Stage& stage) {
    stage.make(Stage::make_spec(1));
    const ProcessTable processes = stage.processes();
    ClaimRequest request;
    request.request = make_request(stage.view(), 0);
    first = Claim(processes, {1, 1}, request, 0, 1).run();
  }
  void model_cells() {
    observer.limit = 1;
    model_slots(3);
  }
  void thread(unsigned index) {
    if (index == 0) return release(first);
    const ClaimResult job = claim(index, index + 1, {}, index == 2);
    if (job.verdict) release(job);
  }
  void check() { RL_ASSERT(observer.count_held(false) == 0); }
};

/// One key, claimed twice: held once at most, and `duplicate_key` is the truth.
struct SameKey : Scenario<SameKey, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) { stage.make(Stage::make_spec(3)); }
  void model_cells() {
    observer.limit = 3;
    model_slots(3);
    for (std::uint32_t slot = 0; slot < 3; ++slot) model_fields(slot);
  }
  void thread(unsigned index) {
    // The observer knows both words by their key: whoever holds one here holds this key.
    observer.keys = {"K", "K", "K"};
    const ClaimResult job = claim(index, index + 1, "K");
    held += job.verdict ? 1 : 0;
    RL_ASSERT(held <= 1);
    if (!job.verdict || index != 0) return;
    --held;
    release(job);
  }
  void check() {}
  int held = 0;
};

/// A reader beside two claims of one slot with different fields: what it believes belongs to one
/// claim.
struct RecordReuse : Scenario<RecordReuse, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static inline ClaimResult first;
  static void prepare(Stage& stage) {
    stage.make(Stage::make_spec(3));
    const ProcessTable processes = stage.processes();
    ClaimRequest request;
    request.request = make_request(stage.view(), 0);
    request.key = {"1", key_fingerprint("1")};
    first = Claim(processes, {1, 1}, request, 0, 1).run();
  }
  void model_cells() {
    observer.limit = 3;
    model_slots(1);
    model_fields(0);
  }
  void thread(unsigned index) {
    if (index == 1) {
      read();
      return read();
    }
    release(first);
    const ClaimResult job = claim(0, 1, "2");
    RL_ASSERT(job.verdict && job.slot == 0 && job.word.generation() == 2);
  }
  void read() {
    const SlotWord word{view.word(0).load(std::memory_order_acquire)};
    if (!word.is_held()) return;
    const auto key = load_text(view.record(0).key);
    const std::uint64_t nonce = view.record(0).nonce.get();
    const std::uint64_t fingerprint = view.key_fingerprint(0).load(std::memory_order_relaxed);
    if (!is_record_of(view, 0, word, RecordTrust::kCertain)) return;
    const std::string expected(1, static_cast<char>('0' + word.generation()));
    RL_ASSERT(text_view(key) == expected);
    RL_ASSERT(fingerprint == key_fingerprint(expected));
    RL_ASSERT(nonce ==
              make_nonce(1, word.with_state(SlotState::kTentative), 0, 1000 * kNsPerSecond));
  }
  void check() {}
};

}  // namespace slotd::model
