#include "broker/liveness/pid_translate.hpp"

#include <dirent.h>

#include <array>
#include <charconv>
#include <memory>
#include <string>

#include "slotd/process_probe.hpp"

namespace slotd::broker {

std::optional<int> parse_innermost_pid(std::string_view status) {
  constexpr std::string_view kLabel = "\nNSpid:";
  const std::size_t at = status.find(kLabel);
  if (at == std::string_view::npos) return std::nullopt;
  std::string_view line = status.substr(at + kLabel.size());
  line = line.substr(0, line.find('\n'));
  const std::size_t last = line.find_last_of("\t ");
  const std::string_view digits = last == std::string_view::npos ? line : line.substr(last + 1);
  int pid = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), pid);
  if (digits.empty() || parsed.ec != std::errc{} || pid <= 0) return std::nullopt;
  return pid;
}

namespace {

/// Namespace and innermost pid of a process of /proc; nothing when the caller may not know.
std::optional<std::pair<std::uint32_t, std::uint32_t>> read_inner_pid(const std::string& folder) {
  const auto inode = static_cast<std::uint32_t>(read_inode((folder + "/ns/pid").c_str()));
  std::array<char, 4096> status{};
  if (inode == 0 || read_small_file((folder + "/status").c_str(), status) <= 0) return std::nullopt;
  const auto inner = parse_innermost_pid(status.data());
  if (!inner) return std::nullopt;
  return std::pair{inode, static_cast<std::uint32_t>(*inner)};
}

}  // namespace

PidMap read_pid_map(std::uint32_t own_ns_inode) {
  PidMap found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (proc == nullptr) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    const auto inner = read_inner_pid(std::string("/proc/") + entry->d_name);
    if (inner && inner->first != own_ns_inode) found[*inner] = std::atoi(entry->d_name);
  }
  return found;
}

bool is_pid_of(int host_pid, std::uint32_t pid_ns_inode, std::uint32_t pid) {
  const auto inner = read_inner_pid("/proc/" + std::to_string(host_pid));
  return inner && inner->first == pid_ns_inode && inner->second == pid;
}

}  // namespace slotd::broker
