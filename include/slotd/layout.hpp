// The layout of a slotd segment. This header is the specification: offsets, who writes each field,
// when, and with which memory order. It makes no system call and allocates nothing; segment.hpp
// maps, segment_view.hpp checks and hands out.
//
// clang-format off
//   offset 0  Header             4096 bytes; identity, section table, the control line
//             ConfigBlock x 2    limits, weights, costs, budget; the broker fills the idle one and flips config_epoch
//             TypeName x 32      append-only: an index belongs to its name for the segment's life
//             GroupName x 16     likewise
//             LimitOverride x 32 operator words, effective without the broker
//             slot words         8 bytes each, dense: scanned by every claim
//             fingerprints       8 bytes each, dense: scanned by claims that carry a key
//             SlotRecord         one a slot: key, memory cost, nonce, times
//             SampleBlock x 2    heartbeat, memory used, mark; filled and flipped like the config blocks
//             charge words       x 2: what each slot is charged
//             memory words       x 2: what each slot counts of memory
//             SlotSample         one a slot: what the broker measured, for display and notices
//             ProcessEntry       one a process, entry 0 unused (owner 0 means nobody)
//             CounterBlock       one a process
//             WaiterEntry        one a claim that waits
//             EventRing          one a process
//             NodeRecord         one: rare counts, histograms, events of no process
// clang-format on
//
// Rules
// - Zero means free, absent or not yet; a zero-filled file of the right size is a segment that is
// being made.
// - Little-endian, 64-bit, 4096-byte pages; anything else has another fingerprint and is refused.
// - No pointers. Indices are checked against private copies of the counts before use.
// - Every field is a lock-free atomic. `Cell` fields are read and written relaxed: what orders them
// is named with each record.
// - Processes that write often never share a 64-byte line, the two dense arrays apart.
// - kLayout changes when a size, an offset, an order or a *rule* changes: the algorithm is inlined
// into every worker.
//
// Crash behaviour: each record says which word makes it valid; a writer killed before that word
// leaves garbage that nobody reads.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "slotd/slot_word.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kMagic = 0x4745'5344'544f'4c53ULL;  // "SLOTDSEG" in memory order
inline constexpr std::uint32_t kLayout = 4;
inline constexpr std::uint32_t kMaxTypes = 32;
inline constexpr std::uint32_t kMaxGroups = 16;
inline constexpr std::uint32_t kMaxAliases = 32;
inline constexpr std::uint32_t kMaxSlots = 4096;
inline constexpr std::uint32_t kMaxProcesses = 1023;
inline constexpr std::uint32_t kNoLimit = 0xffff'ffffU;
inline constexpr std::uint32_t kNobody = 0;
inline constexpr std::size_t kNameBytes =
    56;  ///< type, group and alias names, NUL-padded, at most 55 bytes
inline constexpr std::size_t kKeyBytes = 64;  ///< keys, NUL-padded, at most 63 bytes
inline constexpr std::size_t kHeaderBytes = 4096;
inline constexpr std::size_t kLine = 64;

/// An atomic that is only ever read and written relaxed. Ordering comes from the word that
/// publishes the record it is in.
template <typename T>
struct Cell {
  std::atomic<T> value;

  T get() const noexcept { return value.load(std::memory_order_relaxed); }
  void set(T v) noexcept { value.store(v, std::memory_order_relaxed); }
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free &&
              std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(sizeof(Cell<std::uint64_t>) == 8 && sizeof(Cell<std::uint32_t>) == 4);

/// NUL-padded text of at most 8*N-1 bytes, copied word by word.
template <std::size_t N>
struct TextCells {
  Cell<std::uint64_t> word[N];
};
using NameCells = TextCells<kNameBytes / 8>;
using KeyCells = TextCells<kKeyBytes / 8>;

/// Where a section lies. Written by the creator before the state word.
struct Section {
  Cell<std::uint64_t> offset;
  Cell<std::uint32_t> count;
  Cell<std::uint32_t> stride;
};

enum class SectionId : std::uint32_t {
  kConfig,
  kTypeNames,
  kGroupNames,
  kOverrides,
  kSlotWords,
  kFingerprints,
  kRecords,
  kSamples,
  kCharges,
  kMemoryHeld,
  kSlotSamples,
  kProcesses,
  kCounters,
  kWaiters,
  kEvents,
  kNode,
  kCount
};
inline constexpr std::size_t kSectionSlots = 16;  ///< room in the table; unused ones are zero
static_assert(static_cast<std::size_t>(SectionId::kCount) <= kSectionSlots);

/// Header::state. Anything else is corruption.
enum class SegmentState : std::uint64_t { kBuilding = 0, kReady = 1, kRetired = 2 };

/// Header::drain. Bits 0..31: a type is drained; then reasons that drain all of them. The place of
/// the word and kDrainAll are frozen for all layouts, as the preamble is: `slotd --retire`.
inline constexpr std::uint64_t kDrainAll = 1ULL << 32;  ///< operator
inline constexpr std::uint64_t kDrainRebuild =
    1ULL << 33;  ///< broker, after a rebuild, until holders have re-asserted; anybody may clear it
                 ///< kLongestSettlingNs after the segment was made: the broker may have died
inline constexpr std::uint64_t kLongestSettlingNs = 5'000'000'000;

/// Header::reload_result: what has become of the last reload that was asked for.
enum class ReloadResult : std::uint64_t {
  kReloaded = 0,
  kInvalidFile = 1,      ///< or one that cannot hold on this node
  kNeedsNewSegment = 2,  ///< a key changed that is fixed for the segment's life
  kRebuilding = 3,       ///< the segment was lost: to be asked again in the new one
};

struct Header {
  // Preamble: frozen for all layouts, so that any two builds can name each other. Written once by
  // the creator.
  Cell<std::uint64_t> magic;
  Cell<std::uint32_t> layout;
  Cell<std::uint32_t> header_bytes;
  Cell<std::uint64_t> fingerprint;
  Cell<std::uint64_t> total_bytes;
  Cell<std::uint64_t> segment_id;   ///< random, never 0
  Cell<std::uint64_t> boot_id[2];   ///< of the boot that made it
  Cell<std::uint32_t> state_shift;  ///< where the state lies in a slot word and which values are
                                    ///< free, for other layouts
  Cell<std::uint32_t> state_mask;
  // 64
  TextCells<4> version;               ///< of the broker that runs or ran last; broker, at start
  Cell<std::uint64_t> created_at_ns;  ///< host CLOCK_MONOTONIC
  Cell<std::uint32_t> creator_pid;
  Cell<std::uint32_t> reserved0;
  Cell<std::uint64_t> token_segment_id;  ///< that tokens name: of the first segment of which this
                                         ///< is a rebuild, 0 = its own. Creator, before the state
  Cell<std::uint64_t> reserved4;
  // 128
  Section sections[kSectionSlots];
  // 384: control line, read by every claim, written rarely.
  alignas(kLine) std::atomic<std::uint64_t> state;  ///< SegmentState. Creator: last, release.
                                                    ///< Broker: kRetired, release.
  std::atomic<std::uint64_t>
      config_epoch;  ///< broker: release store after filling block (epoch & 1)
  std::atomic<std::uint64_t> sample_epoch;  ///< likewise for the sample blocks
  std::atomic<std::uint64_t> drain;         ///< operators and the broker: RMW, seq_cst
  std::atomic<std::uint64_t>
      broker;  ///< entry index << 54 | attach number of the live broker; broker: release
  std::atomic<std::uint64_t> waiting;  ///< bit g: one of the waiter entries [g * kWaiterGroup, ...)
                                       ///< may be in use; waiters, RMW, seq_cst
  Cell<std::uint64_t> reserved1[2];
  // 448: the high-water mark, written by claimers that use a slot for the first time.
  alignas(kLine) std::atomic<std::uint64_t> mark;  ///< one above the highest index ever taken; RMW,
                                                   ///< never lowered
  std::atomic<std::uint64_t> tickets;              ///< given to waiters so far; RMW
  Cell<std::uint64_t> reserved2[6];
  // 512: reload requests (slotctl: RMW; broker: result, then acked with release).
  alignas(kLine) std::atomic<std::uint64_t> reload_requested;
  std::atomic<std::uint64_t> reload_acked;
  std::atomic<std::uint64_t> reload_result;
  Cell<std::uint64_t> reserved3[5];
};

/// Limits and costs of one type inside a config block.
struct TypeConfig {
  static constexpr std::uint32_t kKnown = 1;    ///< configured now
  static constexpr std::uint32_t kRetired = 2;  ///< was configured: refused, still counted

  Cell<std::uint32_t> flags;
  Cell<std::uint32_t> limit;  ///< kNoLimit for none; of the base type where `base` is another type
  Cell<std::uint32_t> base;   ///< index of the type whose limit it shares; itself for most
  Cell<std::uint32_t> family_mask;  ///< types that count against `limit`, itself included
  Cell<std::uint32_t> group_mask;   ///< groups in which it has a weight
  Cell<std::uint32_t> cost_milli;
  Cell<std::uint32_t> minimum;  ///< slots below which it is sure of CPU and of its groups
  Cell<std::uint32_t> reserved;
  Cell<std::uint64_t> memory_bytes;
  Cell<std::uint64_t> reserved1[3];
};

struct GroupConfig {
  static constexpr std::uint32_t kKnown = 1;
  static constexpr std::uint32_t kRetired = 2;

  Cell<std::uint32_t> flags;
  Cell<std::uint32_t> limit;  ///< kNoLimit for none
  Cell<std::uint32_t>
      uniform_weight;               ///< the weight of all members where it is the same one, else 0
  Cell<std::uint32_t> member_mask;  ///< types with a weight
  Cell<std::uint32_t> weights[kMaxTypes];
  Cell<std::uint64_t> reserved[6];
};

struct AliasConfig {
  NameCells name;            ///< empty: unused
  Cell<std::uint64_t> type;  ///< index
};

/// How charges are made; ConfigBlock::charge_mode.
enum class ChargeMode : std::uint32_t { kMax = 0, kMeasured = 1, kReserved = 2 };
/// How affinity is reported; ConfigBlock::affinity.
enum class AffinityMode : std::uint32_t { kConsolidate = 0, kSpread = 1 };

/// All limits in force. Two of them; block (config_epoch & 1) is the valid one. Written by the
/// broker alone, the idle block only, relaxed, after a release fence; published by the release
/// store of config_epoch.
struct ConfigBlock {
  Cell<std::uint32_t> type_count;  ///< indices below it have names
  Cell<std::uint32_t> group_count;
  Cell<std::uint32_t> idle_rule;    ///< 0 or 1
  Cell<std::uint32_t> charge_mode;  ///< ChargeMode
  Cell<std::uint32_t> affinity;     ///< AffinityMode
  Cell<std::uint32_t> hold_ms;
  Cell<std::uint32_t> sample_interval_ms;
  Cell<std::uint32_t> overtake_window_ms;
  Cell<std::uint32_t> turn_ms;
  Cell<std::uint32_t> alias_count;
  Cell<std::uint32_t> minimum_mask;  ///< configured types whose minimum is not 0
  Cell<std::uint32_t> reserved0;
  Cell<std::uint64_t> capacity_micro;
  Cell<std::uint64_t> budget_micro;
  Cell<std::uint64_t> memory_max_bytes;  ///< 0 = off
  Cell<std::uint64_t> memory_headroom_bytes;
  Cell<std::uint64_t> reserved1[6];
  TypeConfig types[kMaxTypes];
  GroupConfig groups[kMaxGroups];
  AliasConfig aliases[kMaxAliases];
};

/// A name, written once by the broker before the config epoch that first uses its index.
struct NameRecord {
  NameCells name;
  Cell<std::uint64_t> reserved;
};

/// An operator's word for one type: 0 = none, else limit + 1 (kNoLimit allowed). Any writer,
/// seq_cst store.
struct alignas(kLine) LimitOverride {
  std::atomic<std::uint64_t> word;
  Cell<std::uint64_t> reserved[7];
};

/// The description of the job in a slot. Frozen fields are written by the claimer while the word is
/// CLAIMING (or, where the key and memory cost stay as they are, TENTATIVE) and published by the
/// CAS to the next state (release). A reader loads the word (acquire), the fields, an acquire
/// fence, and the word again: the same generation means that they belong together.
struct alignas(kLine) SlotRecord {
  KeyCells key;                      ///< empty: none
  Cell<std::uint64_t> memory_bytes;  ///< reserved memory cost
  Cell<std::uint64_t> nonce;  ///< of the claim, never 0 in a held slot; survives changes of owner
  Cell<std::uint64_t> claimed_at_ns;  ///< host CLOCK_MONOTONIC_COARSE
  Cell<std::uint64_t>
      activated;  ///< nonce 26 | host milliseconds 38; who activates, before the CAS
  // The last self-report; anybody who holds the token. Each field carries the claim's nonce tag, so
  // what a late writer leaves is of no other claim.
  Cell<std::uint64_t> reported_cpu;     ///< TaggedFigure, microcores
  Cell<std::uint64_t> reported_memory;  ///< TaggedFigure, KiB
  Cell<std::uint64_t> reported_at;      ///< packed like `activated`
  Cell<std::uint64_t> reserved;
};

/// What the broker measured. Two of them, published like the config blocks by sample_epoch; charge
/// words of block b lie in the charges section at [b * slots, (b + 1) * slots), the bytes of memory
/// that each slot counts likewise in the memory-held section: meant where the charge word has
/// kMemorySampled. A slot that ends takes its charge and its bytes along.
struct alignas(kLine) SampleBlock {
  Cell<std::uint64_t> sampled_at_ns;  ///< host CLOCK_MONOTONIC_COARSE; also the broker's heartbeat
  Cell<std::uint64_t> charge_mark;    ///< charges at and above this index are absent
  Cell<std::uint64_t> memory_used_bytes;         ///< in use besides what the slots count
  Cell<std::uint64_t> measured_micro;            ///< sum over owners; kNotMeasured before a sample
  Cell<std::uint64_t> external_use[kMaxGroups];  ///< the group's limit where it cannot be read
  Cell<std::uint64_t> host_busy_micro;           ///< whole host, non-idle; kNotMeasured: unknown
  Cell<std::uint64_t> external_unreadable;       ///< bit g: group g's count cannot be read
  Cell<std::uint64_t> psi_cpu_ppb;  ///< `some avg10`; kNotMeasured: the kernel has none
  Cell<std::uint64_t> reserved;
};
inline constexpr std::uint64_t kNotMeasured = ~0ULL;

/// What the broker knows of the use of one slot, for display and notices; no claim reads it. The
/// broker alone, relaxed: each word carries the generation of the claim that it speaks of.
struct SlotSample {
  Cell<std::uint64_t> measured;  ///< TaggedFigure, microcores of the last sample
  Cell<std::uint64_t> memory;    ///< TaggedFigure, KiB of the last sample
  Cell<std::uint64_t> notice;    ///< TaggedFigure: Notice; absent: never any
  Cell<std::uint64_t> origin;    ///< TaggedFigure: UsageOrigin of both figures
};

/// What the broker's pressure policy says to a slot's owner. Values are part of the layout.
enum class Notice : std::uint8_t {
  kCalm = 0,    ///< nothing, or no longer
  kCpu = 1,     ///< the node is too busy and this job uses more than its cost
  kMemory = 2,  ///< the owners use more memory than memory.max and this job is the largest
};

/// Where measured figures come from. Values are part of the layout.
enum class UsageOrigin : std::uint8_t {
  kNone = 0,
  kTree = 1,    ///< the owner's process tree
  kCgroup = 2,  ///< the owner's own cgroup
  kClock = 3,   ///< the owner's own process alone: /proc shows no other
};

/// One process that owns or may own slots. See process_table.hpp for the protocol.
///   reservation  pid 22 | PID-namespace inode 32 | tenancy 10; pid 0 = free
///   attach       odd: tenancy (attach >> 1) is in use; even: being freed, or free
struct alignas(kLine) ProcessEntry {
  // Identity line. reservation and attach: CAS, seq_cst. The rest: the reserver, before it arms
  // presence or binds a slot.
  std::atomic<std::uint64_t> reservation;
  std::atomic<std::uint64_t> attach;
  std::atomic<std::uint64_t> presence;  ///< low 32: robust futex word, written by the keeper and
                                        ///< the kernel; high 32: attach tag
  Cell<std::uint64_t> start_ticks;      ///< /proc/PID/stat field 22, 0 = unknown
  Cell<std::uint64_t> time_ns_inode;    ///< in which start_ticks was read, 0 = unknown
  Cell<std::uint64_t> uid;
  TextCells<2> name;
  // 64: written by the process itself while it gives a slot to another entry.
  alignas(kLine) std::atomic<std::uint64_t> hazard;  ///< entry index, 0 = none; seq_cst
  Cell<std::uint64_t> attached_at_ns;
  Cell<std::uint64_t>
      made_by_pid;  ///< tagged 1: made by a binder for a process that never attached
  Cell<std::uint64_t> reserved1[5];
  // 128: written by the broker and by whoever first sees the mark.
  alignas(kLine) std::atomic<std::uint64_t> watched;  ///< attach number for which the broker holds
                                                      ///< a pidfd; release
  std::atomic<std::uint64_t>
      verified;  ///< attach number whose start time the broker has compared; release
  std::atomic<std::uint64_t>
      marked;  ///< attach tag 32 | host coarse seconds 32 at which death was first seen; CAS
  std::atomic<std::uint64_t> gone;    ///< attach number whose process is proven gone; release
  std::atomic<std::uint64_t> notice;  ///< attach tag 32 | count of notices to the owner's slots;
                                      ///< the low half is a futex word. Broker: release
  Cell<std::uint64_t> measured;       ///< TaggedFigure by attach tag: microcores of the last sample
  Cell<std::uint64_t> memory;         ///< likewise, KiB
  Cell<std::uint64_t> origin;         ///< likewise, UsageOrigin
};

/// Why a claim was not admitted, in the order in which the reasons are looked for. Values are part
/// of the layout.
enum class Reason : std::uint8_t {
  kNone = 0,
  kUnknownType,
  kDraining,
  kDuplicateKey,
  kTooLarge,
  kTypeLimit,
  kGroupLimit,
  kMemory,
  kCpu,
  kTableFull,
  kQueuedAhead,
  kContended,
  kCount
};
inline constexpr std::size_t kReasons = static_cast<std::size_t>(Reason::kCount);

inline constexpr std::uint32_t kMaxWaiters = 1024;
inline constexpr std::uint32_t kWaiterGroup = 16;  ///< entries behind one bit of Header::waiting
static_assert(kMaxWaiters / kWaiterGroup == 64);

/// One claim that waits. See waiters.hpp for the protocol.
struct alignas(kLine) WaiterEntry {
  // The waiter's line. holder: CAS, seq_cst. The rest: the holder, before it shows itself.
  std::atomic<std::uint64_t> holder;  ///< WaiterHolder; state 0 = free
  Cell<std::uint64_t> request;        ///< cost 20 | type 5 | priority 8 | default costs 2
  Cell<std::uint64_t> memory_bytes;
  Cell<std::uint64_t> ticket;
  Cell<std::uint64_t> since_ms;      ///< host CLOCK_MONOTONIC_COARSE
  Cell<std::uint64_t> confirmed_ms;  ///< likewise, when it last looked for itself
  Cell<std::uint64_t> reserved[2];
  // The wakers' line.
  alignas(kLine) std::atomic<std::uint64_t> told;  ///< end of its turn, host ms 32 | count of
                                                   ///< tellings, a futex word; RMW
  Cell<std::uint64_t> reserved1[7];
};

static_assert(std::is_standard_layout_v<Header> && std::is_trivially_copyable_v<Header>);
static_assert(std::is_trivially_copyable_v<ConfigBlock> &&
              std::is_trivially_copyable_v<SlotRecord>);
static_assert(std::is_trivially_copyable_v<ProcessEntry> &&
              std::is_trivially_copyable_v<SampleBlock>);
static_assert(offsetof(Header, magic) == 0 && offsetof(Header, layout) == 8 &&
              offsetof(Header, header_bytes) == 12);
static_assert(offsetof(Header, fingerprint) == 16 && offsetof(Header, total_bytes) == 24);
static_assert(offsetof(Header, segment_id) == 32 && offsetof(Header, boot_id) == 40);
static_assert(offsetof(Header, state_shift) == 56 && offsetof(Header, state_mask) == 60);
static_assert(offsetof(Header, version) == 64 && offsetof(Header, created_at_ns) == 96);
static_assert(offsetof(Header, creator_pid) == 104 && offsetof(Header, sections) == 128);
static_assert(offsetof(Header, token_segment_id) == 112);
static_assert(offsetof(Header, state) == 384 && offsetof(Header, config_epoch) == 392);
static_assert(offsetof(Header, sample_epoch) == 400 && offsetof(Header, drain) == 408);
static_assert(offsetof(Header, broker) == 416 && offsetof(Header, mark) == 448);
static_assert(offsetof(Header, reload_requested) == 512 && sizeof(Header) == 576);
static_assert(sizeof(Header) <= kHeaderBytes && sizeof(Section) == 16);
static_assert(sizeof(TypeConfig) == 64 && offsetof(TypeConfig, memory_bytes) == 32);
static_assert(sizeof(GroupConfig) == 192 && offsetof(GroupConfig, weights) == 16);
static_assert(sizeof(AliasConfig) == 64 && sizeof(NameRecord) == 64 && sizeof(LimitOverride) == 64);
static_assert(offsetof(ConfigBlock, capacity_micro) == 48 && offsetof(ConfigBlock, types) == 128);
static_assert(offsetof(ConfigBlock, groups) == 2176 && offsetof(ConfigBlock, aliases) == 5248);
static_assert(sizeof(ConfigBlock) == 7296 && sizeof(ConfigBlock) % kLine == 0);
static_assert(sizeof(SlotRecord) == 128 && offsetof(SlotRecord, memory_bytes) == 64);
static_assert(offsetof(SlotRecord, nonce) == 72 && offsetof(SlotRecord, activated) == 88);
static_assert(sizeof(SampleBlock) == 192 && offsetof(SampleBlock, external_use) == 32);
static_assert(sizeof(SlotSample) == 32);
static_assert(sizeof(ProcessEntry) == 192 && offsetof(ProcessEntry, presence) == 16);
static_assert(offsetof(ProcessEntry, hazard) == 64 && offsetof(ProcessEntry, watched) == 128);
static_assert(sizeof(WaiterEntry) == 128 && offsetof(WaiterEntry, told) == 64);
static_assert(offsetof(Header, waiting) == 424 && offsetof(Header, tickets) == 456);

}  // namespace slotd::inline v0_1

#include "slotd/record_layout.hpp"  // IWYU pragma: export
