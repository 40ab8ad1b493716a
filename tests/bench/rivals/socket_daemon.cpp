// A daemon that counts and answers over a Unix socket, one byte to and fro: the least that a quota
// service on the node can cost. It gives back what a connection held when the connection closes,
// and answers who waits when there is room.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <deque>
#include <system_error>
#include <unordered_map>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

constexpr char kTake = 't';
constexpr char kWait = 'w';  ///< answered when there is room
constexpr char kGive = 'g';
constexpr char kProbe = 'p';
constexpr char kYes = 'y';
constexpr char kNo = 'n';

/// Abstract: there is no file to remove.
struct Address {
  explicit Address(const std::string& name) {
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, name.data(), name.size());
    length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }

  sockaddr_un address{};
  socklen_t length = 0;
};

class Server {
 public:
  Server(int listener, std::uint32_t slots)
      : listener_(listener),
        poll_(::epoll_create1(EPOLL_CLOEXEC)),
        slots_(slots),
        cpu_(slots * kCpuUnitsPerSlot) {
    watch(listener_);
  }

  [[noreturn]] void serve() {
    std::array<epoll_event, 64> events{};
    for (;;) {
      const int count = ::epoll_wait(poll_, events.data(), static_cast<int>(events.size()), -1);
      for (int i = 0; i < count; ++i) {
        const int fd = events[static_cast<std::size_t>(i)].data.fd;
        if (fd == listener_)
          watch(::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC));
        else
          answer(fd);
      }
    }
  }

 private:
  void watch(int fd) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    ::epoll_ctl(poll_, EPOLL_CTL_ADD, fd, &event);
  }
  void answer(int fd) {
    char request = 0;
    if (::recv(fd, &request, 1, 0) <= 0) {
      std::erase(waiting_, fd);
      add(held_[fd]);
      held_.erase(fd);
      ::close(fd);
    } else if (request == kWait) {
      waiting_.push_back(fd);
    } else {
      reply(fd, decide(held_[fd], request) ? kYes : kNo);
    }
    while (!waiting_.empty() && decide(held_[waiting_.front()], kTake)) {
      reply(waiting_.front(), kYes);
      waiting_.pop_front();
    }
  }
  static void reply(int fd, char text) { ::send(fd, &text, 1, MSG_NOSIGNAL); }
  bool decide(std::uint32_t& held, char request) {
    const bool has_room = slots_ > 0 && cpu_ >= kCpuUnitsPerSlot;
    if (request == kProbe) return has_room;
    if (request == kTake && has_room) {
      --slots_;
      cpu_ -= kCpuUnitsPerSlot;
      ++held;
      return true;
    }
    if (request != kGive || held == 0) return false;
    --held;
    add(1);
    return true;
  }
  void add(std::uint32_t slots) {
    slots_ += slots;
    cpu_ += slots * kCpuUnitsPerSlot;
  }

  int listener_;
  int poll_;
  std::uint32_t slots_;
  std::uint32_t cpu_;
  std::unordered_map<int, std::uint32_t> held_;
  std::deque<int> waiting_;
};

class DaemonMember final : public MemberLoops<DaemonMember> {
 public:
  explicit DaemonMember(const Address& address)
      : fd_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
    if (::connect(fd_, address.get(), address.length) != 0)
      throw std::system_error(errno, std::generic_category(), "the benchmark's daemon");
  }
  DaemonMember(const DaemonMember&) = delete;
  DaemonMember& operator=(const DaemonMember&) = delete;
  ~DaemonMember() override { ::close(fd_); }

  bool try_take() override { return ask(kTake); }
  void take() override {
    if (!ask(kWait)) fail_child("the daemon refused who waits");
  }
  void give_back() override {
    if (!ask(kGive)) fail_child("the daemon took nothing back");
  }
  bool probe_free() override { return ask(kProbe); }

 private:
  bool ask(char request) const {
    char reply = 0;
    if (::send(fd_, &request, 1, MSG_NOSIGNAL) != 1 || ::recv(fd_, &reply, 1, 0) != 1)
      fail_child("the daemon does not answer");
    return reply == kYes;
  }

  int fd_;
};

class DaemonContender final : public Contender {
 public:
  std::string name() const override { return "socket_daemon"; }
  Recovery recovery() const override { return Recovery::kAtOnce; }
  std::uint64_t batch() const override { return 1; }
  void set_room(std::uint32_t slots) override {
    server_.reset();
    const int listener = ::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    address_ =
        Address("slotd-bench-" + std::to_string(::getpid()) + "-" + std::to_string(++generation_));
    if (::bind(listener, address_.get(), address_.length) != 0 || ::listen(listener, 128) != 0) {
      ::close(listener);
      throw std::system_error(errno, std::generic_category(), "a Unix socket");
    }
    server_ = std::make_unique<Child>([&] { Server(listener, slots).serve(); });
    ::close(listener);
  }
  std::unique_ptr<Member> join() const override { return std::make_unique<DaemonMember>(address_); }

 private:
  Address address_{""};
  std::uint32_t generation_ = 0;
  std::unique_ptr<Child> server_;
};

}  // namespace

std::unique_ptr<Contender> make_socket_daemon() { return std::make_unique<DaemonContender>(); }

}  // namespace slotd::bench
