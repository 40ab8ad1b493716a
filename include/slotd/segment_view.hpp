// A checked view of a mapped segment: private copies of the counts and addresses computed from
// them, so that nothing that another process writes can move an access out of the mapping. Works on
// any memory (tests use a heap buffer); no system calls, no allocation. Thread-safe: immutable
// after validate_segment().
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "slotd/error.hpp"
#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

using BootId = std::array<std::uint64_t, 2>;

/// Are they known to be of two boots? Zero is unknown.
inline bool is_other_boot(const BootId& a, const BootId& b) noexcept {
  return a != b && a != BootId{} && b != BootId{};
}

/// Which segment this is, beyond its path.
struct SegmentIdentity {
  std::uint64_t segment_id = 0;
  std::uint32_t layout = 0;
  std::uint64_t fingerprint = 0;
  std::uint64_t total_bytes = 0;
  BootId boot_id{};
};

class SegmentView {
 public:
  SegmentView() = default;
  /// Precondition: base is 64-byte aligned and spans compute_geometry(capacities).total_bytes.
  SegmentView(void* base, Capacities capacities, bool writable) noexcept
      : base_(static_cast<std::byte*>(base)),
        capacities_(capacities),
        geometry_(compute_geometry(capacities)),
        words_(at<std::atomic<std::uint64_t>>(SectionId::kSlotWords)),
        fingerprints_(at<std::atomic<std::uint64_t>>(SectionId::kFingerprints)),
        records_(at<SlotRecord>(SectionId::kRecords)),
        processes_(at<ProcessEntry>(SectionId::kProcesses)),
        counters_(at<CounterBlock>(SectionId::kCounters)),
        events_(at<EventRing>(SectionId::kEvents)),
        segment_id_(header().segment_id.get()),
        writable_(writable) {}

  explicit operator bool() const noexcept { return base_ != nullptr; }
  std::uint32_t slot_count() const noexcept { return capacities_.slots; }
  /// Entries are 1..process_count(); 0 is nobody.
  std::uint32_t process_count() const noexcept { return capacities_.processes; }
  std::uint64_t segment_id() const noexcept { return segment_id_; }
  /// The segment id that tokens carry: the same one through all rebuilds.
  std::uint64_t token_segment_id() const noexcept {
    const std::uint64_t first = header().token_segment_id.get();
    return first == 0 ? segment_id_ : first;
  }
  std::uint64_t total_bytes() const noexcept { return geometry_.total_bytes; }
  Capacities capacities() const noexcept { return capacities_; }
  bool writable() const noexcept { return writable_; }

  Header& header() const noexcept { return *reinterpret_cast<Header*>(base_); }

  // Indices: the caller has checked them against slot_count() and process_count(); kMaxTypes and
  // kMaxGroups are masks.
  std::atomic<std::uint64_t>& word(std::uint32_t slot) const noexcept { return words_[slot]; }
  std::atomic<std::uint64_t>* words() const noexcept { return words_; }
  std::atomic<std::uint64_t>& key_fingerprint(std::uint32_t slot) const noexcept {
    return fingerprints_[slot];
  }
  SlotRecord& record(std::uint32_t slot) const noexcept { return records_[slot]; }
  ProcessEntry& process(std::uint32_t index) const noexcept { return processes_[index]; }
  CounterBlock& counters(std::uint32_t index) const noexcept { return counters_[index]; }
  EventRing& events(std::uint32_t index) const noexcept { return events_[index]; }
  NodeRecord& node() const noexcept { return *at<NodeRecord>(SectionId::kNode); }
  ConfigBlock& config(std::uint64_t epoch) const noexcept {
    return at<ConfigBlock>(SectionId::kConfig)[epoch & 1U];
  }
  SampleBlock& sample(std::uint64_t epoch) const noexcept {
    return at<SampleBlock>(SectionId::kSamples)[epoch & 1U];
  }
  /// Charge words of one sample block, slot_count() of them.
  std::atomic<std::uint64_t>* charges(std::uint64_t epoch) const noexcept {
    return at<std::atomic<std::uint64_t>>(SectionId::kCharges) + (epoch & 1U) * capacities_.slots;
  }
  /// Bytes that the slots count by one sample block, slot_count() of them.
  std::atomic<std::uint64_t>* memory_held(std::uint64_t epoch) const noexcept {
    return at<std::atomic<std::uint64_t>>(SectionId::kMemoryHeld) +
           (epoch & 1U) * capacities_.slots;
  }
  SlotSample& slot_sample(std::uint32_t slot) const noexcept {
    return at<SlotSample>(SectionId::kSlotSamples)[slot];
  }
  /// index < kMaxWaiters.
  WaiterEntry& waiter(std::uint32_t index) const noexcept {
    return at<WaiterEntry>(SectionId::kWaiters)[index];
  }
  NameRecord& type_name(std::uint32_t type) const noexcept {
    return at<NameRecord>(SectionId::kTypeNames)[type & (kMaxTypes - 1U)];
  }
  NameRecord& group_name(std::uint32_t group) const noexcept {
    return at<NameRecord>(SectionId::kGroupNames)[group & (kMaxGroups - 1U)];
  }
  LimitOverride& limit_override(std::uint32_t type) const noexcept {
    return at<LimitOverride>(SectionId::kOverrides)[type & (kMaxTypes - 1U)];
  }

  /// The high-water mark, bounded by the table. Acquire: words below it are loaded after it.
  std::uint32_t mark() const noexcept {
    const std::uint64_t mark = header().mark.load(std::memory_order_acquire);
    return mark > capacities_.slots ? capacities_.slots : static_cast<std::uint32_t>(mark);
  }

 private:
  template <typename T>
  T* at(SectionId id) const noexcept {
    return reinterpret_cast<T*>(base_ + geometry_[id].offset);
  }

  std::byte* base_ = nullptr;
  Capacities capacities_{};
  Geometry geometry_{};
  std::atomic<std::uint64_t>* words_ = nullptr;
  std::atomic<std::uint64_t>* fingerprints_ = nullptr;
  SlotRecord* records_ = nullptr;
  ProcessEntry* processes_ = nullptr;
  CounterBlock* counters_ = nullptr;
  EventRing* events_ = nullptr;
  std::uint64_t segment_id_ = 0;
  bool writable_ = false;
};

/// What validate_segment() found; `identity` is filled as far as the preamble could be read.
struct Validation {
  Errc code = Errc::kOk;
  SegmentIdentity identity;
  Capacities capacities;
};

/// Checks the header at base against `bytes` (the size of the file and of the mapping) and the
/// running boot. Reads each field once. kNotReady: building, empty, or of an earlier boot;
/// kRetired; kLayoutMismatch; kCorrupt.
inline Validation validate_segment(const void* base, std::uint64_t bytes,
                                   const BootId& boot_id) noexcept {
  Validation result;
  const auto fail = [&](Errc code) {
    result.code = code;
    return result;
  };
  if (bytes < kHeaderBytes) return fail(bytes == 0 ? Errc::kNotReady : Errc::kCorrupt);
  const Header& header = *static_cast<const Header*>(base);
  // Acquire pairs with the creator's release store of the state, which comes after everything else.
  const std::uint64_t state = header.state.load(std::memory_order_acquire);
  const std::uint64_t magic = header.magic.get();
  result.identity.segment_id = header.segment_id.get();
  result.identity.layout = header.layout.get();
  result.identity.fingerprint = header.fingerprint.get();
  result.identity.total_bytes = header.total_bytes.get();
  result.identity.boot_id = {header.boot_id[0].get(), header.boot_id[1].get()};
  if (state == static_cast<std::uint64_t>(SegmentState::kBuilding) && magic == 0)
    return fail(Errc::kNotReady);
  if (magic != kMagic) return fail(Errc::kCorrupt);
  if (result.identity.layout != kLayout || result.identity.fingerprint != kFingerprint) {
    return fail(Errc::kLayoutMismatch);
  }
  if (is_other_boot(result.identity.boot_id, boot_id)) return fail(Errc::kNotReady);
  if (state == static_cast<std::uint64_t>(SegmentState::kBuilding)) return fail(Errc::kNotReady);
  if (state == static_cast<std::uint64_t>(SegmentState::kRetired)) return fail(Errc::kRetired);
  if (state != static_cast<std::uint64_t>(SegmentState::kReady)) return fail(Errc::kCorrupt);
  const auto section = [&](SectionId id) -> const Section& {
    return header.sections[static_cast<std::size_t>(id)];
  };
  const std::uint32_t slots = section(SectionId::kSlotWords).count.get();
  const std::uint32_t entries = section(SectionId::kProcesses).count.get();
  if (slots == 0 || slots > kMaxSlots || entries < 2 || entries > kMaxProcesses + 1)
    return fail(Errc::kCorrupt);
  result.capacities = {slots, entries - 1};
  const Geometry geometry = compute_geometry(result.capacities);
  for (std::size_t i = 0; i < static_cast<std::size_t>(SectionId::kCount); ++i) {
    const SectionRange& expected = geometry.sections[i];
    const Section& found = header.sections[i];
    if (found.offset.get() != expected.offset || found.count.get() != expected.count ||
        found.stride.get() != expected.stride) {
      return fail(Errc::kCorrupt);
    }
  }
  if (result.identity.total_bytes != geometry.total_bytes || bytes < geometry.total_bytes ||
      result.identity.segment_id == 0) {
    return fail(Errc::kCorrupt);
  }
  return result;
}

// ---- Text in the segment: NUL-padded bytes, copied word by word
// --------------------------------------------------------

template <std::size_t N>
using Text = std::array<char, N * 8>;

/// Copies a text out; the last byte is always NUL, so the result can be read as a C string whatever
/// was in the segment.
template <std::size_t N>
Text<N> load_text(const TextCells<N>& cells) noexcept {
  Text<N> text{};
  for (std::size_t i = 0; i < N; ++i) {
    const std::uint64_t word = cells.word[i].get();
    std::memcpy(text.data() + 8 * i, &word, 8);
  }
  text.back() = '\0';
  return text;
}

/// Bytes [8 * index, 8 * index + 8) of a text as a little-endian word, zero behind its end.
inline std::uint64_t text_word(std::string_view text, std::size_t index) noexcept {
  const std::size_t begin = 8 * index;
  std::uint64_t word = 0;
  if (text.size() >= begin + 8) {
    std::memcpy(&word, text.data() + begin, 8);
    return word;
  }
  for (std::size_t end = text.size(); end > begin; --end)
    word = (word << 8) | static_cast<unsigned char>(text[end - 1]);
  return word;
}

/// Writes a text, cut to what fits with its NUL; the rest is zero.
template <std::size_t N>
void store_text(TextCells<N>& cells, std::string_view value) noexcept {
  const std::string_view text = value.substr(0, N * 8 - 1);
  for (std::size_t i = 0; i < N; ++i) cells.word[i].set(text_word(text, i));
}

template <std::size_t M>
std::string_view text_view(const std::array<char, M>& text) noexcept {
  const void* end = std::memchr(text.data(), '\0', M);
  return {text.data(), end == nullptr
                           ? M
                           : static_cast<std::size_t>(static_cast<const char*>(end) - text.data())};
}

/// 64-bit fingerprint of a key, never 0. Equal fingerprints are compared byte by byte before they
/// mean anything. Eight bytes a step: byte by byte it would be a third of a claim with a key.
inline std::uint64_t key_fingerprint(std::string_view key) noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325ULL + key.size();
  for (std::size_t i = 0; 8 * i < key.size(); ++i) {
    hash = (hash ^ text_word(key, i)) * 0x9e37'79b9'7f4a'7c15ULL;
    hash ^= hash >> 32;
  }
  return hash == 0 ? 1 : hash;
}

/// A key is 1..63 bytes without NUL, and printable enough to be shown: no control bytes.
constexpr bool is_valid_key(std::string_view key) noexcept {
  if (key.empty() || key.size() >= kKeyBytes) return false;
  for (const char byte : key) {
    if (static_cast<unsigned char>(byte) < 0x20 || byte == 0x7f) return false;
  }
  return true;
}

}  // namespace slotd::inline v0_1
