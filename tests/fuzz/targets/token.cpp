// A token out of an environment variable: refused, or exactly what its text says.
#include "slotd/token.hpp"

#include <string_view>

#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace slotd;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::optional<Token> token = parse_token(text);
  if (!token) return 0;
  fuzz::require(format_token(*token) == text, "a token has one spelling");
  fuzz::require(token->slot < kMaxSlots && token->generation <= kGenerationMask &&
                    token->segment_id != 0 && token->nonce != 0,
                "every field is in range");
  return 0;
}
