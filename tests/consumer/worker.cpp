// A worker as its author would begin it; second_unit.cpp is the rest of that program. There is no
// ledger where it looks, so what it shows is that the client compiles, links and says so.
#include <cstdio>
#include <string>
#include <system_error>

#include "slotd/client.hpp"

// In second_unit.cpp.
const char* version_in_second_unit();
const std::error_category& category_in_second_unit();
std::error_code claim_in_second_unit(slotd::Client& client);

int main() {
  std::error_code ec;
  std::string detail;
  slotd::Client client({.segment_path = "/nonexistent/segment", .name = "worker"}, ec, &detail);
  std::printf("built against slotd %s: %s (%s)\n", slotd::kVersion, ec.message().c_str(),
              detail.c_str());

  const bool told = ec == slotd::Errc::kNoSegment;
  const bool one_category = ec.category() == category_in_second_unit();
  const bool one_version = slotd::kVersion == version_in_second_unit();
  const bool refused = claim_in_second_unit(client) == slotd::Errc::kNotAttached;
  return told && one_category && one_version && refused ? 0 : 1;
}
