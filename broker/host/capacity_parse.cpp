#include "broker/host/capacity_parse.hpp"

#include "broker/host/text_scan.hpp"

namespace slotd::broker {

namespace {

constexpr std::uint64_t kMicro = 1'000'000;
constexpr std::uint64_t kMaxQuotaUs = 1'000'000'000'000;

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
  return ratio_micro(parse_count(text.substr(0, space)), parse_count(trim(text.substr(space))));
}

std::optional<std::uint64_t> parse_cfs_micro(std::string_view quota, std::string_view period) {
  return ratio_micro(parse_count(trim(quota)), parse_count(trim(period)));
}

std::optional<std::uint32_t> parse_cpu_list(std::string_view text) {
  text = trim(text);
  std::uint32_t count = 0;
  while (!text.empty()) {
    const std::string_view item = text.substr(0, text.find(','));
    const std::size_t dash = item.find('-');
    const auto first = parse_count(item.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_count(item.substr(dash + 1));
    if (!first || !last || *last < *first || *last > 1'000'000) return std::nullopt;
    count += static_cast<std::uint32_t>(*last - *first + 1);
    text.remove_prefix(item.size() == text.size() ? text.size() : item.size() + 1);
  }
  if (count == 0) return std::nullopt;
  return count;
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
