#include <exception>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

struct Maker {
  const char* name;
  std::unique_ptr<Contender> (*make)();
};

constexpr Maker kMakers[] = {
    {"slotd", make_slotd},
    {"sysv", make_sysv},
    {"posix_semaphores", make_posix_semaphores},
    {"robust_mutex", make_robust_mutex},
    {"flock", make_flock},
    {"pipe_tokens", make_pipe_tokens},
    {"socket_daemon", make_socket_daemon},
    {"redis_leases", [] { return make_redis(); }},
};

}  // namespace

Contenders make_contenders(std::vector<Skipped>& skipped) {
  Contenders contenders;
  for (const Maker& maker : kMakers) {
    try {
      contenders.push_back(maker.make());
    } catch (const std::exception& error) {
      if (contenders.size() < 2) throw;  // nothing can be said without slotd and SysV
      skipped.push_back({maker.name, error.what()});
    }
  }
  return contenders;
}

}  // namespace slotd::bench
