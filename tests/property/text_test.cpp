// Tokens and figures as text: what is printed is read back, and whatever else is read never means
// something by accident.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>

#include "slotd/token.hpp"
#include "slotd/units.hpp"

namespace slotd::testing {
namespace {

constexpr int kCases = 200'000;

Token draw_token(std::mt19937_64& random) {
  // All magnitudes, not only the large ones.
  const auto draw = [&] { return random() >> (random() % 64); };
  Token token;
  token.segment_id = draw() | (draw() == 0 ? 1U : 0U);
  if (token.segment_id == 0) token.segment_id = 1;
  token.slot = static_cast<std::uint32_t>(draw() % kMaxSlots);
  token.nonce = draw();
  if (token.nonce == 0) token.nonce = 1;
  token.generation = static_cast<std::uint32_t>(draw() & kGenerationMask);
  return token;
}

TEST(TokenText, is_read_back_as_it_was_printed) {
  std::mt19937_64 random(1);
  for (int i = 0; i < kCases; ++i) {
    const Token token = draw_token(random);
    const std::string text = format_token(token);
    const auto parsed = parse_token(text);
    ASSERT_TRUE(parsed) << text;
    ASSERT_EQ(*parsed, token) << text;
  }
}

/// One text a token: whatever is read as a token is what that token is printed as. So no two texts
/// name one claim.
TEST(TokenText, has_one_form_only) {
  std::mt19937_64 random(2);
  const std::string alphabet = std::string("0123456789abcdefABCDEFvV-+ xg\n\t") + '\0' + "\x80\xff";
  int accepted = 0;
  for (int i = 0; i < kCases; ++i) {
    std::string text = format_token(draw_token(random));
    for (auto changes = random() % 4; changes > 0; --changes) {
      const std::size_t at = random() % (text.size() + 1);
      const char c = alphabet[random() % alphabet.size()];
      switch (random() % 3) {
        case 0:
          text.insert(at, 1, c);
          break;
        case 1:
          text.erase(at, 1 + random() % 3);
          break;
        default:
          if (at < text.size()) text[at] = c;
          break;
      }
    }
    const auto parsed = parse_token(text);
    if (!parsed) continue;
    ++accepted;
    ASSERT_EQ(format_token(*parsed), text);
    ASSERT_LT(parsed->slot, kMaxSlots);
    ASSERT_LE(parsed->generation, kGenerationMask);
  }
  EXPECT_GT(accepted, 100);
}

TEST(TokenText, random_bytes_are_no_token) {
  std::mt19937_64 random(3);
  for (int i = 0; i < kCases; ++i) {
    std::string text = random() % 2 == 0 ? "v1-" : "";
    for (auto left = random() % 60; left > 0; --left) text.push_back(static_cast<char>(random()));
    const auto parsed = parse_token(text);
    ASSERT_TRUE(!parsed || format_token(*parsed) == text);
  }
}

TEST(Figures, cores_are_read_back_as_they_were_printed) {
  std::mt19937_64 random(4);
  for (int i = 0; i < kCases; ++i) {
    const auto milli =
        static_cast<std::uint32_t>((random() >> (random() % 64)) % (kMaxCoresMilli + 1ULL));
    const auto parsed = parse_cores_milli(format_cores_milli(milli));
    ASSERT_EQ(parsed.error, UnitError::kNone) << format_cores_milli(milli);
    ASSERT_EQ(parsed.value, milli);
    const auto micro = static_cast<std::int64_t>((random() >> (random() % 64)) %
                                                 (static_cast<std::uint64_t>(kMaxCoresMicro) + 1));
    const auto read = parse_cores_micro(format_cores_micro(micro));
    ASSERT_EQ(read.error, UnitError::kNone) << format_cores_micro(micro);
    ASSERT_EQ(read.value, micro);
  }
}

TEST(Figures, sizes_durations_and_ratios_are_read_back_as_they_were_printed) {
  std::mt19937_64 random(5);
  for (int i = 0; i < kCases; ++i) {
    const std::uint64_t bytes = (random() >> (random() % 64)) % (kMaxBytes + 1);
    ASSERT_EQ(parse_bytes(format_bytes(bytes)).value, bytes) << format_bytes(bytes);
    const std::uint64_t duration = (random() >> (random() % 64)) % (kMaxDurationMs + 1);
    ASSERT_EQ(parse_duration_ms(format_duration_ms(duration)).value, duration)
        << format_duration_ms(duration);
    const auto ratio = static_cast<std::uint32_t>(random() % (kRatioOne + 1ULL));
    ASSERT_EQ(parse_ratio_ppb(format_ratio_ppb(ratio)).value, ratio) << format_ratio_ppb(ratio);
  }
}

/// A decimal with at most three places is exactly that many millicores: by the digits, not by way
/// of a double.
TEST(Figures, every_decimal_of_three_places_is_exact) {
  for (std::uint32_t milli = 0; milli < 100'000; ++milli) {
    const std::string digits = std::to_string(1000 + milli % 1000).substr(1);
    const std::string text = std::to_string(milli / 1000) + "." + digits;
    const auto parsed = parse_cores_milli(text);
    ASSERT_EQ(parsed.error, UnitError::kNone) << text;
    ASSERT_EQ(parsed.value, milli) << text;
  }
}

/// budget = capacity x utilisation, floored: never a microcore above the product, never a whole one
/// below it.
TEST(Figures, budget_is_the_floor_of_the_product) {
  std::mt19937_64 random(6);
  for (int i = 0; i < kCases; ++i) {
    const auto capacity = static_cast<std::int64_t>(
        (random() >> (random() % 64)) % (static_cast<std::uint64_t>(kMaxCoresMicro) + 1));
    const auto ppb = static_cast<std::uint32_t>(random() % (kRatioOne + 1ULL));
    const __int128 product = static_cast<__int128>(capacity) * ppb;
    const __int128 budget = budget_micro(capacity, ppb);
    ASSERT_LE(budget * kRatioOne, product) << capacity << " x " << ppb;
    ASSERT_GT((budget + 1) * kRatioOne, product) << capacity << " x " << ppb;
  }
}

}  // namespace
}  // namespace slotd::testing
