#include "broker/http/endpoint.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "broker/http/pages.hpp"
#include "broker/log.hpp"
#include "broker/metrics/exposition.hpp"
#include "slotd/metrics.hpp"
#include "slotd/segment.hpp"
#include "slotd/snapshot.hpp"
#include "slotd/status_document.hpp"

namespace slotd::broker {

namespace {

constexpr int kNotFound = 404;
constexpr int kUnavailable = 503;
constexpr char kUsualName[] = "segment";
constexpr char kText[] = "text/plain; charset=utf-8";

HttpReply unavailable(const std::string& why) { return {kUnavailable, kText, why + "\n"}; }

bool is_page(const std::string& path) {
  return path == "/" || path == "/metrics" || path == "/readyz" || path == "/v1/status";
}

/// Whoever may read the segment may ask, for which one has to write to the socket: 0660 for the
/// usual segment.
mode_t socket_mode_of(mode_t segment_mode) {
  const mode_t readable = segment_mode & (S_IRUSR | S_IRGRP | S_IROTH);
  return readable | (readable >> 1U);
}

/// Best effort: else it is the broker's user alone. Nothing is asked for that is so already.
void share_socket(const std::string& path, int segment_file) {
  struct stat segment {};
  struct stat socket {};
  if (::fstat(segment_file, &segment) != 0 || ::lstat(path.c_str(), &socket) != 0) return;
  const mode_t mode = socket_mode_of(segment.st_mode);
  const bool is_given = socket.st_gid == segment.st_gid ||
                        ::chown(path.c_str(), static_cast<uid_t>(-1), segment.st_gid) == 0;
  if (!is_given || ((socket.st_mode & 0777U) != mode && ::chmod(path.c_str(), mode) != 0))
    log_warning(escape_bytes(path) +
                ": cannot be given to the segment's group: " + std::strerror(errno));
}

/// Beside the segment and named after it, as its lock is, so that two brokers never mean the same.
std::string default_socket_of(const std::string& segment_path) {
  const std::size_t name_at = segment_path.rfind('/') + 1;
  const std::string name = segment_path.substr(name_at);
  return segment_path.substr(0, name_at) + (name == kUsualName ? "" : name + ".") + "http.sock";
}

HttpAddress address_of(const HttpConfig& config, const std::string& segment_path) {
  const bool is_default = config.listen == HttpListen::kUnix && config.path.empty();
  return {is_default ? default_socket_of(segment_path) : config.path, config.host, config.port};
}

std::string text_of(const HttpAddress& address) {
  return address.path.empty() ? address.host + ":" + std::to_string(address.port)
                              : "unix:" + address.path;
}

}  // namespace

void HttpEndpoint::follow(const HttpConfig& config, const std::string& segment_path,
                          int segment_file) {
  const bool is_same =
      is_following_ && config == config_ && config.mark.known() == config_.mark.known();
  is_following_ = true;
  config_ = config;
  segment_path_ = segment_path;
  const HttpAddress address = address_of(config, segment_path);
  if (!is_same || server_.has_lost_socket()) {
    stop();
    if (config.listen != HttpListen::kOff) listen(address);
  }
  if (server_.is_running() && !address.path.empty()) share_socket(address.path, segment_file);
}

void HttpEndpoint::listen(const HttpAddress& address) {
  const std::string where = escape_bytes(text_of(address));
  const std::string problem =
      server_.start(address, [this](const std::string& path) { return answer(path); });
  if (problem.empty()) return log_info("event=http listen=" + where);
  const std::string text = "event=http_failed listen=" + where + ": " + escape_bytes(problem) +
                           "; the broker goes on without it";
  config_.mark.known() ? log_error(text) : log_warning(text);
}

void HttpEndpoint::tick(bool is_lost) noexcept {
  is_lost_.store(is_lost, std::memory_order_relaxed);
  ticked_at_ns_.store(monotonic_ns(), std::memory_order_relaxed);
}

void HttpEndpoint::stop() { server_.stop(); }

HttpReply HttpEndpoint::answer(const std::string& path) {
  if (path == "/healthz") return answer_health();
  if (!is_page(path)) return {kNotFound, kText, "not found\n"};
  if (is_lost_.load(std::memory_order_relaxed))
    return unavailable("rebuilding: the segment was lost and is being made anew");
  const std::lock_guard<std::mutex> lock(mutex_);
  if (!open()) return unavailable("there is no segment");
  return answer_from_segment(path);
}

HttpReply HttpEndpoint::answer_health() const {
  const std::uint64_t ticked_ns = ticked_at_ns_.load(std::memory_order_relaxed);
  const std::uint64_t now_ns = monotonic_ns();
  if (now_ns > ticked_ns && now_ns - ticked_ns > kLongestSilenceNs)
    return unavailable("the broker's loop stands still");
  return {200, kText, "ok\n"};
}

/// Goes over to the segment under the path when the one that was read is in use no more.
bool HttpEndpoint::open() {
  const auto ready = static_cast<std::uint64_t>(SegmentState::kReady);
  const bool is_current = processes_.view() &&
                          processes_.view().header().state.load(std::memory_order_acquire) == ready;
  if (is_current) return true;
  const OpenedSegment opened = open_segment(segment_path_, Access::kReadOnly, read_boot_id());
  if (opened.code != Errc::kOk) return false;
  processes_ = ProcessTable(opened.view(Access::kReadOnly), read_self_identity(), false);
  return true;
}

HttpReply HttpEndpoint::answer_from_segment(const std::string& path) {
  const SegmentView& view = processes_.view();
  const Snapshot snapshot = read_snapshot(processes_);
  if (path == "/metrics") {
    return {200, kExpositionType,
            write_exposition(make_metrics(snapshot, read_totals_by_type(view),
                                          read_broker_totals(view.node().broker)))};
  }
  const std::uint64_t drain = view.header().drain.load(std::memory_order_acquire);
  if (path == "/v1/status") {
    return {200, "application/json", write_status_document(snapshot, segment_path_, drain) + "\n"};
  }
  if (path == "/")
    return {200, "text/html; charset=utf-8", write_status_page(snapshot, segment_path_, drain)};
  const std::string reason = unready_reason(snapshot, drain);
  return reason.empty() ? HttpReply{200, kText, "ready\n"} : unavailable(reason);
}

}  // namespace slotd::broker
