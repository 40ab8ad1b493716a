// The exit statuses that scripts build on.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {
namespace {

int status_of(Errc code) { return to_status(exit_code_of(code)); }

TEST(ExitCodes, OfErrors) {
  EXPECT_EQ(status_of(Errc::kOk), 0);
  EXPECT_EQ(status_of(Errc::kStaleToken), 1);
  EXPECT_EQ(status_of(Errc::kForeignToken), 1);
  EXPECT_EQ(status_of(Errc::kMalformedToken), 1);
  EXPECT_EQ(status_of(Errc::kNoSuchProcess), 1);
  EXPECT_EQ(status_of(Errc::kWrongState), 1);
  EXPECT_EQ(status_of(Errc::kInvalidArgument), 64);
  EXPECT_EQ(status_of(Errc::kCorrupt), 65);
  EXPECT_EQ(status_of(Errc::kNoSegment), 69);
  EXPECT_EQ(status_of(Errc::kNotReady), 69);
  EXPECT_EQ(status_of(Errc::kRetired), 69);
  EXPECT_EQ(status_of(Errc::kSystem), 70);
  EXPECT_EQ(status_of(Errc::kPresenceUnavailable), 70);
  EXPECT_EQ(status_of(Errc::kProcessTableFull), 75);
  EXPECT_EQ(status_of(Errc::kLayoutMismatch), 76);
  EXPECT_EQ(status_of(Errc::kPermissionDenied), 77);
}

int before_start(Errc code) { return to_status(exit_code_before_start(exit_code_of(code))); }

TEST(ExitCodes, OfRunBeforeItsCommandStarts) {
  EXPECT_EQ(before_start(Errc::kNoSegment), 69);
  EXPECT_EQ(before_start(Errc::kProcessTableFull), 75);
  EXPECT_EQ(before_start(Errc::kPermissionDenied), 77);
  EXPECT_EQ(before_start(Errc::kInvalidArgument), 64);
  EXPECT_EQ(before_start(Errc::kLayoutMismatch), 125);
  EXPECT_EQ(before_start(Errc::kCorrupt), 125);
  EXPECT_EQ(before_start(Errc::kSystem), 125);
  EXPECT_EQ(before_start(Errc::kNoSuchProcess), 125);
}

TEST(ExitCodes, OfSignals) { EXPECT_EQ(status_of_signal(9), 137); }

TEST(ErrorNames, AreAllDifferent) {
  std::set<std::string> names;
  for (int code = 0; code <= static_cast<int>(Errc::kSystem); ++code) {
    names.insert(error_name(static_cast<Errc>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<std::size_t>(Errc::kSystem) + 1);
  EXPECT_EQ(names.count("unknown"), 0U);
}

TEST(Failure, SaysSomethingInAnyCase) {
  EXPECT_STREQ(Failure(Errc::kStaleToken).what(), describe(Errc::kStaleToken));
  EXPECT_STREQ(Failure(Errc::kNoSegment, "none at /x").what(), "none at /x");
}

}  // namespace
}  // namespace slotd::ctl
