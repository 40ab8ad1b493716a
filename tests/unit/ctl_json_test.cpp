// The printer of the -J outputs: exact numbers, valid text, the order in which fields were added.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <random>

#include "slotd/layout.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {
namespace {

/// A decimal figure as cores are printed: with a point, whatever it is.
std::string with_point(std::string text) {
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

TEST(PrintJson, CoresAreDecimals) {
  EXPECT_EQ(print_json(cores_json(12'000'000)), "12.0");
  EXPECT_EQ(print_json(cores_json(9'600'000)), "9.6");
  EXPECT_EQ(print_json(cores_json(-800'000)), "-0.8");
  EXPECT_EQ(print_json(cores_json(0)), "0.0");
  EXPECT_EQ(print_json(cores_json(1)), "0.000001");
  EXPECT_EQ(print_json(cores_json(1'000'000'000'000)), "1000000.0");
  EXPECT_EQ(print_json(milli_cores_json(500)), "0.5");
  EXPECT_EQ(print_json(milli_cores_json(1'048'575)), "1048.575");
}

TEST(PrintJson, EveryCostIsPrintedExactly) {
  for (std::uint32_t milli = 0; milli <= kMaxCoresMilli; ++milli) {
    ASSERT_EQ(print_json(milli_cores_json(milli)), with_point(format_cores_milli(milli)));
  }
}

TEST(PrintJson, SumsOfCoresArePrintedExactly) {
  std::mt19937_64 engine(20240817);
  std::uniform_int_distribution<std::int64_t> any(-5'000'000'000, 1'000'000'000'000);
  for (int i = 0; i < 200'000; ++i) {
    const std::int64_t micro = any(engine);
    ASSERT_EQ(print_json(cores_json(micro)), with_point(format_cores_micro(micro)));
  }
}

TEST(PrintJson, FiguresOfAScribbledSegmentAreStillNumbers) {
  const std::string text = print_json(cores_json(std::numeric_limits<std::int64_t>::max()));
  EXPECT_TRUE(Json::accept(text)) << text;
  EXPECT_EQ(print_json(Json(std::nan(""))), "null");
  EXPECT_EQ(print_json(Json(std::numeric_limits<double>::infinity())), "null");
  EXPECT_TRUE(Json::accept(print_json(Json(std::numeric_limits<double>::max()))));
  EXPECT_TRUE(Json::accept(print_json(Json(std::numeric_limits<double>::denorm_min()))));
}

TEST(PrintJson, SecondsToTheMillisecond) {
  EXPECT_EQ(print_json(seconds_json(12.5)), "12.5");
  EXPECT_EQ(print_json(seconds_json(0.0204999)), "0.02");
  EXPECT_EQ(print_json(seconds_json(15)), "15.0");
}

TEST(PrintJson, WholeFiguresThatAreNotCores) {
  EXPECT_EQ(print_json(plain_number_json(1)), "1");
  EXPECT_EQ(print_json(plain_number_json(-1)), "-1");
  EXPECT_EQ(print_json(plain_number_json(0.5)), "0.5");
}

TEST(PrintJson, NoLimitIsNull) {
  EXPECT_EQ(print_json(limit_json(kNoLimit)), "null");
  EXPECT_EQ(print_json(limit_json(0)), "0");
  EXPECT_EQ(print_json(limit_json(4'294'967'294)), "4294967294");
}

TEST(PrintJson, KeepsTheOrderOfItsFields) {
  Json document = make_document();
  document["zebra"] = 1;
  document["apple"] = Json::array({true, nullptr, "x"});
  document["empty"] = Json::object();
  EXPECT_EQ(print_json(document), R"({"schema":1,"zebra":1,"apple":[true,null,"x"],"empty":{}})");
}

TEST(PrintJson, IsValidWhateverTheTextHolds) {
  const std::string text = print_json(Json("\xff\"\\\n\x1b\x7f\xc3"));
  const Json read_back = Json::parse(text);
  EXPECT_EQ(read_back.get<std::string>(), "\xef\xbf\xbd\"\\\n\x1b\x7f\xef\xbf\xbd");
  EXPECT_EQ(text.find('\n'), std::string::npos);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
}

TEST(PrintJson, IsValidWhateverAFieldIsCalled) {
  Json weights = Json::object();
  weights["bad\xff\"name"] = 4;
  const Json read_back = Json::parse(print_json(weights));
  EXPECT_EQ(read_back.begin().key(), "bad\xef\xbf\xbd\"name");
}

}  // namespace
}  // namespace slotd::ctl
