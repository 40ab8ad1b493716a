#include "broker/config/read_config.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace slotd::broker {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) (void)::close(fd_);
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_;
};

ConfigResult fail(const std::string& path, std::string message) {
  ConfigResult result;
  Diagnostic diagnostic;
  diagnostic.file = path;
  diagnostic.message = std::move(message);
  result.diagnostics.push_back(std::move(diagnostic));
  return result;
}

ConfigResult fail_with_errno(const std::string& path) {
  return fail(path, "cannot be read: " + std::generic_category().message(errno));
}

}  // namespace

ConfigResult read_config(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.get() < 0) return fail_with_errno(path);
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail_with_errno(path);
  if (!S_ISREG(status.st_mode) && !S_ISFIFO(status.st_mode)) {
    return fail(path, "cannot be read: it is neither a file nor a pipe");
  }
  std::string text;
  std::array<char, 16'384> buffer{};
  while (text.size() <= kMaxConfigBytes) {  // one byte more than allowed is enough to refuse it
    const ssize_t count = ::read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_with_errno(path);
    if (count == 0) break;
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  return parse_config(text, path);
}

}  // namespace slotd::broker
