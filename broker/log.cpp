#include "broker/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>

namespace slotd::broker {

void init_log() {
  auto logger = spdlog::stderr_color_st("slotd");
  // Under systemd the journal has the time already.
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  logger->set_pattern(terminal ? "%H:%M:%S.%e %^%l%$ %v" : "slotd: %l: %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

void log_info(std::string_view message) { spdlog::info("{}", message); }
void log_warning(std::string_view message) { spdlog::warn("{}", message); }
void log_error(std::string_view message) { spdlog::error("{}", message); }

std::string escape_bytes(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
      continue;
    }
    std::array<char, 5> hex{};
    std::snprintf(hex.data(), hex.size(), "\\x%02x", static_cast<unsigned>(byte));
    out.append(hex.data());
  }
  return out;
}

}  // namespace slotd::broker
