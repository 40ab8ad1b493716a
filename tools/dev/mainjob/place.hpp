// Where the main job lives: a private folder on tmpfs for segment, config and logs, and the folder
// of the programs.
#pragma once

#include <string>

namespace slotd::mainjob {

/// A new folder that only this user can enter; destroyed with everything in it. Throws
/// std::system_error when none can be made. A main job that is killed itself leaves it behind.
class PrivateFolder {
 public:
  PrivateFolder();
  ~PrivateFolder();
  PrivateFolder(const PrivateFolder&) = delete;
  PrivateFolder& operator=(const PrivateFolder&) = delete;

  /// The path of a file in it.
  std::string file(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// The folder of the running program, where its companions are. Throws std::system_error.
std::string read_program_folder();

/// Throws std::system_error.
void write_file(const std::string& path, const std::string& text);

/// The last `lines` lines of a text file; empty when there is none.
std::string read_tail(const std::string& path, std::size_t lines);

}  // namespace slotd::mainjob
