// The one header that worker processes include: claim, hand over and release slots of the node's
// ledger, without a daemon on the path.
//
//   slotd::Client client({.name = "egress"});
//   slotd::Slot slot = client.try_claim("participant", {.key = "EG_1"});
//   if (!slot) return busy(slot.refusal());               // a refusal is a value, not an error
//   spawn_handler("SLOTD_TOKEN=" + slot.token());         // the handler calls client.adopt(token),
//   or slot.bind(handler_pid);                               // the service binds it to the handler
//   by pid slot.activate();  ...  slot.release();                // or the process that owns it
//   dies
//
// Every operation has two forms: with a std::error_code (never throws) and without (throws
// slotd::Error). Thread-safe: one Client may be used by many threads; one Slot by one at a time, as
// any value. Nothing here waits for another process; attach waits for a thread of its own. A claim,
// release or can_accept that meets no conflict makes no system call and allocates nothing. Not for
// signal handlers.
//
// fork: a child's handles are inert and release nothing; Client attaches anew on the child's first
// claim. exec and daemon() end membership: attach after them. A process that dies by any cause
// gives back the slots that it owns.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "slotd/attachment.hpp"
#include "slotd/error.hpp"
#include "slotd/units.hpp"
#include "slotd/version.hpp"

namespace slotd::inline v0_1 {

/// Why a claim was not admitted, with the figures that explain it. A plain value; names are looked
/// up when asked for.
class Refusal {
 public:
  Refusal() = default;

  Reason reason() const noexcept { return verdict_.reason; }
  const Verdict& verdict() const noexcept { return verdict_; }
  /// Name of the type; empty when it is unknown.
  std::string type() const {
    if (attachment_ == nullptr || type_ >= kMaxTypes) return {};
    return std::string(text_view(load_text(attachment_->view().type_name(type_).name)));
  }
  /// Name of the group whose limit was met; empty for other reasons.
  std::string group() const {
    const bool by_group =
        reason() == Reason::kGroupLimit || (reason() == Reason::kTooLarge && verdict_.weight != 0);
    if (attachment_ == nullptr || !by_group) return {};
    return std::string(text_view(load_text(attachment_->view().group_name(verdict_.group).name)));
  }
  /// For people: reason and figures in one line.
  std::string text() const;

 private:
  friend class Client;
  Refusal(const Verdict& verdict, const Attachment* attachment, std::uint32_t type) noexcept
      : verdict_(verdict), attachment_(attachment), type_(type) {}

  Verdict verdict_;
  const Attachment* attachment_ = nullptr;
  std::uint32_t type_ = kMaxTypes;
};

/// Which type, resolved once. Valid for the segment's life; saves the name lookup on a hot path.
struct TypeId {
  std::uint32_t index = kMaxTypes;
};

struct ClaimOptions {
  std::string_view key{};  ///< the job's own id, unique on the node while held; 1..63 bytes
  std::optional<std::uint32_t>
      cost_milli{};  ///< millicores instead of the type's default, <= kMaxCostMilli
  std::optional<std::uint64_t> memory_bytes{};  ///< instead of the type's default
};

/// What is known about a held slot.
struct SlotInfo {
  std::string token;
  std::uint32_t slot = 0;
  std::string type;
  SlotState state = SlotState::kFree;
  int owner_pid = 0;  ///< in the owner's own PID namespace
  std::uint32_t cost_milli = 0;
};

/// One admitted job, or the reason why not. Move-only. Destroying a slot that this process owns
/// releases it; a slot that was bound to another process is left alone.
class Slot {
 public:
  Slot() = default;
  Slot(Slot&& other) noexcept { swap(other); }
  Slot& operator=(Slot&& other) noexcept {
    Slot(std::move(other)).swap(*this);
    return *this;
  }
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    if (owned_) release_now();
  }

  /// True while this handle names an admitted claim that was not released through it.
  explicit operator bool() const noexcept { return attachment_ != nullptr; }
  /// Why it is empty. reason() is kNone for a slot that never was a claim.
  const Refusal& refusal() const noexcept { return refusal_; }
  std::uint32_t index() const noexcept { return held_.slot; }

  /// The token, for SLOTD_TOKEN. Changes with bind and adopt. Empty for an empty slot.
  std::string token() const {
    return *this ? format_token(attachment_->token_of(held_)) : std::string();
  }

  /// PENDING -> ACTIVE: the job runs. Idempotent. kStaleToken, kWrongState, kNotAttached; kRetired
  /// while the segment is being replaced (try again).
  void activate(std::error_code& ec) noexcept { ec = step(&Attachment::activate); }
  void activate() { throw_if(step(&Attachment::activate), "activate"); }

  /// The job has ended and may still use CPU: charged until released. Idempotent.
  void end(std::error_code& ec) noexcept { ec = step(&Attachment::end); }
  void end() { throw_if(step(&Attachment::end), "end"); }

  /// Gives the slot to the process `pid` (of the caller's PID namespace): its death frees it from
  /// now on, and this handle no longer releases it when destroyed. The handle keeps the new token.
  /// A few system calls.
  void bind(int pid, std::error_code& ec) noexcept { ec = bind_to(pid); }
  void bind(int pid) { throw_if(bind_to(pid), "bind"); }

  /// Gives the slot back; the handle is empty afterwards whatever the outcome. kStaleToken: the
  /// claim was over already, or has another owner; nothing moved. An empty slot: no error, nothing
  /// done. A forked child: kNotAttached, nothing done.
  void release(std::error_code& ec) noexcept { ec = release_now(); }
  void release() { throw_if(release_now(), "release"); }

  /// Forgets the slot without releasing it: it stays with its owner. Returns the token.
  std::string detach() {
    std::string text = token();
    attachment_ = nullptr;
    return text;
  }

  void swap(Slot& other) noexcept {
    std::swap(attachment_, other.attachment_);
    std::swap(held_, other.held_);
    std::swap(owned_, other.owned_);
    std::swap(refusal_, other.refusal_);
  }

 private:
  friend class Client;
  Slot(Attachment* attachment, const HeldSlot& held, bool owned) noexcept
      : attachment_(attachment), held_(held), owned_(owned) {}
  explicit Slot(const Refusal& refusal) noexcept : refusal_(refusal) {}

  /// Follows the claim into the segment where it stands now.
  Errc check() noexcept {
    if (!*this) return Errc::kStaleToken;
    for (;;) {
      const Errc code = attachment_->check();
      Attachment* const next = code == Errc::kRetired ? attachment_->succeed() : nullptr;
      if (next == nullptr) return code;
      held_ = attachment_->moved(held_);
      attachment_ = next;
    }
  }
  Errc step(Errc (Attachment::*operation)(const HeldSlot&) noexcept) noexcept {
    const Errc code = check();
    return code == Errc::kOk ? (attachment_->*operation)(held_) : code;
  }
  Errc bind_to(int pid) noexcept {
    Errc code = check();
    if (code == Errc::kOk) code = attachment_->bind(held_, pid);
    if (code == Errc::kOk) owned_ = pid == ::getpid();
    return code;
  }
  Errc release_now() noexcept {
    if (!*this) return Errc::kOk;
    Errc code = attachment_->release(held_);
    if (code == Errc::kRetired) [[unlikely]]
      code = release_elsewhere();
    attachment_ = nullptr;
    return code;
  }
  [[gnu::noinline, gnu::cold]] Errc release_elsewhere() noexcept {
    for (;;) {
      Errc code = check();
      if (code == Errc::kOk) code = attachment_->release(held_);
      if (code != Errc::kRetired) return code;
      if (attachment_->succeed() != nullptr) continue;
      attachment_->forget(held_);
      return Errc::kOk;
    }
  }
  static void throw_if(Errc code, const char* what) {
    if (code != Errc::kOk) throw Error(code, what);
  }

  Attachment* attachment_ = nullptr;
  HeldSlot held_;
  bool owned_ = false;
  Refusal refusal_;
};

/// Membership of one segment. Move-only; a moved-from Client is only good for destruction. The
/// process stays a member after the destruction, as others may have bound slots to it; a new Client
/// of the same segment takes the membership up again.
class Client {
 public:
  using Options = AttachOptions;

  /// Attaches, or throws Error whose what() says what to do. Works while the broker is down.
  explicit Client(Options options = {}) : options_(std::move(options)) {
    Errc code = Errc::kOk;
    std::string detail;
    attachment_.store(Attachment::open(options_, code, detail), std::memory_order_release);
    if (code != Errc::kOk) throw Error(code, detail);
  }
  /// The same without exceptions: on failure ec is set, `detail` (if given) says what to do, and
  /// claims answer kNotAttached.
  Client(Options options, std::error_code& ec, std::string* detail = nullptr)
      : options_(std::move(options)) {
    Errc code = Errc::kOk;
    std::string text;
    attachment_.store(Attachment::open(options_, code, text), std::memory_order_release);
    ec = code == Errc::kOk ? std::error_code() : make_error_code(code);
    if (detail != nullptr) *detail = std::move(text);
  }
  Client(Client&& other) noexcept
      : options_(std::move(other.options_)), attachment_(other.attachment_.exchange(nullptr)) {}
  Client& operator=(Client&& other) noexcept {
    std::swap(options_, other.options_);
    attachment_.store(other.attachment_.exchange(attachment_.load()));
    return *this;
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() {
    if (Attachment* mine = attachment()) mine->newest()->give_back();
  }

  /// Ends membership at once: every slot that this process owns through this client is freed, those
  /// that others bound to it too; handles answer kNotAttached. No other thread may be using the
  /// client or its slots. The next claim attaches anew.
  void detach() noexcept {
    if (Attachment* mine = attachment()) mine->newest()->close();
  }

  bool is_attached() const noexcept {
    return attachment() != nullptr && attachment()->newest()->is_attached();
  }

  /// Looks a type up by name or alias; an unknown name gives an id whose claims are refused as
  /// unknown_type.
  TypeId type(std::string_view name) const noexcept {
    const auto index = attachment() != nullptr ? attachment()->find_type(name) : std::nullopt;
    return TypeId{index.value_or(kMaxTypes)};
  }

  /// One more job of this type? A slot in PENDING, or an empty one whose refusal() says why not.
  /// While the segment is being replaced the answer is `draining`. Errors: kInvalidArgument,
  /// kNotAttached, or why the segment that replaced this one cannot be attached to
  /// (kLayoutMismatch, ...); then the slot is empty and its reason is kNone.
  Slot try_claim(std::string_view type_name, const ClaimOptions& options, std::error_code& ec) {
    if (!ensure_attached(ec)) return refuse_unattached(ec);
    return claim(type(type_name), options, ec);
  }
  Slot try_claim(std::string_view type_name, const ClaimOptions& options = {}) {
    std::error_code ec;
    Slot slot = try_claim(type_name, options, ec);
    if (ec) throw Error(ec, "try_claim");
    return slot;
  }
  /// The hot form: no lookup, and with a claim that is admitted nothing allocated.
  Slot try_claim(TypeId type_id, const ClaimOptions& options, std::error_code& ec) {
    if (!ensure_attached(ec)) return refuse_unattached(ec);
    return claim(type_id, options, ec);
  }
  Slot try_claim(TypeId type_id, const ClaimOptions& options = {}) {
    std::error_code ec;
    Slot slot = try_claim(type_id, options, ec);
    if (ec) throw Error(ec, "try_claim");
    return slot;
  }

  /// The same answer from the held words, reserving nothing; reason kNone = yes.
  Verdict can_accept(TypeId type_id, const ClaimOptions& options, std::error_code& ec) {
    if (!ensure_attached(ec)) return refuse_unattached(ec).refusal().verdict();
    ClaimRequest wanted;
    const Errc code = make_request(type_id, options, wanted);
    if (code != Errc::kOk) {
      ec = code;
      return {};
    }
    return attachment()->look(wanted);
  }
  bool can_accept(std::string_view type_name, const ClaimOptions& options = {}) {
    std::error_code ec;
    ensure_attached(ec);  // before the name is looked up
    const Verdict verdict = can_accept(type(type_name), options, ec);
    if (ec) throw Error(ec, "can_accept");
    return static_cast<bool>(verdict);
  }

  /// How gladly this node takes one more: -1 not at all; else 0.5 when idle and 1 when busy
  /// (`affinity: consolidate`, so that busy nodes fill up first), or the free share of the budget
  /// (`spread`).
  double affinity(std::string_view type_name) {
    std::error_code ec;
    ensure_attached(ec);  // before the name is looked up
    const Verdict verdict = can_accept(type(type_name), {}, ec);
    if (ec) throw Error(ec, "affinity");
    return verdict ? compute_affinity(attachment()->view()) : -1.0;
  }

  /// Takes over the slot that the token names: this process owns it from now on and the old token
  /// is stale. kMalformedToken, kForeignToken, kStaleToken.
  Slot adopt(std::string_view token, std::error_code& ec) {
    ec.clear();
    HeldSlot held;
    Errc code = resolve(token, held, ec);
    if (code == Errc::kOk) code = attachment()->adopt(held);
    if (code == Errc::kOk) return Slot(attachment(), held, true);
    ec = code;
    return Slot();
  }
  Slot adopt(std::string_view token) {
    std::error_code ec;
    Slot slot = adopt(token, ec);
    if (ec) throw Error(ec, "adopt");
    return slot;
  }

  /// A handle for the slot that the token names, without becoming its owner: for activate, end,
  /// bind and release by a service that restarted. Destroying the handle releases nothing.
  Slot open(std::string_view token, std::error_code& ec) {
    ec.clear();
    HeldSlot held;
    const Errc code = resolve(token, held, ec);
    if (code == Errc::kOk) return Slot(attachment(), held, false);
    ec = code;
    return Slot();
  }

  /// The held slot with this key, if any: how a restarted service finds the jobs that its handlers
  /// still run.
  std::optional<SlotInfo> find(std::string_view key) {
    std::error_code ec;
    if (!is_valid_key(key) || !ensure_attached(ec)) return std::nullopt;
    // A slot that changes hands between the two looks is looked up again.
    for (int attempt = 0; attempt < kFindAttempts; ++attempt) {
      const auto held = attachment()->find_key(key);
      if (!held) return std::nullopt;
      if (auto info = describe(*held)) return info;
    }
    return std::nullopt;
  }

  /// Frees the slots of owners that are proven dead, looking at their processes too. Returns how
  /// many. Claims do the cheap part of this by themselves whenever they would be refused.
  std::uint32_t reap() {
    std::error_code ec;
    return ensure_attached(ec) ? attachment()->reap() : 0;
  }

  /// The attachment below, for tools and tests. Null after a failed attach.
  Attachment* attachment() const noexcept { return attachment_.load(std::memory_order_acquire); }

 private:
  static constexpr int kFindAttempts = 8;

  /// A forked child attaches anew on its first use; where the segment was replaced the client goes
  /// on in the new one. A failed try leaves the way open for the next.
  bool ensure_attached(std::error_code& ec) {
    if (ec) ec.clear();
    Attachment* mine = attachment();
    Errc code = mine == nullptr ? Errc::kNotAttached : mine->check();
    if (code == Errc::kOk) return true;
    if (mine != nullptr && code == Errc::kRetired) code = follow(mine);
    if (mine != nullptr && code == Errc::kNotAttached) code = attach_anew(attachment());
    if (code != Errc::kOk) ec = code;
    return code == Errc::kOk;
  }

  Errc follow(Attachment* mine) noexcept {
    Errc code = Errc::kOk;
    if (mine->succeed(code) == nullptr) return code;
    Attachment* const last = mine->newest();
    attachment_.compare_exchange_strong(mine, last, std::memory_order_acq_rel);
    return last->check();
  }

  /// What a claim is told that cannot be made now: a segment that is being replaced is `draining`,
  /// anything else is an error.
  static Slot refuse_unattached(std::error_code& ec) {
    if (ec != Errc::kRetired) return Slot();
    ec.clear();
    Verdict verdict;
    verdict.reason = Reason::kDraining;
    return Slot(Refusal(verdict, nullptr, kMaxTypes));
  }

  Errc attach_anew(Attachment* before) {
    Errc code = Errc::kOk;
    std::string detail;
    Attachment* fresh = Attachment::open(options_, code, detail);
    if (fresh == nullptr) return code;
    // Of several threads that come here at once one keeps its attachment for the client.
    if (!attachment_.compare_exchange_strong(before, fresh, std::memory_order_acq_rel))
      fresh->give_back();
    return Errc::kOk;
  }

  /// Default costs are left to the rules that decide.
  static Errc make_request(TypeId type_id, const ClaimOptions& options,
                           ClaimRequest& wanted) noexcept {
    if (options.cost_milli.value_or(0) > kMaxCostMilli) return Errc::kInvalidArgument;
    wanted.request.type = type_id.index;
    wanted.request.cost_is_default = !options.cost_milli.has_value();
    wanted.request.cost_milli = options.cost_milli.value_or(0);
    wanted.request.memory_is_default = !options.memory_bytes.has_value();
    wanted.request.memory_bytes = options.memory_bytes.value_or(0);
    if (options.key.empty()) return Errc::kOk;
    wanted.key = {options.key, key_fingerprint(options.key)};
    return is_valid_key(options.key) ? Errc::kOk : Errc::kInvalidArgument;
  }

  Slot claim(TypeId type_id, const ClaimOptions& options, std::error_code& ec) {
    ClaimRequest wanted;
    const Errc code = make_request(type_id, options, wanted);
    if (code != Errc::kOk) {
      ec = code;
      return Slot();
    }
    Verdict refusal;
    Attachment* mine = attachment();
    HeldSlot held = mine->claim(wanted, refusal);
    if (held.slot == kNoSlot && refusal) {
      // The segment was replaced while the claim was on its way: once more, in the new one.
      if (!ensure_attached(ec)) return refuse_unattached(ec);
      mine = attachment();
      held = mine->claim(wanted, refusal);
    }
    if (held.slot != kNoSlot) return Slot(mine, held, true);
    if (refusal) ec = Errc::kRetired;
    return refusal ? refuse_unattached(ec) : Slot(Refusal(refusal, mine, type_id.index));
  }

  std::string type_name(TypeId type_id) const {
    if (type_id.index >= kMaxTypes) return {};
    return std::string(text_view(load_text(attachment()->view().type_name(type_id.index).name)));
  }

  Errc resolve(std::string_view token, HeldSlot& held, std::error_code& ec) {
    const auto parsed = parse_token(token);
    if (!parsed) return Errc::kMalformedToken;
    if (!ensure_attached(ec)) return static_cast<Errc>(ec.value());
    return attachment()->resolve(*parsed, held);
  }

  std::optional<SlotInfo> describe(const HeldSlot& held) const {
    const auto word = load_claim(attachment()->view(), held.ref());
    if (!word) return std::nullopt;
    SlotInfo info;
    info.token = format_token(attachment()->token_of(held));
    info.slot = held.slot;
    info.type = type_name(TypeId{word->type()});
    info.state = word->state();
    info.cost_milli = word->cost_milli();
    if (attachment()->processes().is_index(word->owner())) {
      const ProcessEntry& entry = attachment()->view().process(word->owner());
      info.owner_pid =
          static_cast<int>(Reservation{entry.reservation.load(std::memory_order_acquire)}.pid());
    }
    return info;
  }

  Options options_;
  std::atomic<Attachment*> attachment_{nullptr};
};

inline std::string Refusal::text() const {
  const std::string head = (type().empty() ? "claim" : type()) + ": " + reason_name(reason());
  const auto cores = [](std::int64_t micro) { return format_cores_micro(micro); };
  const std::string counts =
      std::to_string(verdict_.in_use) + " of " + std::to_string(verdict_.limit);
  switch (reason()) {
    case Reason::kTypeLimit:
    case Reason::kTableFull:
      return head + " (" + counts + ")";
    case Reason::kGroupLimit:
      return head + " (" + group() + ": " + counts + ", weight " + std::to_string(verdict_.weight) +
             ")";
    case Reason::kCpu:
      return head + " (required " + cores(verdict_.required_micro) + ", available " +
             cores(verdict_.available_micro) + ")";
    case Reason::kMemory:
      return head + " (required " + format_bytes(verdict_.memory_required) + ", used " +
             format_bytes(verdict_.memory_used) + " of " + format_bytes(verdict_.memory_max) + ")";
    default:
      return head;
  }
}

}  // namespace slotd::inline v0_1
