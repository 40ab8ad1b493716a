// The words of slotctl's command line as far as they are looked at without a segment, and text that
// others wrote on its way to a terminal. The input is words, ended by NUL.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"
#include "tools/slotctl/command_line.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::fuzz {
namespace {

/// Few and short ones: comparing names takes the square of their length.
std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty() && words.size() < 6) {
    const std::size_t end = text.find('\0');
    words.emplace_back(text.substr(0, std::min<std::size_t>(end, 24)));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

void check_escaped(std::string_view text) {
  for (const ctl::Charset charset : {ctl::Charset::kAscii, ctl::Charset::kUtf8}) {
    const std::string shown = ctl::escape_text(text, charset);
    for (const char c : shown) {
      const auto byte = static_cast<unsigned char>(c);
      require(byte >= 0x20 && byte != 0x7f, "no control character is shown");
      require(charset == ctl::Charset::kUtf8 || byte < 0x7f, "ASCII is shown as ASCII");
    }
    require(shown.size() <= 4 * text.size(), "a byte is shown as four at most");
  }
}

}  // namespace
}  // namespace slotd::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  fuzz::check_escaped(text);
  std::vector<std::string> words = fuzz::split_words(text);
  const std::string verb = ctl::find_verb(words);
  fuzz::require(verb.empty() || std::find(words.begin(), words.end(), verb) != words.end(),
                "the verb is one of the words");
  const std::size_t before = words.size();
  const auto command = ctl::split_command(words);
  fuzz::require(words.size() + command.size() <= before, "no word is made up");
  if (words.empty()) return 0;
  std::string problem;
  const auto setting = ctl::parse_limit_setting(words.front(), problem);
  fuzz::require(setting.has_value() || !problem.empty(), "a refusal says why");
  const std::string nearest = ctl::nearest_name(words.front(), words);
  fuzz::require(nearest.empty() || std::find(words.begin(), words.end(), nearest) != words.end(),
                "a name that was meant is one of the candidates");
  return 0;
}
