#include "broker/log.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <cstdio>

#include "broker/journal.hpp"

namespace slotd::broker {

namespace {

enum Priority : int { kError = 3, kWarning = 4, kInfo = 6 };  // those of syslog

bool to_journal = false;  // set once, before there is a second thread

void write_line(Priority priority, std::string_view message) {
  if (to_journal && try_send_to_journal(priority, message)) return;
  const auto level = priority == kError     ? spdlog::level::err
                     : priority == kWarning ? spdlog::level::warn
                                            : spdlog::level::info;
  spdlog::log(level, "{}", message);
}

}  // namespace

void init_log() {
  to_journal = is_journal_stream(STDERR_FILENO);
  auto logger = spdlog::stderr_color_st("slotd");
  // Under systemd the journal has the time already.
  const bool terminal = ::isatty(STDERR_FILENO) == 1;
  logger->set_pattern(terminal ? "%H:%M:%S.%e %^%l%$ %v" : "slotd: %l: %v");
  logger->flush_on(spdlog::level::info);
  spdlog::set_default_logger(logger);
}

void log_info(std::string_view message) { write_line(kInfo, message); }
void log_warning(std::string_view message) { write_line(kWarning, message); }
void log_error(std::string_view message) { write_line(kError, message); }

void log_diagnostic(std::string_view text) {
  if (is_journal_stream(STDERR_FILENO) && try_send_to_journal(kError, text)) return;
  std::fprintf(stderr, "%.*s\n", static_cast<int>(text.size()), text.data());
}

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
