// Leases in a Redis server of the benchmark's own, on a Unix socket: one Lua script claims, another
// gives back. A lease that has run out is dropped by the next claim. Who waits is told by a
// published message that a lease was given back, and of one that ran out by nobody: it asks again
// each second. The protocol (RESP) is spoken here, so no client library stands between.
#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "tests/bench/rivals/contender.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

constexpr const char* kServer = "/usr/bin/redis-server";

// KEYS: leases by the time at which they run out, the CPU in use, the limits. ARGV: the lease's
// name, its CPU, how long it lasts in ms; no name: would it be admitted?
constexpr const char* kClaimScript = R"(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local cost = tonumber(ARGV[2])
local dropped = redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
if dropped > 0 then redis.call('DECRBY', KEYS[2], dropped * cost) end
local limits = redis.call('MGET', KEYS[3], KEYS[4])
if redis.call('ZCARD', KEYS[1]) >= tonumber(limits[1]) then return 0 end
local cpu = tonumber(redis.call('GET', KEYS[2]) or 0)
if cpu + cost > tonumber(limits[2]) then return 0 end
if ARGV[1] == '' then return 1 end
redis.call('ZADD', KEYS[1], now + ARGV[3], ARGV[1])
redis.call('INCRBY', KEYS[2], cost)
return 1
)";
constexpr const char* kReleaseScript = R"(
if redis.call('ZREM', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('DECRBY', KEYS[2], ARGV[2])
redis.call('PUBLISH', 'given_back', '')
return 1
)";
constexpr int kAskEveryMs = 1'000;

/// One command of the protocol.
std::string make_command(const std::vector<std::string>& words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    text += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return text;
}

class Connection {
 public:
  explicit Connection(const std::string& path)
      : fd_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), std::min(path.size(), sizeof(address.sun_path) - 1));
    if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) return;
    const int error = errno;
    ::close(fd_);
    throw std::system_error(error, std::generic_category(), path);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { ::close(fd_); }

  /// The reply's text without its end: ":1", "+OK", or the string itself of one that is a string.
  std::string send(const std::string& command) const {
    send_only(command);
    // The replies asked for here are short: one line, or a length and a line.
    std::string reply;
    while (!is_whole(reply)) {
      std::array<char, 256> part{};
      const ssize_t got = ::recv(fd_, part.data(), part.size(), 0);
      if (got <= 0) throw std::runtime_error("redis-server gave no answer");
      reply.append(part.data(), static_cast<std::size_t>(got));
    }
    if (reply[0] == '-') throw std::runtime_error("redis-server: " + reply);
    if (reply[0] == '$') reply.erase(0, reply.find('\n') + 1);
    return reply.substr(0, reply.find('\r'));
  }
  void send_only(const std::string& command) const {
    if (::send(fd_, command.data(), command.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(command.size()))
      throw std::runtime_error("redis-server took no command");
  }
  /// Waits until something has come, and forgets it. False: nothing came in that time.
  bool wait_for_news(int limit_ms) const {
    pollfd readable{fd_, POLLIN, 0};
    if (::poll(&readable, 1, limit_ms) <= 0) return false;
    std::array<char, 4096> news{};
    if (::recv(fd_, news.data(), news.size(), 0) <= 0)
      throw std::runtime_error("redis-server is gone");
    return true;
  }

 private:
  static bool is_whole(const std::string& reply) {
    if (reply.empty() || reply.back() != '\n') return false;
    return reply[0] != '$' || reply.find('\n') != reply.size() - 1;
  }

  int fd_;
};

/// The commands of a set-up, in which only the lease's name changes.
struct Scripts {
  std::string claim;
  std::string release;
  std::uint32_t lease_ms = 0;

  std::string make_claim(const std::string& lease) const {
    return make_command({"EVALSHA", claim, "4", "leases", "cpu", "limit", "cpu_limit", lease,
                         std::to_string(kCpuUnitsPerSlot), std::to_string(lease_ms)});
  }
  std::string make_release(const std::string& lease) const {
    return make_command(
        {"EVALSHA", release, "2", "leases", "cpu", lease, std::to_string(kCpuUnitsPerSlot)});
  }
};

class RedisMember final : public MemberLoops<RedisMember> {
 public:
  RedisMember(const std::string& socket_path, const Scripts& scripts)
      : connection_(socket_path),
        socket_path_(socket_path),
        scripts_(scripts),
        probe_(scripts.make_claim("")) {}

  bool try_take() override {
    lease_ = std::to_string(pid_) + "-" + std::to_string(++count_);
    return connection_.send(scripts_.make_claim(lease_)) == ":1";
  }
  void take() override {
    if (news_ == nullptr) {
      news_ = std::make_unique<Connection>(socket_path_);
      news_->send_only(make_command({"SUBSCRIBE", "given_back"}));
      news_->wait_for_news(-1);  // it is subscribed before it asks
    }
    while (news_->wait_for_news(0)) {
    }
    while (!try_take()) news_->wait_for_news(kAskEveryMs);
  }
  void give_back() override {
    if (connection_.send(scripts_.make_release(lease_)) != ":1")
      fail_child("a lease had run out before it was given back");
  }
  bool probe_free() override { return connection_.send(probe_) == ":1"; }

 private:
  Connection connection_;
  std::unique_ptr<Connection> news_;  ///< of who has waited
  std::string socket_path_;
  Scripts scripts_;
  std::string probe_;
  pid_t pid_ = ::getpid();
  std::uint64_t count_ = 0;
  std::string lease_;
};

class RedisContender final : public Contender {
 public:
  explicit RedisContender(std::uint32_t lease_ms) {
    if (::access(kServer, X_OK) != 0)
      throw std::runtime_error(std::string(kServer) + " is not installed (package redis-server)");
    scripts_.lease_ms = lease_ms;
    start();
    if (!testing::wait_until([&] { return is_serving(); })) {
      stop();
      throw std::runtime_error("redis-server does not answer: " +
                               testing::read_text(folder_.file("log")));
    }
    const Connection connection(socket_path());
    scripts_.claim = connection.send(make_command({"SCRIPT", "LOAD", kClaimScript}));
    scripts_.release = connection.send(make_command({"SCRIPT", "LOAD", kReleaseScript}));
  }
  RedisContender(const RedisContender&) = delete;
  RedisContender& operator=(const RedisContender&) = delete;
  ~RedisContender() override { stop(); }

  std::string name() const override { return "redis_leases"; }
  Recovery recovery() const override { return Recovery::kAfterLease; }
  std::uint64_t batch() const override { return 1; }
  void set_room(std::uint32_t slots) override {
    const Connection connection(socket_path());
    connection.send(make_command({"FLUSHALL"}));
    connection.send(make_command({"SET", "limit", std::to_string(slots)}));
    connection.send(make_command({"SET", "cpu_limit", std::to_string(slots * kCpuUnitsPerSlot)}));
  }
  std::unique_ptr<Member> join() const override {
    return std::make_unique<RedisMember>(socket_path(), scripts_);
  }

 private:
  std::string socket_path() const { return folder_.file("socket"); }

  void start() {
    const std::string path = socket_path();
    const std::string log = folder_.file("log");
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    ::execl(kServer, kServer, "--port", "0", "--unixsocket", path.c_str(), "--unixsocketperm",
            "700", "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir",
            folder_.path().c_str(), static_cast<char*>(nullptr));
    ::_exit(127);
  }
  bool is_serving() const {
    try {
      return Connection(socket_path()).send(make_command({"PING"})) == "+PONG";
    } catch (const std::exception&) {
      return false;
    }
  }
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(std::exchange(pid_, -1), nullptr, 0);
  }

  testing::TestFolder folder_;
  Scripts scripts_;
  pid_t pid_ = -1;
};

}  // namespace

std::unique_ptr<Contender> make_redis(std::uint32_t lease_ms) {
  return std::make_unique<RedisContender>(lease_ms);
}

}  // namespace slotd::bench
