// Tokens in pipes, as make's jobserver has them: a byte is a slot, four bytes of the other pipe are
// the CPU of a job. A process that is killed takes its tokens along.
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

struct Pipe {
  Pipe() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0)
      throw std::system_error(errno, std::generic_category(), "pipe2");
    read_end = ends[0];
    write_end = ends[1];
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(read_end);
    ::close(write_end);
  }

  void put(std::size_t count) const {
    std::array<char, 4096> tokens{};
    tokens.fill('+');
    while (count > 0) {
      const std::size_t part = std::min(count, tokens.size());
      if (::write(write_end, tokens.data(), part) != static_cast<ssize_t>(part))
        throw std::system_error(errno, std::generic_category(), "a pipe is full of tokens");
      count -= part;
    }
  }
  /// How many it got, `count` at most.
  std::size_t get(std::size_t count) const {
    std::array<char, 16> tokens{};
    const ssize_t got = ::read(read_end, tokens.data(), count);
    return got > 0 ? static_cast<std::size_t>(got) : 0;
  }
  /// Waits for as many as that, as make does: until there is one, which another may have got first.
  void wait_for(std::size_t count) const {
    while (count > 0) {
      pollfd readable{read_end, POLLIN, 0};
      ::poll(&readable, 1, -1);
      count -= get(count);
    }
  }
  std::size_t count() const {
    int bytes = 0;
    return ::ioctl(read_end, FIONREAD, &bytes) == 0 ? static_cast<std::size_t>(bytes) : 0;
  }

  int read_end = -1;
  int write_end = -1;
};

struct Pipes {
  Pipe slots;
  Pipe cpu;
};

class PipeMember final : public MemberLoops<PipeMember> {
 public:
  explicit PipeMember(const Pipes& pipes) : pipes_(pipes) {}

  bool try_take() override {
    if (pipes_.slots.get(1) == 0) return false;
    const std::size_t got = pipes_.cpu.get(kCpuUnitsPerSlot);
    if (got == kCpuUnitsPerSlot) return true;
    if (got > 0) pipes_.cpu.put(got);
    pipes_.slots.put(1);
    return false;
  }
  void take() override {
    pipes_.slots.wait_for(1);
    pipes_.cpu.wait_for(kCpuUnitsPerSlot);
  }
  void give_back() override {
    pipes_.cpu.put(kCpuUnitsPerSlot);
    pipes_.slots.put(1);
  }
  bool probe_free() override {
    return pipes_.slots.count() > 0 && pipes_.cpu.count() >= kCpuUnitsPerSlot;
  }

 private:
  const Pipes& pipes_;
};

class PipeContender final : public Contender {
 public:
  std::string name() const override { return "pipe_tokens"; }
  Recovery recovery() const override { return Recovery::kNever; }
  std::uint64_t batch() const override { return 4; }
  void set_room(std::uint32_t slots) override {
    pipes_ = std::make_unique<Pipes>();
    pipes_->slots.put(slots);
    pipes_->cpu.put(slots * kCpuUnitsPerSlot);
  }
  std::unique_ptr<Member> join() const override { return std::make_unique<PipeMember>(*pipes_); }

 private:
  std::unique_ptr<Pipes> pipes_;
};

}  // namespace

std::unique_ptr<Contender> make_pipe_tokens() { return std::make_unique<PipeContender>(); }

}  // namespace slotd::bench
