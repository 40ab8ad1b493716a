// Figures as people write them: exact, strict, and the same in both directions.
#include "slotd/units.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace slotd {
namespace {

struct GoodCost {
  const char* text;
  std::uint32_t milli;
};

TEST(ParseCoresMilli, ReadsDecimalsExactly) {
  const std::vector<GoodCost> cases{
      {"0", 0},         {"0.0", 0},       {"1", 1'000},   {"4", 4'000},
      {"4.0", 4'000},   {"4.000", 4'000}, {"0.1", 100},   {"0.10", 100},
      {"1.6", 1'600},   {"0.5", 500},     {"0.001", 1},   {"0.29", 290},
      {"1.005", 1'005}, {"2.3", 2'300},   {"16", 16'000}, {"1048.575", 1'048'575}};
  for (const GoodCost& c : cases) {
    const Parsed<std::uint32_t> parsed = parse_cores_milli(c.text);
    EXPECT_TRUE(parsed.ok()) << c.text << " " << unit_error_message(parsed.error);
    EXPECT_EQ(parsed.value, c.milli) << c.text;
  }
}

struct BadCost {
  const char* text;
  UnitError error;
};

TEST(ParseCoresMilli, NamesEachMistake) {
  const std::vector<BadCost> cases{{"", UnitError::kEmpty},
                                   {"four", UnitError::kNotANumber},
                                   {"-", UnitError::kNotANumber},
                                   {"+", UnitError::kNotANumber},
                                   {".", UnitError::kNotANumber},
                                   {"1..2", UnitError::kNotANumber},
                                   {"1.2.3", UnitError::kNotANumber},
                                   {"1/2", UnitError::kNotANumber},
                                   {"-1", UnitError::kNegative},
                                   {"-0", UnitError::kNegative},
                                   {"-.5", UnitError::kNegative},
                                   {"+1", UnitError::kLeadingPlus},
                                   {"010", UnitError::kLeadingZero},
                                   {"00", UnitError::kLeadingZero},
                                   {"01.5", UnitError::kLeadingZero},
                                   {"0x10", UnitError::kOtherBase},
                                   {"0XF", UnitError::kOtherBase},
                                   {"0o10", UnitError::kOtherBase},
                                   {"0b10", UnitError::kOtherBase},
                                   {"1e3", UnitError::kExponent},
                                   {"1E-3", UnitError::kExponent},
                                   {"1.5e+2", UnitError::kExponent},
                                   {"inf", UnitError::kNotFinite},
                                   {".inf", UnitError::kNotFinite},
                                   {"-.INF", UnitError::kNotFinite},
                                   {"nan", UnitError::kNotFinite},
                                   {".NaN", UnitError::kNotFinite},
                                   {"infinity", UnitError::kNotFinite},
                                   {"1_000", UnitError::kSeparator},
                                   {"1,5", UnitError::kSeparator},
                                   {" 1", UnitError::kSpace},
                                   {"1 ", UnitError::kSpace},
                                   {"1 2", UnitError::kSpace},
                                   {".5", UnitError::kNoDigitBefore},
                                   {"1.", UnitError::kNoDigitAfter},
                                   {"0.1234", UnitError::kTooManyDecimals},
                                   {"1.0000", UnitError::kTooManyDecimals},
                                   {"0.10000000000000000000000001", UnitError::kTooManyDecimals},
                                   {"1048.576", UnitError::kTooLarge},
                                   {"1049", UnitError::kTooLarge},
                                   {"18446744073709551616", UnitError::kTooLarge},
                                   {"99999999999999999999999999999999", UnitError::kTooLarge},
                                   {"2m", UnitError::kUnitNotWanted},
                                   {"2cores", UnitError::kUnitNotWanted}};
  for (const BadCost& c : cases) {
    const Parsed<std::uint32_t> parsed = parse_cores_milli(c.text);
    EXPECT_EQ(parsed.error, c.error) << c.text << ": " << unit_error_message(parsed.error);
    EXPECT_EQ(parsed.value, 0U) << c.text;
    EXPECT_EQ(parsed.quantity, Quantity::kCost);
  }
}

TEST(ParseCoresMilli, EveryCostThatASlotWordHoldsSurvivesBothDirections) {
  for (std::uint32_t milli = 0; milli <= kMaxCoresMilli; milli += 7) {
    const std::string text = format_cores_milli(milli);
    const Parsed<std::uint32_t> parsed = parse_cores_milli(text);
    ASSERT_TRUE(parsed.ok()) << text;
    ASSERT_EQ(parsed.value, milli) << text;
  }
}

TEST(ParseCoresMilli, IsConstexpr) {
  static_assert(parse_cores_milli("0.1").value == 100);
  static_assert(parse_cores_milli(".5").error == UnitError::kNoDigitBefore);
  static_assert(parse_duration_ms("1.5s").value == 1'500);
  static_assert(budget_micro(12'000'000, 800'000'000) == 9'600'000);
}

TEST(ParseCoresMicro, ReadsSixDecimals) {
  EXPECT_EQ(parse_cores_micro("12").value, 12'000'000);
  EXPECT_EQ(parse_cores_micro("2.5").value, 2'500'000);
  EXPECT_EQ(parse_cores_micro("0.000001").value, 1);
  EXPECT_EQ(parse_cores_micro("1000000").value, 1'000'000'000'000);
  EXPECT_EQ(parse_cores_micro("1.0000001").error, UnitError::kTooManyDecimals);
  EXPECT_EQ(parse_cores_micro("1000000.000001").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_cores_micro("-1").error, UnitError::kNegative);
}

TEST(ParseRatio, IsExactInBillionths) {
  EXPECT_EQ(parse_ratio_ppb("0.8").value, 800'000'000U);
  EXPECT_EQ(parse_ratio_ppb("1").value, 1'000'000'000U);
  EXPECT_EQ(parse_ratio_ppb("0.95").value, 950'000'000U);
  EXPECT_EQ(parse_ratio_ppb("0.000000001").value, 1U);
  EXPECT_EQ(parse_ratio_ppb("1.5").value, 1'500'000'000U);
  EXPECT_EQ(parse_ratio_ppb("5").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_ratio_ppb("0.1234567891").error, UnitError::kTooManyDecimals);
  EXPECT_EQ(parse_ratio_ppb("80%").error, UnitError::kNotANumber);
}

TEST(ParseBytes, KnowsBothFamiliesOfUnits) {
  EXPECT_EQ(parse_bytes("0").value, 0U);
  EXPECT_EQ(parse_bytes("1073741824").value, 1'073'741'824U);
  EXPECT_EQ(parse_bytes("1kB").value, 1'000U);
  EXPECT_EQ(parse_bytes("1MB").value, 1'000'000U);
  EXPECT_EQ(parse_bytes("9GB").value, 9'000'000'000U);
  EXPECT_EQ(parse_bytes("1TB").value, 1'000'000'000'000U);
  EXPECT_EQ(parse_bytes("1KiB").value, 1'024U);
  EXPECT_EQ(parse_bytes("1MiB").value, 1'048'576U);
  EXPECT_EQ(parse_bytes("1GiB").value, 1'073'741'824U);
  EXPECT_EQ(parse_bytes("1TiB").value, 1'099'511'627'776U);
}

TEST(ParseBytes, TakesDecimalsThatComeToWholeBytes) {
  EXPECT_EQ(parse_bytes("1.5GiB").value, 1'610'612'736U);
  EXPECT_EQ(parse_bytes("0.5KiB").value, 512U);
  EXPECT_EQ(parse_bytes("0.001kB").value, 1U);
  EXPECT_EQ(parse_bytes("0.000000000001TB").value, 1U);
  EXPECT_EQ(parse_bytes("1.0").value, 1U);
  EXPECT_EQ(parse_bytes("1.5").error, UnitError::kNotWhole);
  EXPECT_EQ(parse_bytes("0.1KiB").error, UnitError::kNotWhole);
  EXPECT_EQ(parse_bytes("0.0001kB").error, UnitError::kNotWhole);
  EXPECT_EQ(parse_bytes("0.1GiB").error, UnitError::kNotWhole);
}

TEST(ParseBytes, RefusesWrongUnitsAndOverflow) {
  EXPECT_EQ(parse_bytes("1G").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_bytes("1Gi").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_bytes("1B").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_bytes("1KB").error, UnitError::kUnitCapitals);
  EXPECT_EQ(parse_bytes("1gib").error, UnitError::kUnitCapitals);
  EXPECT_EQ(parse_bytes("1GIB").error, UnitError::kUnitCapitals);
  EXPECT_EQ(parse_bytes("1 GiB").error, UnitError::kSpace);
  EXPECT_EQ(parse_bytes("1.GiB").error, UnitError::kNoDigitAfter);
  EXPECT_EQ(parse_bytes("010MB").error, UnitError::kLeadingZero);
  EXPECT_EQ(parse_bytes("-1GiB").error, UnitError::kNegative);
  EXPECT_EQ(parse_bytes("1e9").error, UnitError::kExponent);
  EXPECT_EQ(parse_bytes("1024TiB").value, kMaxBytes);
  EXPECT_EQ(parse_bytes("1025TiB").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_bytes("18446744073709551615TiB").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_bytes("18446744073709551617").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_bytes("GiB").error, UnitError::kNotANumber);
}

TEST(ParseDuration, NeedsAUnit) {
  EXPECT_EQ(parse_duration_ms("15s").value, 15'000U);
  EXPECT_EQ(parse_duration_ms("1.5s").value, 1'500U);
  EXPECT_EQ(parse_duration_ms("0.001s").value, 1U);
  EXPECT_EQ(parse_duration_ms("20ms").value, 20U);
  EXPECT_EQ(parse_duration_ms("2m").value, 120'000U);
  EXPECT_EQ(parse_duration_ms("1h").value, 3'600'000U);
  EXPECT_EQ(parse_duration_ms("0s").value, 0U);
  EXPECT_EQ(parse_duration_ms("15").error, UnitError::kUnitMissing);
  EXPECT_EQ(parse_duration_ms("0").error, UnitError::kUnitMissing);
  EXPECT_EQ(parse_duration_ms("15S").error, UnitError::kUnitCapitals);
  EXPECT_EQ(parse_duration_ms("15sec").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_duration_ms("1m5s").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_duration_ms("1d").error, UnitError::kUnitUnknown);
  EXPECT_EQ(parse_duration_ms("1.5ms").error, UnitError::kNotWhole);
  EXPECT_EQ(parse_duration_ms("0.0001s").error, UnitError::kNotWhole);
  EXPECT_EQ(parse_duration_ms("8760h").value, kMaxDurationMs);
  EXPECT_EQ(parse_duration_ms("8761h").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_duration_ms("-5s").error, UnitError::kNegative);
}

TEST(ParseSeconds, AreDecimalAndBare) {
  EXPECT_EQ(parse_seconds_ms("5").value, 5'000U);
  EXPECT_EQ(parse_seconds_ms("0").value, 0U);
  EXPECT_EQ(parse_seconds_ms("0.25").value, 250U);
  EXPECT_EQ(parse_seconds_ms("0.001").value, 1U);
  EXPECT_EQ(parse_seconds_ms("0.0001").error, UnitError::kTooManyDecimals);
  EXPECT_EQ(parse_seconds_ms("5s").error, UnitError::kUnitNotWanted);
  EXPECT_EQ(parse_seconds_ms("-1").error, UnitError::kNegative);
  EXPECT_EQ(parse_seconds_ms("1e9").error, UnitError::kExponent);
  EXPECT_EQ(parse_seconds_ms("31536000").value, kMaxDurationMs);
  EXPECT_EQ(parse_seconds_ms("31536000.001").error, UnitError::kTooLarge);
}

TEST(ParseCount, IsWholeAndLeavesOneValueForNoLimit) {
  EXPECT_EQ(parse_count("0").value, 0U);
  EXPECT_EQ(parse_count("4294967294").value, 4'294'967'294U);
  EXPECT_EQ(parse_count("4294967295").error, UnitError::kTooLarge);
  EXPECT_EQ(parse_count("7", 6).error, UnitError::kTooLarge);
  EXPECT_EQ(parse_count("6", 6).value, 6U);
  EXPECT_EQ(parse_count("1.5").error, UnitError::kTooManyDecimals);
  EXPECT_EQ(parse_count("010").error, UnitError::kLeadingZero);
  EXPECT_EQ(parse_count("unlimited").error, UnitError::kNotANumber);
}

TEST(Format, CoresAreTheShortestExactDecimal) {
  EXPECT_EQ(format_cores_milli(2'000), "2");
  EXPECT_EQ(format_cores_milli(500), "0.5");
  EXPECT_EQ(format_cores_milli(1'005), "1.005");
  EXPECT_EQ(format_cores_milli(0), "0");
  EXPECT_EQ(format_cores_milli(-800), "-0.8");
  EXPECT_EQ(format_cores_micro(9'600'000), "9.6");
  EXPECT_EQ(format_cores_micro(-800'000), "-0.8");
  EXPECT_EQ(format_cores_micro(1), "0.000001");
  EXPECT_EQ(format_cores_micro(-1), "-0.000001");
  EXPECT_EQ(format_cores_micro(std::numeric_limits<std::int64_t>::min()), "-9223372036854.775808");
  EXPECT_EQ(format_ratio_ppb(800'000'000), "0.8");
  EXPECT_EQ(format_ratio_ppb(1'000'000'000), "1");
}

TEST(Format, BytesAreExactAndShort) {
  EXPECT_EQ(format_bytes(0), "0");
  EXPECT_EQ(format_bytes(1), "1");
  EXPECT_EQ(format_bytes(1'500), "1500");
  EXPECT_EQ(format_bytes(2'000), "2kB");
  EXPECT_EQ(format_bytes(1'024), "1KiB");
  EXPECT_EQ(format_bytes(1'073'741'824), "1GiB");
  EXPECT_EQ(format_bytes(1'610'612'736), "1536MiB");
  EXPECT_EQ(format_bytes(9'000'000'000), "9GB");
  EXPECT_EQ(format_bytes(kMaxBytes), "1024TiB");
}

TEST(Format, BytesForEyesAreRoundedDown) {
  EXPECT_EQ(format_bytes_human(0), "0B");
  EXPECT_EQ(format_bytes_human(1'023), "1023B");
  EXPECT_EQ(format_bytes_human(1'024), "1KiB");
  EXPECT_EQ(format_bytes_human(1'610'612'736), "1.5GiB");
  EXPECT_EQ(format_bytes_human(1'073'741'823), "1023.9MiB");
  EXPECT_EQ(format_bytes_human(9'000'000'000), "8.3GiB");
}

TEST(Format, DurationsAreExactAndShort) {
  EXPECT_EQ(format_duration_ms(0), "0s");
  EXPECT_EQ(format_duration_ms(20), "20ms");
  EXPECT_EQ(format_duration_ms(1'500), "1500ms");
  EXPECT_EQ(format_duration_ms(15'000), "15s");
  EXPECT_EQ(format_duration_ms(90'000), "90s");
  EXPECT_EQ(format_duration_ms(3'600'000), "1h");
  EXPECT_EQ(format_seconds_ms(12'500), "12.5");
  EXPECT_EQ(format_seconds_ms(0), "0");
}

TEST(Format, WhatIsPrintedIsReadBack) {
  std::mt19937_64 random(20'250'101);
  for (int i = 0; i < 100'000; ++i) {
    // Every order of magnitude is drawn equally often.
    const std::uint64_t raw = random() >> (random() % 64);
    const auto micro = static_cast<std::int64_t>(raw % 1'000'000'000'001);
    ASSERT_EQ(parse_cores_micro(format_cores_micro(micro)).value, micro);
    ASSERT_EQ(parse_bytes(format_bytes(raw % (kMaxBytes + 1))).value, raw % (kMaxBytes + 1));
    const std::uint64_t duration_ms = raw % (kMaxDurationMs + 1);
    ASSERT_EQ(parse_duration_ms(format_duration_ms(duration_ms)).value, duration_ms);
    ASSERT_EQ(parse_seconds_ms(format_seconds_ms(static_cast<std::int64_t>(duration_ms))).value,
              duration_ms);
    const auto ppb = static_cast<std::uint32_t>(raw);
    ASSERT_EQ(parse_ratio_ppb(format_ratio_ppb(ppb)).value, ppb);
  }
}

TEST(Parse, AgreesWithLongDivisionForRandomDecimals) {
  // The expected value comes from integer arithmetic over the parts, not from the parser.
  std::mt19937_64 random(7);
  for (int i = 0; i < 50'000; ++i) {
    const std::uint64_t whole = random() % 1'000;
    const std::uint64_t fraction = random() % 1'000;
    std::string digits = std::to_string(fraction + 1'000).substr(1);
    std::string text = std::to_string(whole) + "." + digits;
    ASSERT_EQ(parse_cores_milli(text).value, whole * 1'000 + fraction) << text;
    ASSERT_EQ(parse_seconds_ms(text).value, whole * 1'000 + fraction) << text;
    ASSERT_EQ(parse_bytes(text + "MB").value, whole * 1'000'000 + fraction * 1'000) << text;
    const std::uint64_t wide = fraction * 1'048'576;
    const Parsed<std::uint64_t> binary = parse_bytes(text + "MiB");
    if (wide % 1'000 == 0) {
      ASSERT_EQ(binary.value, whole * 1'048'576 + wide / 1'000) << text;
    } else {
      ASSERT_EQ(binary.error, UnitError::kNotWhole) << text;
    }
  }
}

TEST(Parse, AnyBytesGiveAnAnswer) {
  std::mt19937_64 random(3);
  constexpr char kAlphabet[] = "0123456789.-+eExX_ ,mskKMGTiBhinfa\0\xff";
  const std::string alphabet(kAlphabet, sizeof kAlphabet - 1);
  for (int i = 0; i < 200'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 12; n > 0; --n) text += alphabet[random() % alphabet.size()];
    const Parsed<std::uint64_t> bytes = parse_bytes(text);
    const Parsed<std::uint64_t> duration = parse_duration_ms(text);
    const Parsed<std::uint32_t> cores = parse_cores_milli(text);
    ASSERT_LE(bytes.value, kMaxBytes);
    ASSERT_LE(duration.value, kMaxDurationMs);
    ASSERT_LE(cores.value, kMaxCoresMilli);
    ASSERT_FALSE(unit_error_message(bytes.error).empty());
    ASSERT_TRUE(cores.ok() || cores.value == 0);
  }
}

TEST(Messages, EachErrorHasOneOfItsOwn) {
  for (std::size_t a = 0; a < static_cast<std::size_t>(UnitError::kCount); ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      EXPECT_NE(unit_error_message(static_cast<UnitError>(a)),
                unit_error_message(static_cast<UnitError>(b)));
    }
  }
  EXPECT_EQ(unit_error_message(UnitError::kNegative), "is negative");
  EXPECT_EQ(unit_remedy(Quantity::kSeconds),
            "seconds without a unit, at most 3 decimals: 5 or 0.25");
}

struct BudgetCase {
  const char* capacity;
  const char* utilization;
  const char* budget;
};

TEST(Budget, IsCapacityTimesUtilisationRoundedDown) {
  const std::vector<BudgetCase> cases{
      {"12", "0.8", "9.6"},     {"4", "0.8", "3.2"},    {"8", "0.8", "6.4"},
      {"32", "0.8", "25.6"},    {"3.9", "0.8", "3.12"}, {"1", "0.333333333", "0.333333"},
      {"0.000001", "0.8", "0"}, {"7", "1", "7"},        {"1000000", "1", "1000000"}};
  for (const BudgetCase& c : cases) {
    const std::int64_t budget =
        budget_micro(parse_cores_micro(c.capacity).value, parse_ratio_ppb(c.utilization).value);
    EXPECT_EQ(format_cores_micro(budget), c.budget) << c.capacity << " x " << c.utilization;
  }
}

TEST(Budget, TheLargestArgumentsDoNotOverflow) {
  // 10^12 microcores x 4.294967295 = 4294967295000 exactly.
  EXPECT_EQ(budget_micro(kMaxCoresMicro, std::numeric_limits<std::uint32_t>::max()),
            4'294'967'295'000);
}

}  // namespace
}  // namespace slotd
