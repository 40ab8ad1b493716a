#include "tools/dev/mainjob/place.hpp"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <system_error>

namespace slotd::mainjob {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

PrivateFolder::PrivateFolder() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  // Both are tmpfs on any usual Linux; a container may lack the first one.
  for (const std::string& parent :
       {std::string("/dev/shm"), std::string(runtime != nullptr ? runtime : "")}) {
    std::string path = parent + "/slotd-mainjob-XXXXXX";
    if (!parent.empty() && ::mkdtemp(path.data()) != nullptr) {
      path_ = path;
      return;
    }
  }
  fail("no private folder on tmpfs (/dev/shm, XDG_RUNTIME_DIR)");
}

PrivateFolder::~PrivateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string read_program_folder() {
  std::array<char, 4096> path{};
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) fail("/proc/self/exe");
  return std::filesystem::path(std::string(path.data(), static_cast<std::size_t>(length)))
      .parent_path()
      .string();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary);
  file << text;
  file.close();
  if (!file) fail(path);
}

std::string read_tail(const std::string& path, std::size_t lines) {
  std::ifstream file(path, std::ios::binary);
  std::deque<std::string> last;
  for (std::string line; std::getline(file, line);) {
    last.push_back(line);
    if (last.size() > lines) last.pop_front();
  }
  std::string text;
  for (const std::string& line : last) text += line + "\n";
  return text;
}

}  // namespace slotd::mainjob
