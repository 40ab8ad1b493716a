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

PidMap read_pid_map(std::uint32_t own_ns_inode) {
  PidMap found;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (proc == nullptr) return found;
  while (const dirent* entry = ::readdir(proc.get())) {
    if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
    const std::string folder = std::string("/proc/") + entry->d_name;
    const auto inode = static_cast<std::uint32_t>(read_inode((folder + "/ns/pid").c_str()));
    if (inode == 0 || inode == own_ns_inode) continue;  // 0: not allowed to know
    std::array<char, 4096> status{};
    if (read_small_file((folder + "/status").c_str(), status) <= 0) continue;
    if (const auto inner = parse_innermost_pid(status.data())) {
      found[{inode, static_cast<std::uint32_t>(*inner)}] = std::atoi(entry->d_name);
    }
  }
  return found;
}

}  // namespace slotd::broker
