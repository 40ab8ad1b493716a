#include "broker/host/capacity_parse.hpp"

#include <charconv>

namespace slotd::broker {

namespace {

constexpr std::uint64_t kMicro = 1'000'000;
constexpr std::uint64_t kMaxQuotaUs = 1'000'000'000'000;

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec != std::errc{} || result.ptr != text.data() + text.size())
    return std::nullopt;
  return value;
}

std::optional<std::uint64_t> ratio_micro(std::optional<std::uint64_t> quota,
                                         std::optional<std::uint64_t> period) {
  if (!quota || !period || *quota == 0 || *period == 0 || *quota > kMaxQuotaUs) return std::nullopt;
  return *quota * kMicro / *period;
}

}  // namespace

std::optional<std::uint64_t> parse_cpu_max_micro(std::string_view text) {
  text = trim(text);
  const std::size_t space = text.find(' ');
  if (space == std::string_view::npos) return std::nullopt;
  return ratio_micro(parse_number(text.substr(0, space)), parse_number(trim(text.substr(space))));
}

std::optional<std::uint64_t> parse_cfs_micro(std::string_view quota, std::string_view period) {
  return ratio_micro(parse_number(trim(quota)), parse_number(trim(period)));
}

std::optional<std::uint32_t> parse_cpu_list(std::string_view text) {
  text = trim(text);
  std::uint32_t count = 0;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    const std::size_t dash = item.find('-');
    const auto first = parse_number(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_number(item.substr(dash + 1));
    if (!first || !last || *last < *first || *last > 1'000'000) return std::nullopt;
    count += static_cast<std::uint32_t>(*last - *first + 1);
    text.remove_prefix(item.size() == text.size() ? text.size() : item.size() + 1);
  }
  if (count == 0) return std::nullopt;
  return count;
}

std::vector<CgroupLine> parse_proc_cgroup(std::string_view text) {
  std::vector<CgroupLine> lines;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(line.size() == text.size() ? text.size() : line.size() + 1);
    const std::size_t first = line.find(':');
    const std::size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    lines.push_back({std::string(line.substr(first + 1, second - first - 1)),
                     std::string(line.substr(second + 1))});
  }
  return lines;
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

Capacity decide_capacity(const CapacityFacts& facts) {
  if (facts.request_micro) return {*facts.request_micro, "LIVEKIT_CPU_REQUEST"};
  Capacity capacity{facts.online_micro, "online CPUs"};
  const auto tighten = [&capacity](const std::optional<std::uint64_t>& value, const char* source) {
    if (value && *value < capacity.micro) capacity = {*value, source};
  };
  tighten(facts.affinity_micro, "CPU affinity");
  tighten(facts.cpuset_micro, "cgroup cpuset");
  tighten(facts.quota_micro, "cgroup CPU quota");
  return capacity;
}

}  // namespace slotd::broker
