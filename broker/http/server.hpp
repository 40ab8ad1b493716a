// A small HTTP server for a few pages: reads one request a connection, answers, closes. server.cpp
// is the only file that knows cpp-httplib; where that was not there at the build, start() says so.
//
// Its threads are its own, a fixed number of them, and nothing here waits for a client on the
// caller's thread: a client has kRequestMs for everything, kHurriedMs while others wait, and may
// send kMostRequestBytes. What comes beyond kMostQueued connections stays in the kernel's queue. So
// slow, silent and many clients delay each other and nobody else. stop() returns within a slice of
// waiting and one answer. start() and stop() from one thread; the handler is called by several.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace slotd::broker {

inline constexpr std::size_t kHttpThreads = 4;
inline constexpr std::size_t kMostQueued = 64;
inline constexpr std::uint64_t kRequestMs = 5'000;
inline constexpr std::uint64_t kHurriedMs = 100;
inline constexpr std::size_t kMostRequestBytes = 65'536;

/// Where to listen: a Unix socket where `path` is set, else host and port.
struct HttpAddress {
  std::string path;
  std::string host;
  std::uint16_t port = 0;
};

struct HttpReply {
  int status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
};

class HttpServer {
 public:
  /// Answers a GET of this path, without its query. What it throws is a 500.
  using Handler = std::function<HttpReply(const std::string& path)>;

  HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;
  ~HttpServer();

  /// Can this build do it at all?
  static bool is_built();

  /// Listens and serves from now on. Empty, or why not. A socket under the path that nobody listens
  /// on is replaced, anything else there is not; a new one is for its owner alone.
  /// Precondition: not running; for a Unix socket no other thread makes files meanwhile.
  std::string start(const HttpAddress& address, Handler handler);
  /// Ends all connections and threads, and takes the socket's file away. Nothing when not running.
  void stop();
  bool is_running() const noexcept { return impl_ != nullptr; }
  /// Somebody took the file of its Unix socket away: nobody can come any more.
  bool has_lost_socket() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slotd::broker
