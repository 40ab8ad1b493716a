// The modelled part of a segment's memory and the stand-in for std::atomic; see shim.hpp, which
// includes this behind relacy and in front of the headers. Single-threaded: relacy's threads are
// fibers.
#pragma once

namespace slotd_model {

/// One memory order of the protocol made weaker than the header has it.
enum class Weakening {
  kNone,
  kPublishFence,  ///< seq_cst fences do nothing
  kAcquireFence,  ///< acquire fences do nothing
  kReleaseFence,  ///< release fences do nothing
  kWordCas,       ///< CAS of a slot word: relaxed
  kWordLoad,      ///< load of a slot word: relaxed
  kEpochStore,    ///< release store of an epoch: relaxed
  kEpochLoad,     ///< acquire load of an epoch: relaxed
  kHazardStore,   ///< seq_cst store of a hazard: release
  kAttachCas,     ///< CAS of an attach number: acquire-release
  kAttachLoad,    ///< seq_cst load of an attach number: acquire
  kHazardClear,   ///< release store of no hazard: relaxed
  kMarkRaise,     ///< CAS of the high-water mark: relaxed
  kWaitingLoad,   ///< seq_cst load of the bits of those who wait: acquire
  kHolderLoad,    ///< seq_cst load of a waiter entry's holder: acquire
  kWalkFence,     ///< the seq_cst fence before a walk of the queue does nothing
};
inline Weakening weakening = Weakening::kNone;

/// What a modelled address is, so that weakenings find it.
enum class Role : std::uint8_t {
  kPlain,
  kWord,
  kEpoch,
  kHazard,
  kAttach,
  kMark,
  kWaiting,
  kHolder,
};

/// The addresses of one segment that change while the threads of a scenario run.
class Memory {
 public:
  /// From `records` on the bytes tell what has happened (record_layout.hpp): nothing is decided by
  /// them, so they may change without being modelled.
  void watch(void* base, std::size_t bytes, std::size_t records) {
    if (base_ == base) return;
    base_ = static_cast<char*>(base);
    records_ = records;
    bytes_ = bytes;
    index_.assign(bytes / 4, 0);
    used_.clear();
  }

  /// A new iteration: nothing is modelled yet, and the cells of the last one are gone with it.
  void begin() {
    for (const std::size_t at : used_) index_[at] = 0;
    used_.clear();
    roles_.assign(1, Role::kPlain);
    wide_.clear();
    narrow_.clear();
    running_ = false;
  }
  void run() { running_ = true; }
  bool is_running() const { return running_; }

  template <typename T>
  void model(T* address, rl::atomic<T>& cell, Role role) {
    cell.store(*address, rl::mo_relaxed, SLOTD_MODEL_INFO);
    const std::size_t at = offset_of(address) / 4;
    index_[at] = static_cast<std::uint16_t>(roles_.size());
    used_.push_back(at);
    roles_.push_back(role);
    if constexpr (sizeof(T) == 8) {
      wide_.resize(roles_.size());
      wide_.back() = &cell;
    } else {
      narrow_.resize(roles_.size());
      narrow_.back() = &cell;
    }
  }

  /// 0: not modelled.
  std::uint16_t find(const void* address) const {
    if (!running_) return 0;
    const auto at = static_cast<std::size_t>(static_cast<const char*>(address) - base_);
    return at < bytes_ ? index_[at / 4] : std::uint16_t{0};
  }
  Role role(std::uint16_t index) const { return roles_[index]; }
  template <typename T>
  rl::atomic<T>& cell(std::uint16_t index) const {
    if constexpr (sizeof(T) == 8) {
      return *wide_[index];
    } else {
      return *narrow_[index];
    }
  }
  std::size_t offset_of(const void* address) const {
    return static_cast<std::size_t>(static_cast<const char*>(address) - base_);
  }

  /// Told of every change of a slot word at its instant.
  std::function<void(const void* address, std::uint64_t before, std::uint64_t after)> on_word;

  bool is_record(const void* address) const {
    const std::size_t at = offset_of(address);
    return at >= records_ && at < bytes_;
  }

 private:
  char* base_ = nullptr;
  std::size_t records_ = 0;
  std::size_t bytes_ = 0;
  std::vector<std::uint16_t> index_;
  std::vector<std::size_t> used_;
  std::vector<Role> roles_{Role::kPlain};
  std::vector<rl::atomic<std::uint64_t>*> wide_;
  std::vector<rl::atomic<std::uint32_t>*> narrow_;
  bool running_ = false;
};
inline Memory memory;

using WideCell = rl::atomic<std::uint64_t>;
using NarrowCell = rl::atomic<std::uint32_t>;

constexpr rl::memory_order to_relacy(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return rl::mo_relaxed;
    case std::memory_order_release:
      return rl::mo_release;
    case std::memory_order_acq_rel:
      return rl::mo_acq_rel;
    case std::memory_order_seq_cst:
      return rl::mo_seq_cst;
    default:
      return rl::mo_acquire;
  }
}

inline bool is_weak(Weakening which, Role role, Role wanted) {
  return weakening == which && role == wanted;
}

inline std::memory_order load_order(Role role, std::memory_order order) {
  if (is_weak(Weakening::kWordLoad, role, Role::kWord)) return std::memory_order_relaxed;
  if (is_weak(Weakening::kEpochLoad, role, Role::kEpoch)) return std::memory_order_relaxed;
  if (is_weak(Weakening::kAttachLoad, role, Role::kAttach)) return std::memory_order_acquire;
  if (is_weak(Weakening::kWaitingLoad, role, Role::kWaiting)) return std::memory_order_acquire;
  if (is_weak(Weakening::kHolderLoad, role, Role::kHolder)) return std::memory_order_acquire;
  return order;
}
inline std::memory_order store_order(Role role, std::memory_order order, bool is_zero) {
  if (is_weak(Weakening::kEpochStore, role, Role::kEpoch)) return std::memory_order_relaxed;
  if (is_weak(Weakening::kHazardStore, role, Role::kHazard) && !is_zero)
    return std::memory_order_release;
  if (is_weak(Weakening::kHazardClear, role, Role::kHazard) && is_zero)
    return std::memory_order_relaxed;
  return order;
}
inline std::memory_order rmw_order(Role role, std::memory_order order) {
  if (is_weak(Weakening::kWordCas, role, Role::kWord)) return std::memory_order_relaxed;
  if (is_weak(Weakening::kMarkRaise, role, Role::kMark)) return std::memory_order_relaxed;
  if (is_weak(Weakening::kAttachCas, role, Role::kAttach)) return std::memory_order_acq_rel;
  return order;
}

/// What each thread touched last.
inline std::array<Role, 8> last_roles{};
inline void note_role(Role role) {
  if (memory.is_running()) last_roles[rl::ctx().threadx_->index_ % last_roles.size()] = role;
}

inline void fence(std::memory_order order) {
  if (!memory.is_running()) return;
  const Role behind = last_roles[rl::ctx().threadx_->index_ % last_roles.size()];
  // The other such fence follows a change of a word or of the mark.
  const bool is_of_claim = behind == Role::kWord || behind == Role::kMark;
  if (order == std::memory_order_seq_cst && weakening == Weakening::kWalkFence && !is_of_claim)
    return;
  if (order == std::memory_order_seq_cst && weakening == Weakening::kPublishFence) return;
  if (order == std::memory_order_acquire && weakening == Weakening::kAcquireFence) return;
  if (order == std::memory_order_release && weakening == Weakening::kReleaseFence) return;
  rl::atomic_thread_fence(to_relacy(order), SLOTD_MODEL_INFO);
}

/// C++ [atomics.order]: a load behind a seq_cst fence sees a seq_cst change that came before the
/// fence, or a later one. Relacy knows this of two fences only; here the change is noted for the
/// fences to come. The noted clock is that of the changing thread, so its earlier stores become
/// visible with it: a little stronger than the standard, for readers behind a seq_cst fence alone.
inline void note_seq_cst_change(std::memory_order order) {
  if (order != std::memory_order_seq_cst) return;
  const rl::thread_info_base& self = *rl::ctx().threadx_;
  rl::timestamp_t& noted = rl::ctx().seq_cst_fence_order_[self.index_];
  noted = std::max(noted, self.own_acq_rel_order_);
}

/// CLOCK_MONOTONIC stands, or jumps by more than any bound: time may pass at any moment. The coarse
/// clock stands.
inline std::uint64_t clock_ns = 0;
inline int read_clock(clockid_t id, timespec* now) {
  if (id == CLOCK_MONOTONIC && memory.is_running() && rl::rand(4) == 0) clock_ns += 1'000'000;
  now->tv_sec = 1000;
  now->tv_nsec = static_cast<long>(id == CLOCK_MONOTONIC ? clock_ns : 0);
  return 0;
}

}  // namespace slotd_model

inline int model_clock_gettime(clockid_t id, timespec* now) {
  return slotd_model::read_clock(id, now);
}

namespace std {

/// Stands for std::atomic: the same size, the same operations.
template <typename T>
struct model_atomic {
  T value_in_place;

  static constexpr bool is_always_lock_free = true;

  T load(memory_order order = memory_order_seq_cst) const {
    const auto at = slotd_model::memory.find(this);
    if constexpr (is_modelled) {
      if (at != 0) {
        slotd_model::note_role(slotd_model::memory.role(at));
        order = slotd_model::load_order(slotd_model::memory.role(at), order);
        return slotd_model::memory.cell<T>(at).load(slotd_model::to_relacy(order),
                                                    SLOTD_MODEL_INFO);
      }
    }
    return value_in_place;
  }

  void store(T value, memory_order order = memory_order_seq_cst) {
    const auto at = slotd_model::memory.find(this);
    if constexpr (is_modelled) {
      if (at != 0) {
        order = slotd_model::store_order(slotd_model::memory.role(at), order, value == 0);
        slotd_model::memory.cell<T>(at).store(value, slotd_model::to_relacy(order),
                                              SLOTD_MODEL_INFO);
        slotd_model::note_seq_cst_change(order);
        return;
      }
    }
    change(value);
  }

  bool compare_exchange_strong(T& expected, T desired, memory_order order = memory_order_seq_cst) {
    const auto at = slotd_model::memory.find(this);
    if constexpr (is_modelled) {
      if (at != 0) {
        const slotd_model::Role role = slotd_model::memory.role(at);
        const T before = expected;
        slotd_model::note_role(role);
        order = slotd_model::rmw_order(role, order);
        const bool done = slotd_model::memory.cell<T>(at).compare_exchange_strong(
            expected, desired, slotd_model::to_relacy(order), SLOTD_MODEL_INFO);
        if (done) slotd_model::note_seq_cst_change(order);
        if (done && role == slotd_model::Role::kWord)
          slotd_model::memory.on_word(this, before, desired);
        return done;
      }
    }
    if (value_in_place != expected) {
      expected = value_in_place;
      return false;
    }
    change(desired);
    return true;
  }
  bool compare_exchange_weak(T& expected, T desired, memory_order order = memory_order_seq_cst) {
    return compare_exchange_strong(expected, desired, order);
  }

  T exchange(T value, memory_order order = memory_order_seq_cst) {
    T before = load(memory_order_relaxed);
    while (!compare_exchange_strong(before, value, order)) {
    }
    return before;
  }
  T fetch_or(T bits, memory_order order = memory_order_seq_cst) {
    T before = load(memory_order_relaxed);
    while (!compare_exchange_strong(before, static_cast<T>(before | bits), order)) {
    }
    return before;
  }
  T fetch_and(T bits, memory_order order = memory_order_seq_cst) {
    T before = load(memory_order_relaxed);
    while (!compare_exchange_strong(before, static_cast<T>(before & bits), order)) {
    }
    return before;
  }
  T fetch_add(T more, memory_order order = memory_order_seq_cst) {
    T before = load(memory_order_relaxed);
    while (!compare_exchange_strong(before, static_cast<T>(before + more), order)) {
    }
    return before;
  }

 private:
  static constexpr bool is_modelled =
      std::is_same_v<T, std::uint64_t> || std::is_same_v<T, std::uint32_t>;

  void change(T value) {
    if (slotd_model::memory.is_running() && value_in_place != value &&
        !slotd_model::memory.is_record(this)) {
      std::fprintf(stderr, "model: the cell at offset %zu changes and is not modelled\n",
                   slotd_model::memory.offset_of(this));
      std::abort();
    }
    value_in_place = value;
  }
};

inline void model_thread_fence(memory_order order) { slotd_model::fence(order); }
inline void model_signal_fence(memory_order) {}

}  // namespace std
