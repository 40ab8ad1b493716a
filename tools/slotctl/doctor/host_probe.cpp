#include "tools/slotctl/doctor/host_probe.hpp"

#include <sched.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "slotd/clock.hpp"
#include "slotd/futex.hpp"

namespace slotd::ctl {

namespace {

namespace fs = std::filesystem;

/// Nothing when it cannot be read; of a file that is too long for its kind, the beginning.
std::optional<std::string> read_file(const std::string& path) {
  constexpr std::streamsize kMost = 64 * 1024;
  std::ifstream in(path, std::ios::binary);
  if (!in) return std::nullopt;
  std::string text(kMost, '\0');
  in.read(text.data(), kMost);
  if (in.bad()) return std::nullopt;
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

std::string_view trim(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  text = trim(text);
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// As systemd reads booleans.
std::optional<bool> parse_boolean(std::string_view text) {
  for (const std::string_view yes : {"yes", "true", "on", "1", "y", "t"})
    if (text == yes) return true;
  for (const std::string_view no : {"no", "false", "off", "0", "n", "f"})
    if (text == no) return false;
  return std::nullopt;
}

struct LogindFile {
  std::string
      name;  ///< of a drop-in: by which they are ordered, and hidden by one of the same name
  std::string path;
};

/// The main file, then the drop-ins by their names.
std::vector<LogindFile> find_logind_files(const std::vector<std::string>& folders) {
  std::vector<LogindFile> files;
  for (const std::string& folder : folders) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder + "/logind.conf.d", error)) {
      const std::string name = entry.path().filename();
      const bool is_hidden = std::any_of(files.begin(), files.end(),
                                         [&](const LogindFile& file) { return file.name == name; });
      if (entry.path().extension() == ".conf" && !is_hidden) files.push_back({name, entry.path()});
    }
  }
  std::sort(files.begin(), files.end(),
            [](const LogindFile& a, const LogindFile& b) { return a.name < b.name; });
  for (const std::string& folder : folders) {
    const std::string path = folder + "/logind.conf";
    if (::access(path.c_str(), R_OK) != 0) continue;
    files.insert(files.begin(), {"", path});
    break;
  }
  return files;
}

void read_logind(const HostPaths& paths, const std::string& owner, HostFacts& facts) {
  facts.has_logind = fs::exists(paths.run + "/systemd/seats");
  for (const LogindFile& file : find_logind_files(paths.logind)) {
    const auto text = read_file(file.path);
    const auto said = text ? parse_remove_ipc(*text) : std::nullopt;
    if (!said) continue;
    facts.remove_ipc = said;
    facts.remove_ipc_file = file.path;
  }
  facts.owner_lingers = !owner.empty() && fs::exists(paths.linger + '/' + owner);
}

std::uint32_t count_allowed(int pid) {
  // Room for more CPUs than cpu_set_t has: the kernel refuses a mask that is too small.
  constexpr int kMostCpus = 8192;
  cpu_set_t* mask = CPU_ALLOC(kMostCpus);
  if (mask == nullptr) return 0;
  const std::size_t bytes = CPU_ALLOC_SIZE(kMostCpus);
  const bool known = ::sched_getaffinity(pid, bytes, mask) == 0;
  const int count = known ? CPU_COUNT_S(bytes, mask) : 0;
  CPU_FREE(mask);
  return static_cast<std::uint32_t>(count);
}

/// The smallest quota from the control group up to the root.
std::optional<std::uint64_t> read_quota(const HostPaths& paths, const std::string& process) {
  const auto text = read_file(paths.proc + '/' + process + "/cgroup");
  std::string group = text ? parse_cgroup_path(*text) : "";
  std::optional<std::uint64_t> smallest;
  while (!group.empty() && group != "/") {
    const auto limit = read_file(paths.cgroup + group + "/cpu.max");
    const auto micro = limit ? parse_cpu_max_micro(*limit) : std::nullopt;
    if (micro && (!smallest || *micro < *smallest)) smallest = micro;
    group.resize(group.rfind('/'));
  }
  return smallest;
}

}  // namespace

std::optional<bool> parse_remove_ipc(std::string_view text) {
  constexpr std::string_view kKey = "RemoveIPC";
  std::optional<bool> found;
  bool is_in_section = false;
  std::istringstream lines{std::string(text)};
  for (std::string raw; std::getline(lines, raw);) {
    const std::string_view line = trim(raw);
    if (line.empty() || line.front() == '#' || line.front() == ';') continue;
    if (line.front() == '[') {
      is_in_section = line == "[Login]";
      continue;
    }
    const std::size_t equals = line.find('=');
    if (!is_in_section || equals == std::string_view::npos) continue;
    if (trim(line.substr(0, equals)) != kKey) continue;
    const auto value = parse_boolean(trim(line.substr(equals + 1)));
    if (value) found = value;
  }
  return found;
}

std::optional<std::uint64_t> parse_cpu_max_micro(std::string_view text) {
  constexpr std::uint64_t kMicroPerCpu = 1'000'000;
  constexpr std::uint64_t kMostQuotaUs = 1'000'000'000'000;
  text = trim(text);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  const auto quota = parse_number<std::uint64_t>(text.substr(0, space));
  const auto period = parse_number<std::uint64_t>(text.substr(space + 1));
  if (!quota || !period || *period == 0 || *quota > kMostQuotaUs) return std::nullopt;
  return *quota * kMicroPerCpu / *period;
}

std::string parse_cgroup_path(std::string_view text) {
  constexpr std::string_view kStart = "0::";
  std::istringstream lines{std::string(text)};
  for (std::string line; std::getline(lines, line);) {
    if (line.compare(0, kStart.size(), kStart) != 0) continue;
    const std::string path = line.substr(kStart.size());
    // What lies outside of one's own cgroup namespace is shown as /../..: it cannot be looked at.
    return path.empty() || path[0] != '/' || path.find("/..") != std::string::npos ? "" : path;
  }
  return {};
}

std::uint32_t parse_cpu_list(std::string_view text) {
  constexpr std::uint32_t kMostCpus = 1U << 16;
  std::uint32_t count = 0;
  std::istringstream ranges{std::string(trim(text))};
  for (std::string range; std::getline(ranges, range, ',');) {
    const std::size_t dash = range.find('-');
    const auto first = parse_number<std::uint32_t>(range.substr(0, dash));
    const auto last =
        dash == std::string::npos ? first : parse_number<std::uint32_t>(range.substr(dash + 1));
    if (first && last && *last >= *first && *last < kMostCpus) count += *last - *first + 1;
  }
  return count;
}

FutexWaitv probe_futex_waitv() {
  // A word that is not as expected: a kernel that has the call answers at once.
  const std::uint32_t word = 1;
  const FutexWatch watch{&word, 0, FutexScope::kPrivate};
  if (futex_wait_any(&watch, 1, monotonic_ns() + kNsPerMs)) return FutexWaitv::kPresent;
  return errno == EPERM || errno == EACCES ? FutexWaitv::kForbidden : FutexWaitv::kAbsent;
}

HostFacts read_host_facts(const HostPaths& paths, int pid, const std::string& owner) {
  HostFacts facts;
  const auto online = read_file(paths.cpus + "/online");
  facts.online_cpus = online ? parse_cpu_list(*online) : 0;
  if (facts.online_cpus == 0) facts.online_cpus = static_cast<std::uint32_t>(::get_nprocs());
  facts.allowed_cpus = count_allowed(pid);
  if (facts.allowed_cpus == 0) facts.allowed_cpus = facts.online_cpus;
  facts.quota_micro = read_quota(paths, pid == 0 ? "self" : std::to_string(pid));
  facts.futex_waitv = probe_futex_waitv();
  read_logind(paths, owner, facts);
  const auto regular = read_file(paths.proc + "/sys/fs/protected_regular");
  facts.protected_regular = regular ? parse_number<int>(*regular) : std::nullopt;
  // Process 1 is always there, and never slotctl's own user's in a system.
  facts.are_processes_hidden = ::access((paths.proc + "/1/stat").c_str(), R_OK) != 0;
  return facts;
}

}  // namespace slotd::ctl
