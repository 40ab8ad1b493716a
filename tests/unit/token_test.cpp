// Tokens as text: exact form, round trip, and everything that is not one.
#include "slotd/token.hpp"

#include <gtest/gtest.h>

namespace slotd {
namespace {

TEST(Token, HasThePublishedForm) {
  EXPECT_EQ(format_token({0xabc, 17, 0xdeadbeef, 3}), "v1-abc-11-deadbeef-3");
}

TEST(Token, RoundTripsAtTheEdges) {
  for (const Token token :
       {Token{1, 0, 1, 0}, Token{~0ULL, 4095, ~0ULL, kGenerationMask}, Token{9, 255, 16, 1}}) {
    EXPECT_EQ(parse_token(format_token(token)), token);
  }
}

TEST(Token, RefusesEverythingElse) {
  for (const char* text :
       {"", "v1", "v1-", "v2-abc-11-de-3", "v1-abc-11-de", "v1-abc-11-de-3-4", "v1-ABC-11-de-3",
        "v1-0abc-11-de-3", "v1-abc-1000-de-3", "v1-abc-11-de-4000000", "v1-0-11-de-3",
        "v1-abc-11-0-3", "v1-abc--de-3", " v1-abc-11-de-3", "v1-abc-11-de-3 ",
        "v1-11111111111111111-1-1-1", "v1-abc-11-de-+3", "v1-abc-11-de-0x3"}) {
    EXPECT_FALSE(parse_token(text).has_value()) << text;
  }
}

TEST(Token, TakesALeadingZeroOnlyAlone) {
  EXPECT_TRUE(parse_token("v1-a-0-b-0").has_value());
  EXPECT_FALSE(parse_token("v1-a-00-b-0").has_value());
}

}  // namespace
}  // namespace slotd
