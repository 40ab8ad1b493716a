// Both units of this program include all of the client: what the headers define is one thing, not
// two.
#include <gtest/gtest.h>

#include <system_error>

#include "slotd/client.hpp"

// In second_unit.cpp.
const char* version_in_second_unit();
const std::error_category& category_in_second_unit();
std::error_code claim_in_second_unit(slotd::Client& client);

namespace {

slotd::Client::Options nowhere() {
  return {.segment_path = "/nonexistent/segment", .name = "test"};
}

TEST(TwoUnits, ShareOneConstant) {
  // The same object, not only the same text: inline variables are one in a program.
  EXPECT_EQ(static_cast<const void*>(version_in_second_unit()),
            static_cast<const void*>(slotd::kVersion));
}

TEST(TwoUnits, ShareOneErrorCategory) {
  // std::error_code compares categories by address: an error made in one unit must be known in the
  // other.
  EXPECT_EQ(slotd::make_error_code(slotd::Errc::kNotReady).category(), category_in_second_unit());
}

TEST(TwoUnits, PassAClientBetweenThem) {
  std::error_code ec;
  slotd::Client client(nowhere(), ec);
  EXPECT_EQ(ec, slotd::Errc::kNoSegment);
  EXPECT_EQ(claim_in_second_unit(client), slotd::Errc::kNotAttached);
}

TEST(TwoUnits, ThrowTheSameError) {
  try {
    slotd::Client client(nowhere());
    FAIL() << "attached to a segment that is not there";
  } catch (const slotd::Error& error) {
    EXPECT_EQ(error.code(), slotd::Errc::kNoSegment);
    EXPECT_EQ(error.code().category(), category_in_second_unit());
  }
}

}  // namespace
