#include "tools/dev/mainjob/ledger.hpp"

#include <sys/stat.h>

namespace slotd::mainjob {

bool Ledger::try_open(const std::string& path) {
  path_ = path;
  opened_ = open_segment(path, Access::kReadOnly, read_boot_id());
  if (opened_.code != Errc::kOk) return false;
  view_ = opened_.view(Access::kReadOnly);
  processes_ = ProcessTable(view_, read_self_identity(), false);
  return true;
}

bool Ledger::is_broker_up(int pid) const {
  if (processes_.is_broker_down()) return false;
  const ProcessRef broker =
      unpack_process_ref(view_.header().broker.load(std::memory_order_acquire));
  const Reservation reservation{
      view_.process(broker.index).reservation.load(std::memory_order_acquire)};
  return static_cast<int>(reservation.pid()) == pid;
}

bool Ledger::is_current() const {
  struct stat status {};
  return view_.header().state.load(std::memory_order_acquire) ==
             static_cast<std::uint64_t>(SegmentState::kReady) &&
         ::stat(path_.c_str(), &status) == 0 && status.st_dev == opened_.device &&
         status.st_ino == opened_.inode;
}

}  // namespace slotd::mainjob
