#include "broker/host/read_text.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "slotd/process_probe.hpp"

namespace slotd::broker {

std::optional<std::string> read_text_of(int fd, std::size_t most_bytes, Longer longer) {
  std::string text;
  std::array<char, 4096> buffer;
  while (true) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN && !text.empty()) return text;  // a FIFO whose writer stays
    if (got < 0) return std::nullopt;
    if (got == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() <= most_bytes) continue;
    if (longer == Longer::kRefuse) return std::nullopt;
    text.resize(most_bytes);
    return text;
  }
}

std::optional<std::string> read_text(const std::string& path, std::size_t most_bytes,
                                     Longer longer) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  return read_text_of(fd.get(), most_bytes, longer);
}

}  // namespace slotd::broker
