#include "broker/http/server.hpp"

#include <fcntl.h>
#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace slotd::broker {

namespace {

using Clock = std::chrono::steady_clock;
using Ms = std::chrono::milliseconds;

constexpr Ms kSlice{50};  ///< how often one who waits looks whether it still may
constexpr int kMethodNotAllowed = 405;
constexpr int kInternalError = 500;
constexpr int kUnusedPort = 1;  // of a Unix socket: the library wants a number

/// What connections ask about each other.
struct Crowd {
  std::atomic<bool> is_stopping{false};
  std::atomic<std::size_t> queued{0};
};

/// One connection with an end to its patience.
class BoundedStream : public httplib::Stream {
 public:
  BoundedStream(int fd, const Crowd& crowd) : fd_(fd), crowd_(crowd) {}

  bool is_readable() const override { return next_ < filled_ || wait_for(POLLIN); }
  bool is_writable() const override { return wait_for(POLLOUT); }

  ssize_t read(char* to, std::size_t size) override {
    if (next_ == filled_ && !fill()) return at_end_ ? 0 : -1;
    const std::size_t count = std::min(size, filled_ - next_);
    std::memcpy(to, buffer_.data() + next_, count);
    next_ += count;
    return static_cast<ssize_t>(count);
  }
  ssize_t write(const char* from, std::size_t size) override {
    if (!wait_for(POLLOUT)) return -1;
    return ::send(fd_, from, size, MSG_NOSIGNAL | MSG_DONTWAIT);
  }

  void get_remote_ip_and_port(std::string& ip, int& port) const override {
    ip.clear();
    port = 0;
  }
  void get_local_ip_and_port(std::string& ip, int& port) const override {
    get_remote_ip_and_port(ip, port);
  }
  socket_t socket() const override { return fd_; }

 private:
  bool fill() {
    if (received_ >= kMostRequestBytes || !wait_for(POLLIN)) return false;
    const ssize_t got = ::recv(fd_, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    at_end_ = got == 0;
    if (got <= 0) return false;
    next_ = 0;
    filled_ = static_cast<std::size_t>(got);
    received_ += filled_;
    return true;
  }
  bool wait_for(short events) const {
    for (;;) {
      const auto waited = Clock::now() - begun_;
      const Ms patience(crowd_.queued.load(std::memory_order_relaxed) > 0 ? kHurriedMs
                                                                          : kRequestMs);
      if (crowd_.is_stopping.load(std::memory_order_relaxed) || waited >= patience) return false;
      pollfd wanted{fd_, events, 0};
      const int ready = ::poll(&wanted, 1, static_cast<int>(kSlice.count()));
      if (ready > 0) return true;
      if (ready < 0 && errno != EINTR) return false;
    }
  }

  int fd_;
  const Crowd& crowd_;
  Clock::time_point begun_ = Clock::now();
  std::array<char, 4096> buffer_{};
  std::size_t next_ = 0;
  std::size_t filled_ = 0;
  std::size_t received_ = 0;
  bool at_end_ = false;
};

/// A fixed number of threads, and a queue with an end: whoever brings more waits.
class BoundedQueue : public httplib::TaskQueue {
 public:
  explicit BoundedQueue(Crowd& crowd) : crowd_(crowd) {
    for (std::size_t i = 0; i < kHttpThreads; ++i) threads_.emplace_back([this] { work(); });
  }

  void enqueue(std::function<void()> task) override {
    std::unique_lock<std::mutex> lock(mutex_);
    while (tasks_.size() >= kMostQueued && !crowd_.is_stopping.load(std::memory_order_relaxed))
      changed_.wait_for(lock, kSlice);
    tasks_.push_back(std::move(task));
    crowd_.queued.store(tasks_.size(), std::memory_order_relaxed);
    changed_.notify_all();
  }
  /// What is queued is still run: each closes its connection.
  void shutdown() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      is_over_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void work() {
    for (;;) {
      std::function<void()> task;
      {
        std::unique_lock<std::mutex> lock(mutex_);
        changed_.wait(lock, [this] { return is_over_ || !tasks_.empty(); });
        if (tasks_.empty()) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
        crowd_.queued.store(tasks_.size(), std::memory_order_relaxed);
      }
      changed_.notify_all();
      task();
    }
  }

  Crowd& crowd_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  bool is_over_ = false;
};

/// The library's server with connections of our own.
class Server : public httplib::Server {
 public:
  explicit Server(const Crowd& crowd) : crowd_(crowd) {}

 private:
  bool process_and_close_socket(socket_t fd) override {
    bool is_done = false;
    try {
      BoundedStream stream(fd, crowd_);
      bool is_closed = false;
      is_done = process_request(stream, true, is_closed, nullptr);
    } catch (const std::exception&) {
      // Out of memory, or a request that the library cannot bear: this connection's end alone.
    }
    ::shutdown(fd, SHUT_RDWR);
    ::close(fd);
    return is_done;
  }

  const Crowd& crowd_;
};

void answer(const HttpServer::Handler& handler, const httplib::Request& request,
            httplib::Response& response) {
  HttpReply reply;
  if (request.method != "GET" && request.method != "HEAD") {
    reply = {kMethodNotAllowed, "text/plain; charset=utf-8", "only GET and HEAD\n"};
    response.set_header("Allow", "GET, HEAD");
  } else {
    try {
      reply = handler(request.path);
    } catch (const std::exception&) {
      reply = {kInternalError, "text/plain; charset=utf-8", "internal error\n"};
    }
  }
  response.status = reply.status;
  response.set_header("Cache-Control", "no-store");
  response.set_header("X-Content-Type-Options", "nosniff");
  response.set_header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
  response.set_content(reply.body, reply.type);
}

/// The library's own options let a second process bind the same port.
void set_options(socket_t fd) {
  const int yes = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/// Does anybody listen on this socket? Whoever is dead does not. Does not wait: a listener whose
/// queue is full says so at once.
bool is_listened_on(const std::string& path) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size());
  const bool is_taken =
      ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0 ||
      errno == EAGAIN;
  ::close(fd);
  return is_taken;
}

/// Takes a socket away that somebody left; anything else stays, and is the answer.
std::string clear_socket_path(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path))
    return path + ": too long for a Unix socket, whose path has at most 107 bytes";
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) return {};
  if (!S_ISSOCK(found.st_mode)) return path + ": is there and is no socket";
  if (is_listened_on(path)) return path + ": another process listens there";
  return ::unlink(path.c_str()) == 0 ? std::string() : path + ": " + std::strerror(errno);
}

/// The file of the socket, not what it is bound to; 0 where there is none.
ino_t socket_inode_of(const std::string& path) {
  struct stat found {};
  const bool is_socket = ::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode);
  return is_socket ? found.st_ino : 0;
}

}  // namespace

struct HttpServer::Impl {
  Crowd crowd;
  Server server{crowd};
  std::thread listener;
  std::string path;
  ino_t inode = 0;  ///< of the Unix socket's file
};

HttpServer::HttpServer() = default;
HttpServer::~HttpServer() { stop(); }

bool HttpServer::is_built() { return true; }

std::string HttpServer::start(const HttpAddress& address, Handler handler) {
  auto impl = std::make_unique<Impl>();
  Impl& mine = *impl;
  mine.path = address.path;
  mine.server.new_task_queue = [&mine] { return new BoundedQueue(mine.crowd); };
  mine.server.set_socket_options(set_options);
  mine.server.set_payload_max_length(kMostRequestBytes);
  // Before routing: no pattern is matched against what a client sends, no body is read.
  mine.server.set_pre_routing_handler(
      [handler = std::move(handler)](const httplib::Request& request, httplib::Response& response) {
        answer(handler, request, response);
        return httplib::Server::HandlerResponse::Handled;
      });
  bool is_bound = false;
  if (!address.path.empty()) {
    if (const std::string problem = clear_socket_path(address.path); !problem.empty())
      return problem;
    mine.server.set_address_family(AF_UNIX);
    const mode_t before = ::umask(0177);
    is_bound = mine.server.bind_to_port(address.path, kUnusedPort);
    ::umask(before);
    mine.inode = socket_inode_of(address.path);
  } else {
    is_bound = mine.server.bind_to_port(address.host, address.port);
  }
  if (!is_bound) return std::string("cannot listen: ") + std::strerror(errno);
  mine.listener = std::thread([&mine] { mine.server.listen_after_bind(); });
  // stop() means nothing to the library before that.
  while (!mine.server.is_running()) std::this_thread::sleep_for(Ms(1));
  impl_ = std::move(impl);
  return {};
}

void HttpServer::stop() {
  if (!impl_) return;
  impl_->crowd.is_stopping.store(true, std::memory_order_relaxed);
  impl_->server.stop();
  impl_->listener.join();
  // Not what somebody else has put there meanwhile.
  if (!impl_->path.empty() && !has_lost_socket()) ::unlink(impl_->path.c_str());
  impl_.reset();
}

bool HttpServer::has_lost_socket() const {
  return impl_ && !impl_->path.empty() && socket_inode_of(impl_->path) != impl_->inode;
}

}  // namespace slotd::broker
