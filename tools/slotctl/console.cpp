#include "tools/slotctl/console.hpp"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>

namespace slotd::ctl {

namespace {

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && value[0] != '\0';
}

bool is_dumb_terminal() {
  const char* term = std::getenv("TERM");
  return term != nullptr && std::string_view(term) == "dumb";
}

std::size_t read_width(int fd) {
  constexpr std::size_t kUsualWidth = 80;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col != 0 ? size.ws_col : kUsualWidth;
}

}  // namespace

Console::Console(std::FILE* out, std::FILE* err) : out_(out), err_(err) {
  if (std::string_view(::nl_langinfo(CODESET)) == "UTF-8") charset_ = Charset::kUtf8;
  const int fd = ::fileno(out);
  if (fd < 0 || ::isatty(fd) == 0) return;
  style_.width = read_width(fd);
  redraws_ = !is_dumb_terminal();
  style_.colour = !is_set("NO_COLOR") && !is_dumb_terminal();
}

void Console::print(std::string_view text) noexcept {
  if (std::fwrite(text.data(), 1, text.size(), out_) != text.size()) failed_ = true;
}

void Console::complain(std::string_view text) noexcept {
  print_error("slotctl: ");
  print_error(text);
  print_error("\n");
}

void Console::print_error(std::string_view text) noexcept {
  // Nothing is left to be told about a failure to tell.
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), err_));
}

bool Console::flush() noexcept {
  if (std::fflush(out_) != 0) failed_ = true;
  std::fflush(err_);
  return !failed_;
}

}  // namespace slotd::ctl
