// The broker's HTTP endpoint: /metrics, /healthz, /readyz, /v1/status and a status page at /.
//
// Its threads read the segment through a read-only mapping of their own, one request at a time, and
// share two atomics with the loop: nothing that a client does reaches it. A segment that is
// replaced is followed at the next request. follow(), tick() and stop() are the loop's; nothing
// here waits for a client.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "broker/config/config.hpp"
#include "broker/http/server.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

/// So long after the loop's last tick the process does not count as healthy any more; ticks come
/// every 100 ms.
inline constexpr std::uint64_t kLongestSilenceNs = 5'000'000'000;

class HttpEndpoint {
 public:
  /// Listens where the configuration says, from now on; logs what stands in the way, without which
  /// the broker goes on: an error where the place was asked for, else a warning. What has not
  /// changed goes on, unless its socket was taken away. `segment_file` is the open segment: a Unix
  /// socket gets its group, and is for those who may read it.
  void follow(const HttpConfig& config, const std::string& segment_path, int segment_file);
  /// The loop lives. `is_lost`: there is no segment now.
  void tick(bool is_lost) noexcept;
  void stop();

 private:
  void listen(const HttpAddress& address);
  HttpReply answer(const std::string& path);
  HttpReply answer_health() const;
  bool open();
  HttpReply answer_from_segment(const std::string& path);

  HttpServer server_;
  HttpConfig config_;  ///< what was last followed
  bool is_following_ = false;
  std::string segment_path_;
  std::atomic<std::uint64_t> ticked_at_ns_{0};
  std::atomic<bool> is_lost_{false};
  std::mutex mutex_;        ///< of what follows
  ProcessTable processes_;  ///< over the read-only view; empty before the first request
};

}  // namespace slotd::broker
