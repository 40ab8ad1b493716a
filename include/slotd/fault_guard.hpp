// Surviving a segment file that is truncated while it is mapped. An access behind the file's new
// end raises SIGBUS; the handler puts a private zero page in the place of the missing one and goes
// on, so that the program reads zeros, which mean "free" and "not ready" everywhere in a segment,
// and can say what happened. For programs (the broker, slotctl, a worker that asks for it), never
// installed by the library on its own: signal handlers are the program's.
//
// The handler is async-signal-safe: it walks an append-only list and makes one system call. Faults
// elsewhere go to the handler that was there before.
#pragma once

#include <signal.h>
#include <sys/mman.h>

#include <atomic>
#include <cerrno>
#include <cstdint>

#include "slotd/segment.hpp"

namespace slotd::inline v0_1 {

namespace detail {

inline std::atomic<std::uint64_t>& fault_count() noexcept {
  static std::atomic<std::uint64_t> count{0};
  return count;
}
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "used in a signal handler");

inline std::uintptr_t& fault_page_bytes() noexcept {
  static std::uintptr_t bytes = 4096;
  return bytes;
}

inline struct sigaction& previous_bus_action() noexcept {
  static struct sigaction previous {};
  return previous;
}

/// Is the address inside a segment that this process has mapped?
inline bool is_in_segment(std::uintptr_t address) noexcept {
  for (MappingNode* node = mappings().load(std::memory_order_acquire); node != nullptr;
       node = node->next) {
    const auto base = reinterpret_cast<std::uintptr_t>(node->region.get_address());
    if (address >= base && address - base < node->region.get_size()) return true;
  }
  return false;
}

inline void on_bus_error(int signal, siginfo_t* info, void* context) noexcept {
  const int saved = errno;
  const std::uintptr_t page_bytes = fault_page_bytes();
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  if (info->si_code == BUS_ADRERR && is_in_segment(address)) {
    void* page = reinterpret_cast<void*>(address / page_bytes * page_bytes);
    if (::mmap(page, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
               -1, 0) == page) {
      fault_count().fetch_add(1, std::memory_order_relaxed);
      errno = saved;
      return;
    }
  }
  errno = saved;
  const struct sigaction& previous = previous_bus_action();
  if ((previous.sa_flags & SA_SIGINFO) != 0 && previous.sa_sigaction != nullptr) {
    previous.sa_sigaction(signal, info, context);
  } else if (previous.sa_handler != SIG_DFL && previous.sa_handler != SIG_IGN) {
    previous.sa_handler(signal);
  } else {
    // The access is made again when this returns, and ends the process as it would have.
    ::signal(SIGBUS, SIG_DFL);
  }
}

}  // namespace detail

/// From now on a truncated segment does not kill this process. Once, early, by the program; the
/// mappings that are made later are covered too. False when the handler cannot be installed.
inline bool install_fault_guard() noexcept {
  detail::mappings();  // initialised before a handler may need it
  detail::fault_count();
  detail::fault_page_bytes() = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  struct sigaction action {};
  action.sa_sigaction = &detail::on_bus_error;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigemptyset(&action.sa_mask);
  return ::sigaction(SIGBUS, &action, &detail::previous_bus_action()) == 0;
}

/// How many pages of segments this process has found missing. More than 0: what it reads from that
/// segment means nothing any more.
inline std::uint64_t count_missing_pages() noexcept {
  return detail::fault_count().load(std::memory_order_relaxed);
}

}  // namespace slotd::inline v0_1
