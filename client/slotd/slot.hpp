// What a claim gives: a slot, or the refusal. Part of client.hpp, which has the contract for
// threads, fork and errors.
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
  std::uint32_t priority = 0;  ///< 0..255: before whoever has a lower one, where claims wait
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
  const Refusal& refusal() const noexcept {
    static const Refusal none;
    return refusal_ ? *refusal_ : none;
  }
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

  /// What the job says that it uses: counts beside what the broker measures, the larger of both,
  /// for 30 s. A figure not given stays as it was reported before. kStaleToken, kNotAttached;
  /// kRetired while the segment is being replaced (try again; a report is not carried over).
  void report(const Report& figures, std::error_code& ec) noexcept { ec = report_now(figures); }
  void report(const Report& figures) { throw_if(report_now(figures), "report"); }

  /// What the broker's pressure policy has to say about this job now: kCalm, or that it uses more
  /// than its share of a node that has too little. Memory only, no system call; kCalm for an empty
  /// slot. See Client::Options::on_notice for being called.
  Notice notice() const noexcept { return *this ? attachment_->notice_of(held_) : Notice::kCalm; }

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
  Errc report_now(const Report& figures) noexcept {
    const Errc code = check();
    return code == Errc::kOk ? attachment_->report(held_, figures) : code;
  }
  Errc bind_to(int pid) noexcept {
    Errc code = check();
    if (code == Errc::kOk) code = attachment_->bind(held_, pid);
    if (code == Errc::kOk) owned_ = pid == ::getpid();
    return code;
  }
  Errc release_now() noexcept {
    if (!*this) return Errc::kOk;
    const Errc code = attachment_->release(held_);
    attachment_ = nullptr;
    return code;
  }
  static void throw_if(Errc code, const char* what) {
    if (code != Errc::kOk) throw Error(code, what);
  }

  Attachment* attachment_ = nullptr;
  HeldSlot held_;
  bool owned_ = false;
  std::optional<Refusal> refusal_;  ///< filling one that says nothing would cost a claim 1 ns
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
