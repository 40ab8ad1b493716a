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

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "slotd/attachment.hpp"
#include "slotd/error.hpp"
#include "slotd/slot.hpp"
#include "slotd/version.hpp"

namespace slotd::inline v0_1 {

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
    Attachment* last = attachment();
    for (Attachment* mine = nullptr; last != mine;) {
      mine = last->newest();
      mine->close();
      last = mine->newest();  // the keeper may have moved meanwhile
    }
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

  /// Waits in line until the claim is admitted, `deadline` (steady_clock) has passed or `stop` is
  /// requested: then the slot is empty and its refusal says what was in the way in the end. A claim
  /// that nothing can make room for (unknown_type, too_large, duplicate_key) is refused at once.
  /// Order: priority, which grows by one every overtake window waited, then arrival. A process
  /// that waits while it holds a slot may be what others wait for: only the deadline bounds that.
  /// Woken by releases, deaths, raised limits and lower charges; looks by itself every 100 ms.
  Slot claim_until(std::string_view type_name, std::chrono::steady_clock::time_point deadline,
                   const ClaimOptions& options, std::error_code& ec,
                   const std::stop_token& stop = {}) {
    for (;;) {
      Slot slot = refuse_unattached(ec);
      if (ensure_attached(ec)) slot = wait(type(type_name), deadline, options, ec, stop);
      // The segment is being replaced: again, in the next one.
      const bool is_between = ec == Errc::kRetired || (!ec && !slot && is_between_segments(slot));
      if (!is_between || stop.stop_requested() || std::chrono::steady_clock::now() >= deadline) {
        if (ec == Errc::kRetired) return refuse_unattached(ec);
        return slot;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }
  Slot claim_until(std::string_view type_name, std::chrono::steady_clock::time_point deadline,
                   const ClaimOptions& options = {}, const std::stop_token& stop = {}) {
    std::error_code ec;
    Slot slot = claim_until(type_name, deadline, options, ec, stop);
    if (ec) throw Error(ec, "claim_until");
    return slot;
  }
  /// The same for at most `limit`.
  template <typename Rep, typename Period>
  Slot claim_for(std::string_view type_name, std::chrono::duration<Rep, Period> limit,
                 const ClaimOptions& options, std::error_code& ec,
                 const std::stop_token& stop = {}) {
    return claim_until(type_name, deadline_after(limit), options, ec, stop);
  }
  template <typename Rep, typename Period>
  Slot claim_for(std::string_view type_name, std::chrono::duration<Rep, Period> limit,
                 const ClaimOptions& options = {}, const std::stop_token& stop = {}) {
    return claim_until(type_name, deadline_after(limit), options, stop);
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

  using Deadline = std::chrono::steady_clock::time_point;

  template <typename Rep, typename Period>
  static Deadline deadline_after(std::chrono::duration<Rep, Period> limit) {
    // Beyond a year is for ever.
    constexpr std::chrono::hours kYear{24 * 365};
    const auto now = std::chrono::steady_clock::now();
    if (limit >= kYear) return now + kYear;
    return now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(limit);
  }

  /// Was it refused because there is no segment to claim in just now?
  static bool is_between_segments(const Slot& slot) noexcept {
    return slot.refusal().reason() == Reason::kDraining && slot.refusal().type().empty();
  }

  Slot wait(TypeId type_id, Deadline deadline, const ClaimOptions& options, std::error_code& ec,
            const std::stop_token& stop) {
    ClaimRequest wanted;
    Errc code = make_request(type_id, options, wanted);
    if (code != Errc::kOk) {
      ec = code;
      return Slot();
    }
    const auto until = std::chrono::duration_cast<std::chrono::nanoseconds>(
        deadline.time_since_epoch());  // of CLOCK_MONOTONIC
    const WaitLimit limit{until.count() > 0 ? static_cast<std::uint64_t>(until.count()) : 0, stop};
    Attachment* const mine = attachment();
    HeldSlot held;
    Verdict refusal;
    code = mine->claim_until(wanted, limit, held, refusal);
    if (code != Errc::kOk) {
      ec = code;
      return Slot();
    }
    return held.slot != kNoSlot ? Slot(mine, held, true)
                                : Slot(Refusal(refusal, mine, type_id.index));
  }

  /// A forked child attaches anew on its first use; where the segment was replaced the client goes
  /// on in the new one. A failed try leaves the way open for the next.
  bool ensure_attached(std::error_code& ec) {
    if (ec) ec.clear();
    Attachment* const mine = attachment();
    if (mine != nullptr && mine->check() == Errc::kOk) [[likely]]
      return true;
    return attach_again(ec);
  }

  [[gnu::noinline, gnu::cold]] bool attach_again(std::error_code& ec) {
    Attachment* const mine = attachment();
    Errc code = mine == nullptr ? Errc::kNotAttached : mine->check();
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
    if (options.priority > kMaxPriority) return Errc::kInvalidArgument;
    wanted.priority = options.priority;
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

}  // namespace slotd::inline v0_1
