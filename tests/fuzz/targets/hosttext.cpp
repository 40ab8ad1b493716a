// Texts of /proc and of cgroup files, each through all parsers: none believes a text that is none,
// and what they return is in range.
#include <algorithm>
#include <string>
#include <string_view>

#include "broker/host/capacity_parse.hpp"
#include "broker/liveness/pid_translate.hpp"
#include "slotd/process_probe.hpp"
#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = text.find('|');
  const std::string_view first = text.substr(0, middle);
  const std::string_view second = middle == std::string_view::npos ? "" : text.substr(middle + 1);

  broker::CapacityFacts facts;
  facts.quota_micro = broker::parse_cpu_max_micro(text);
  if (const auto quota = broker::parse_cfs_micro(first, second)) facts.request_micro = quota;
  if (const auto cpus = broker::parse_cpu_list(text)) {
    fuzz::require(*cpus > 0, "a list of CPUs has one");
    facts.cpuset_micro = std::uint64_t{*cpus} * 1'000'000;
  }
  const broker::Capacity capacity = broker::decide_capacity(facts);
  fuzz::require(!capacity.source.empty(), "a capacity has a source");

  for (const broker::CgroupLine& line : broker::parse_proc_cgroup(text)) {
    const auto ancestors = broker::list_ancestors(line.path);
    fuzz::require(!ancestors.empty() && ancestors.back() == "/", "the root is an ancestor of all");
    fuzz::require(ancestors.size() <= line.path.size() + 1, "no more ancestors than characters");
  }
  if (const auto pid = broker::parse_innermost_pid(text))
    fuzz::require(*pid > 0, "a pid is a number above 0");

  // The readers hand over at most one buffer, ended by NUL.
  const std::string buffer(text.substr(0, 1023));
  static_cast<void>(parse_start_ticks(buffer.c_str()));
  static_cast<void>(parse_time_namespace_offset_ns(buffer.c_str()));
  return 0;
}
