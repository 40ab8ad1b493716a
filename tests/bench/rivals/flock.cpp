// Slot files and CPU unit files under flock(): a lock is a slot, and the kernel unlocks what a dead
// process held. A process opens each file once and begins its search where it found room last.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include "tests/bench/rivals/contender.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

/// Files of one kind, each of which one process may lock.
class Files {
 public:
  Files(std::string prefix, std::uint32_t count)
      : prefix_(std::move(prefix)), count_(count), files_(count) {}
  Files(const Files&) = delete;
  Files& operator=(const Files&) = delete;
  ~Files() {
    for (const File& file : files_) {
      if (file.fd >= 0) ::close(file.fd);
    }
  }

  /// Locks one; false: all of them are locked.
  bool try_lock(std::uint32_t& locked) {
    for (std::uint32_t tried = 0; tried < count_; ++tried) {
      const std::uint32_t at = next_;
      next_ = next_ + 1 == count_ ? 0 : next_ + 1;
      File& file = open(at);
      // A second lock of the same process would succeed.
      if (file.is_mine || ::flock(file.fd, LOCK_EX | LOCK_NB) != 0) continue;
      file.is_mine = true;
      locked = at;
      return true;
    }
    return false;
  }
  /// Waits until it has locked one. flock() waits for one file only: for that one, whatever becomes
  /// free beside it.
  std::uint32_t lock() {
    std::uint32_t locked = 0;
    if (try_lock(locked)) return locked;
    while (files_[next_].is_mine) next_ = next_ + 1 == count_ ? 0 : next_ + 1;
    locked = next_;
    while (::flock(files_[locked].fd, LOCK_EX) != 0) {
      if (errno != EINTR) fail_child("a waiting flock failed");
    }
    files_[locked].is_mine = true;
    return locked;
  }
  void unlock(std::uint32_t at) {
    ::flock(files_[at].fd, LOCK_UN);
    files_[at].is_mine = false;
    next_ = at;
  }

 private:
  struct File {
    int fd = -1;
    bool is_mine = false;
  };

  File& open(std::uint32_t at) {
    File& file = files_[at];
    if (file.fd < 0)
      file.fd = ::open((prefix_ + std::to_string(at)).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (file.fd < 0) throw std::system_error(errno, std::generic_category(), "a slot file");
    return file;
  }

  std::string prefix_;
  std::uint32_t count_;
  std::uint32_t next_ = 0;
  std::vector<File> files_;
};

class FlockMember final : public MemberLoops<FlockMember> {
 public:
  FlockMember(const std::string& folder, std::uint32_t slots)
      : slots_(folder + "/slot-", slots), cpu_(folder + "/cpu-", slots * kCpuUnitsPerSlot) {}

  bool try_take() override {
    if (!slots_.try_lock(slot_)) return false;
    for (std::uint32_t i = 0; i < kCpuUnitsPerSlot; ++i) {
      if (cpu_.try_lock(units_[i])) continue;
      while (i > 0) cpu_.unlock(units_[--i]);
      slots_.unlock(slot_);
      return false;
    }
    return true;
  }
  void take() override {
    slot_ = slots_.lock();
    for (std::uint32_t& unit : units_) unit = cpu_.lock();
  }
  void give_back() override {
    for (std::uint32_t i = kCpuUnitsPerSlot; i > 0; --i) cpu_.unlock(units_[i - 1]);
    slots_.unlock(slot_);
  }
  bool probe_free() override {
    if (!try_take()) return false;
    give_back();
    return true;
  }

 private:
  Files slots_;
  Files cpu_;
  std::uint32_t slot_ = 0;
  std::array<std::uint32_t, kCpuUnitsPerSlot> units_{};
};

class FlockContender final : public Contender {
 public:
  FlockContender() {
    constexpr rlim_t kWanted = kMaxSlots * kFilesPerSlot + kOtherFiles;
    rlimit files{};
    if (::getrlimit(RLIMIT_NOFILE, &files) != 0) return;
    files.rlim_cur = std::max(files.rlim_cur, std::min(files.rlim_max, kWanted));
    ::setrlimit(RLIMIT_NOFILE, &files);
    max_slots_ = static_cast<std::uint32_t>((files.rlim_cur - kOtherFiles) / kFilesPerSlot);
  }
  std::uint32_t max_slots() const override { return max_slots_; }
  std::string name() const override { return "flock"; }
  Recovery recovery() const override { return Recovery::kAtOnce; }
  std::uint64_t batch() const override { return 2; }
  void set_room(std::uint32_t slots) override { slots_ = slots; }
  std::unique_ptr<Member> join() const override {
    return std::make_unique<FlockMember>(folder_.path(), slots_);
  }

 private:
  static constexpr std::uint32_t kFilesPerSlot = 1 + kCpuUnitsPerSlot;
  static constexpr std::uint32_t kOtherFiles = 200;

  testing::TestFolder folder_;
  std::uint32_t max_slots_ = 0;  ///< a process has a descriptor for each file
  std::uint32_t slots_ = 0;
};

}  // namespace

std::unique_ptr<Contender> make_flock() { return std::make_unique<FlockContender>(); }

}  // namespace slotd::bench
