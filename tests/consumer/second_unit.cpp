// The second translation unit of a program that uses the client in both.
#include <system_error>

#include "slotd/client.hpp"

const char* version_in_second_unit();
const std::error_category& category_in_second_unit();
std::error_code claim_in_second_unit(slotd::Client& client);

const char* version_in_second_unit() { return slotd::kVersion; }

const std::error_category& category_in_second_unit() {
  return slotd::make_error_code(slotd::Errc::kNotReady).category();
}

std::error_code claim_in_second_unit(slotd::Client& client) {
  std::error_code ec;
  const slotd::Slot slot = client.try_claim("participant", {}, ec);
  return ec;
}
