// The fenced code blocks of the documents, and what the comments before them say about running
// them. Pure, but for list_documents().
//
// Comments stand on lines of their own directly before a block, empty lines between them allowed:
//   <!-- run-by: TEST... : why -->   cannot be run here; these tests do it. TEST is a name as ctest
//                                    lists it, `*` at its end allowed, or .ci/run:STEP
//   <!-- given: COMMANDS -->         run before it, in the same shell
//   <!-- schema: NAME -->            the JSON follows docs/schema/NAME.json
#pragma once

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <ostream>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/broker_process.hpp"

namespace slotd::testing {

struct Block {
  std::string file;  ///< relative to the repository
  int line = 0;      ///< of its fence
  int number = 0;    ///< in its file, from 1
  std::string kind;  ///< the info string
  std::string text;
  std::vector<std::string> run_by;
  std::string why;  ///< it is run elsewhere
  std::string given;
  std::string schema;
  bool is_open = false;  ///< the fence was never closed

  std::string place() const { return file + ":" + std::to_string(line); }
  bool is_run_elsewhere() const noexcept { return !run_by.empty(); }
};

/// GoogleTest names a failed case by it.
inline void PrintTo(const Block& block, std::ostream* out) { *out << block.place(); }

inline std::string trim(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" \t\n\r");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" \t\n\r") - begin + 1);
}

inline bool starts_with_fence(const std::string& line) {
  const std::string text = trim(line);
  return text.rfind("```", 0) == 0 || text.rfind("~~~", 0) == 0;
}

/// What one comment says; others are left alone.
inline void read_comment(const std::string& comment, Block& block) {
  const std::size_t colon = comment.find(':');
  if (colon == std::string::npos) return;
  const std::string key = trim(comment.substr(0, colon));
  const std::string value = trim(comment.substr(colon + 1));
  if (key == "given") block.given = value;
  if (key == "schema") block.schema = value;
  if (key != "run-by") return;
  const std::size_t end = value.find(" : ");
  std::istringstream names(value.substr(0, end));
  for (std::string name; names >> name;) block.run_by.push_back(name);
  if (end != std::string::npos) block.why = trim(value.substr(end + 3));
}

/// All blocks of one document, in order.
class BlockReader {
 public:
  BlockReader(const std::string& file, const std::string& text) : file_(file), lines_(text) {}

  std::vector<Block> read() {
    while (next()) {
      if (starts_with_fence(line_)) {
        read_block();
      } else if (trim(line_).rfind("<!--", 0) == 0) {
        read_comment(take_comment(), pending_);
      } else if (!trim(line_).empty()) {
        pending_ = Block();  // what was said was about something else
      }
    }
    return blocks_;
  }

 private:
  bool next() {
    ++number_;
    return static_cast<bool>(std::getline(lines_, line_));
  }
  std::string take_comment() {
    std::string all = trim(line_).substr(4);
    while (all.find("-->") == std::string::npos && next()) all += "\n" + line_;
    return all.substr(0, all.find("-->"));
  }
  void read_block() {
    Block block = pending_;
    pending_ = Block();
    block.file = file_;
    block.line = number_;
    block.number = static_cast<int>(blocks_.size()) + 1;
    block.kind = trim(trim(line_).substr(3));
    block.is_open = true;
    while (block.is_open && next()) {
      if (starts_with_fence(line_)) {
        block.is_open = false;
      } else {
        block.text += line_ + "\n";
      }
    }
    blocks_.push_back(block);
  }

  std::string file_;
  std::istringstream lines_;
  std::string line_;
  int number_ = 0;
  Block pending_;
  std::vector<Block> blocks_;
};

/// README.md, docs/**/*.md and the documents beside what they are about; not the tests' own.
inline std::vector<std::string> list_documents(const std::string& root) {
  std::vector<std::string> files{"README.md", "CONTRIBUTING.md", "CHANGELOG.md"};
  for (const char* room : {"docs", "client", "broker", "include", "tools"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root + "/" + room)) {
      if (entry.path().extension() == ".md") {
        files.push_back(std::filesystem::relative(entry.path(), root).string());
      }
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

inline std::vector<Block> read_all_blocks(const std::string& root) {
  std::vector<Block> all;
  for (const std::string& file : list_documents(root)) {
    const std::vector<Block> some = BlockReader(file, read_text(root + "/" + file)).read();
    all.insert(all.end(), some.begin(), some.end());
  }
  return all;
}

}  // namespace slotd::testing
