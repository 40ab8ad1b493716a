// A client for the broker's HTTP endpoint that says exactly what it is told to: whole requests,
// half ones, and bytes that are none. Not thread-safe; reading blocks until the server closes, at
// most kPatienceMs.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <stdexcept>
#include <string>

#include "slotd/process_probe.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::testing {

struct HttpAnswer {
  int status = 0;  ///< 0: no answer
  std::string head;
  std::string body;
};

class HttpConnection {
 public:
  /// Of a Unix socket.
  explicit HttpConnection(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof(address.sun_path)) throw std::runtime_error("path too long");
    std::memcpy(address.sun_path, path.c_str(), path.size());
    open(AF_UNIX, &address, sizeof(address));
  }
  /// Of a port of 127.0.0.1.
  explicit HttpConnection(std::uint16_t port) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    open(AF_INET, &address, sizeof(address));
  }

  bool is_open() const { return static_cast<bool>(fd_); }
  bool send(const std::string& bytes) const {
    return ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT) ==
           static_cast<ssize_t>(bytes.size());
  }
  /// Everything up to the end of the connection.
  HttpAnswer read() const {
    std::string all;
    std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got <= 0) break;
      all.append(buffer.data(), static_cast<std::size_t>(got));
    }
    HttpAnswer answer;
    const std::size_t end = all.find("\r\n\r\n");
    if (all.compare(0, 7, "HTTP/1.") != 0 || all.size() < 12 || end == std::string::npos)
      return answer;
    answer.status = std::stoi(all.substr(9, 3));
    answer.head = all.substr(0, end);
    answer.body = all.substr(end + 4);
    return answer;
  }
  HttpAnswer get(const std::string& path, const std::string& method = "GET") const {
    send(method + " " + path + " HTTP/1.1\r\nHost: node\r\n\r\n");
    return read();
  }

 private:
  void open(int family, const void* address, socklen_t size) {
    UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience{kPatienceMs / 1000, 0};
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (::connect(fd.get(), static_cast<const sockaddr*>(address), size) == 0) fd_ = std::move(fd);
  }

  UniqueFd fd_;
};

/// A port of 127.0.0.1 that nobody listens on just now.
inline std::uint16_t find_free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw std::runtime_error("no free port");
  return ntohs(address.sin_port);
}

}  // namespace slotd::testing
