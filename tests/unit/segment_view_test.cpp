// What validate_segment() tells apart, and texts in the segment.
#include "slotd/segment_view.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using testing::HeapSegment;

constexpr BootId kBoot{1, 2};

class ValidateSegment : public ::testing::Test {
 protected:
  Errc validate() const { return validate_segment(segment_.base(), segment_.bytes(), kBoot).code; }
  Header& header() const { return segment_.view().header(); }
  HeapSegment segment_{testing::make_spec(12'000'000), {100, 20}};
};

TEST_F(ValidateSegment, AcceptsAFreshOneWithItsCapacities) {
  const Validation found = validate_segment(segment_.base(), segment_.bytes(), kBoot);
  EXPECT_EQ(found.code, Errc::kOk);
  EXPECT_EQ(found.capacities.slots, 100U);
  EXPECT_EQ(found.capacities.processes, 20U);
  EXPECT_EQ(found.identity.segment_id, 0x1234U);
}

TEST_F(ValidateSegment, NotReadyWhileItIsBeingMade) {
  header().state.store(static_cast<std::uint64_t>(SegmentState::kBuilding));
  EXPECT_EQ(validate(), Errc::kNotReady);
}

TEST_F(ValidateSegment, NotReadyWhenOfAnEarlierBoot) {
  EXPECT_EQ(validate_segment(segment_.base(), segment_.bytes(), {1, 3}).code, Errc::kNotReady);
}

TEST_F(ValidateSegment, ABootThatIsNotKnownIsNoOther) {
  EXPECT_EQ(validate_segment(segment_.base(), segment_.bytes(), {}).code, Errc::kOk);
  header().boot_id[0].set(0);
  header().boot_id[1].set(0);
  EXPECT_EQ(validate(), Errc::kOk);
}

TEST_F(ValidateSegment, Retired) {
  header().state.store(static_cast<std::uint64_t>(SegmentState::kRetired));
  EXPECT_EQ(validate(), Errc::kRetired);
}

TEST_F(ValidateSegment, MismatchNamesWhatWasFound) {
  header().layout.set(kLayout + 1);
  const Validation found = validate_segment(segment_.base(), segment_.bytes(), kBoot);
  EXPECT_EQ(found.code, Errc::kLayoutMismatch);
  EXPECT_EQ(found.identity.layout, kLayout + 1);
}

TEST_F(ValidateSegment, MismatchByFingerprintAlone) {
  header().fingerprint.set(kFingerprint ^ 1U);
  EXPECT_EQ(validate(), Errc::kLayoutMismatch);
}

TEST_F(ValidateSegment, CorruptWhenTheFileIsShorterThanTheHeaderSays) {
  EXPECT_EQ(validate_segment(segment_.base(), segment_.bytes() - 4096, kBoot).code, Errc::kCorrupt);
}

TEST_F(ValidateSegment, CorruptInEveryFieldThatPlacesSomething) {
  const auto corrupt_after = [&](auto change) {
    HeapSegment other(testing::make_spec(12'000'000), {100, 20});
    change(other.view().header());
    return validate_segment(other.base(), other.bytes(), kBoot).code == Errc::kCorrupt;
  };
  EXPECT_TRUE(corrupt_after([](Header& h) { h.magic.set(7); }));
  EXPECT_TRUE(corrupt_after([](Header& h) { h.state.store(9); }));
  EXPECT_TRUE(corrupt_after([](Header& h) { h.segment_id.set(0); }));
  EXPECT_TRUE(corrupt_after([](Header& h) { h.total_bytes.set(h.total_bytes.get() + 4096); }));
  for (std::size_t i = 0; i < static_cast<std::size_t>(SectionId::kCount); ++i) {
    EXPECT_TRUE(corrupt_after([i](Header& h) {
      h.sections[i].offset.set(h.sections[i].offset.get() + 64);
    })) << i;
    EXPECT_TRUE(corrupt_after([i](Header& h) {
      h.sections[i].count.set(h.sections[i].count.get() + 1);
    })) << i;
    EXPECT_TRUE(corrupt_after([i](Header& h) { h.sections[i].stride.set(1); })) << i;
  }
}

TEST_F(ValidateSegment, EmptyFileIsNotReadyAndAShortOneCorrupt) {
  EXPECT_EQ(validate_segment(segment_.base(), 0, kBoot).code, Errc::kNotReady);
  EXPECT_EQ(validate_segment(segment_.base(), kHeaderBytes - 1, kBoot).code, Errc::kCorrupt);
}

TEST_F(ValidateSegment, TheMarkIsBoundedByTheTable) {
  header().mark.store(~0ULL);
  EXPECT_EQ(segment_.view().mark(), 100U);
}

TEST(SegmentText, IsCutAndAlwaysEnds) {
  KeyCells cells{};
  store_text(cells, std::string(200, 'x'));
  EXPECT_EQ(text_view(load_text(cells)), std::string(63, 'x'));
  store_text(cells, "ab");
  EXPECT_EQ(text_view(load_text(cells)), "ab");
  for (auto& word : cells.word) word.set(~0ULL);
  EXPECT_EQ(text_view(load_text(cells)).size(), 63U);
}

TEST(SegmentText, KeysAre1To63BytesWithoutControlCharacters) {
  EXPECT_TRUE(is_valid_key("EG_1"));
  EXPECT_TRUE(is_valid_key(std::string(63, 'k')));
  EXPECT_TRUE(is_valid_key("\xc3\xa9"));
  EXPECT_FALSE(is_valid_key(""));
  EXPECT_FALSE(is_valid_key(std::string(64, 'k')));
  EXPECT_FALSE(is_valid_key("a\nb"));
  EXPECT_FALSE(is_valid_key(std::string_view("a\0b", 3)));
  EXPECT_FALSE(is_valid_key("a\x7f"));
}

TEST(Geometry, SectionsDoNotOverlapForAnyCapacity) {
  for (const Capacities capacities :
       {Capacities{1, 1}, Capacities{7, 3}, Capacities{1024, 512}, Capacities{4096, 1023}}) {
    const Geometry geometry = compute_geometry(capacities);
    std::uint64_t end = kHeaderBytes;
    for (const SectionRange& section : geometry.sections) {
      EXPECT_GE(section.offset, end);
      EXPECT_EQ(section.offset % 64, 0U);
      end = section.offset + std::uint64_t{section.count} * section.stride;
    }
    EXPECT_LE(end, geometry.total_bytes);
    EXPECT_EQ(geometry.total_bytes % 4096, 0U);
  }
}

}  // namespace
}  // namespace slotd
