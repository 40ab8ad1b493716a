#include "broker/host/cgroup_parse.hpp"

#include <algorithm>
#include <limits>

#include "broker/host/text_scan.hpp"

namespace slotd::broker {

namespace {

constexpr bool is_octal(char c) { return c >= '0' && c <= '7'; }

/// mountinfo writes blanks, tabs, line ends and backslashes as \ooo.
std::string unescape(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '\\' && i + 3 < text.size() && is_octal(text[i + 1]) &&
                        is_octal(text[i + 2]) && is_octal(text[i + 3]);
    if (escape) {
      plain += static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 +
                                 (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

bool leads_out(std::string_view path) {
  while (!path.empty()) {
    if (take_until(path, '/') == "..") return true;
  }
  return false;
}

std::optional<CgroupMount> parse_mount_line(std::string_view line) {
  for (int i = 0; i < 3; ++i) take_word(line);  // id, parent, device
  const std::string_view root = take_word(line);
  const std::string_view point = take_word(line);
  take_word(line);  // options of the mount
  // Optional fields in any number, then a single dash.
  for (std::string_view word = take_word(line); word != "-"; word = take_word(line)) {
    if (word.empty()) return std::nullopt;
  }
  const std::string_view type = take_word(line);
  take_word(line);  // source
  if ((type != "cgroup" && type != "cgroup2") || !root.starts_with('/') || !point.starts_with('/'))
    return std::nullopt;
  const bool v2 = type == "cgroup2";
  return CgroupMount{unescape(root), unescape(point), v2 ? "" : std::string(take_word(line)), v2};
}

}  // namespace

std::vector<CgroupLine> parse_proc_cgroup(std::string_view text) {
  std::vector<CgroupLine> lines;
  while (!text.empty()) {
    const std::string_view line = take_until(text, '\n');
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    lines.push_back({std::string(line.substr(first + 1, second - first - 1)),
                     std::string(line.substr(second + 1))});
  }
  return lines;
}

bool has_controller(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    if (take_until(list, ',') == wanted) return true;
  }
  return false;
}

std::vector<CgroupMount> parse_cgroup_mounts(std::string_view text) {
  std::vector<CgroupMount> mounts;
  while (!text.empty()) {
    if (auto mount = parse_mount_line(take_until(text, '\n'))) mounts.push_back(std::move(*mount));
  }
  return mounts;
}

std::vector<CgroupMount> list_usual_mounts() {
  const std::string base = "/sys/fs/cgroup";
  std::vector<CgroupMount> mounts = {{"/", base, "", true}, {"/", base + "/unified", "", true}};
  for (const char* folder : {"cpu", "cpu,cpuacct", "cpuacct,cpu", "cpuacct", "cpuset", "memory"})
    mounts.push_back({"/", base + "/" + folder, folder, false});
  return mounts;
}

std::optional<std::string> find_below_mount(const CgroupMount& mount, std::string_view path) {
  if (!path.starts_with('/') || leads_out(path) || leads_out(mount.root)) return std::nullopt;
  if (mount.root == "/") return std::string(path);
  if (path == mount.root) return "/";
  if (!path.starts_with(mount.root) || path[mount.root.size()] != '/') return std::nullopt;
  return std::string(path.substr(mount.root.size()));
}

std::vector<std::string> list_ancestors(std::string_view path) {
  std::vector<std::string> all;
  while (path.size() > 1) {
    all.emplace_back(path);
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) break;
    path = path.substr(0, slash);
  }
  all.emplace_back("/");
  return all;
}

std::optional<std::uint64_t> parse_cpu_stat_ns(std::string_view text) {
  const auto micros = parse_stat_field(text, "usage_usec");
  return micros ? std::optional(multiply_saturating(*micros, 1000)) : std::nullopt;
}

std::optional<std::uint64_t> parse_single_count(std::string_view text) {
  return parse_count(trim(text));
}

std::optional<std::uint64_t> parse_stat_field(std::string_view text, std::string_view name) {
  while (!text.empty()) {
    std::string_view line = take_until(text, '\n');
    if (take_word(line) == name) return parse_count(trim(line));
  }
  return std::nullopt;
}

std::optional<std::vector<int>> parse_cgroup_pids(std::string_view text) {
  std::vector<int> pids;
  while (!text.empty()) {
    const auto pid = parse_count(take_until(text, '\n'));
    if (!pid || *pid > std::numeric_limits<int>::max()) return std::nullopt;
    pids.push_back(static_cast<int>(*pid));
  }
  std::sort(pids.begin(), pids.end());
  return pids;
}

}  // namespace slotd::broker
