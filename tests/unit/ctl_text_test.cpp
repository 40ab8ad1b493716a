// Untrusted text for terminals, and did-you-mean.
#include <gtest/gtest.h>

#include "tools/slotctl/text.hpp"

namespace slotd::ctl {
namespace {

using namespace std::string_literals;

std::string utf8(std::string_view text) { return escape_text(text, Charset::kUtf8); }
std::string ascii(std::string_view text) { return escape_text(text, Charset::kAscii); }

TEST(EscapeText, LeavesOrdinaryTextAlone) {
  EXPECT_EQ(utf8("EG_4711 (room/one)"), "EG_4711 (room/one)");
  EXPECT_EQ(utf8("caf\xc3\xa9 \xe4\xbe\x8b \xf0\x9f\x8e\xac"),
            "caf\xc3\xa9 \xe4\xbe\x8b \xf0\x9f\x8e\xac");
}

TEST(EscapeText, ControlCharactersBecomeHexadecimal) {
  EXPECT_EQ(utf8("\x1b[31mred"), "\\x1b[31mred");
  EXPECT_EQ(utf8("a\nb\tc\rd\x7f"), "a\\x0ab\\x09c\\x0dd\\x7f");
  EXPECT_EQ(utf8("a\0b"s), "a\\x00b");
  EXPECT_EQ(utf8("\xc2\x9b"), "\\xc2\\x9b") << "CSI as one C1 character";
}

TEST(EscapeText, BytesThatAreNoUtf8) {
  EXPECT_EQ(utf8("\xff\xfe"), "\\xff\\xfe");
  EXPECT_EQ(utf8("a\xc3"), "a\\xc3") << "cut off in a character";
  EXPECT_EQ(utf8("\xc3(x"), "\\xc3(x") << "no continuation byte";
  EXPECT_EQ(utf8("\xc0\xaf"), "\\xc0\\xaf") << "overlong slash";
  EXPECT_EQ(utf8("\xe0\x80\xaf"), "\\xe0\\x80\\xaf") << "overlong slash in three bytes";
  EXPECT_EQ(utf8("\xed\xa0\x80"), "\\xed\\xa0\\x80") << "surrogate";
  EXPECT_EQ(utf8("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80") << "above U+10FFFF";
  EXPECT_EQ(utf8("\x80"), "\\x80") << "continuation byte alone";
}

TEST(EscapeText, CharactersThatChangeTheOrderOrTheLine) {
  EXPECT_EQ(utf8("\xe2\x80\xae"
                 "cod.exe"),
            "\\xe2\\x80\\xae"
            "cod.exe")
      << "right-to-left override";
  EXPECT_EQ(utf8("\xe2\x81\xa6"), "\\xe2\\x81\\xa6") << "isolate";
  EXPECT_EQ(utf8("\xe2\x80\xa8"), "\\xe2\\x80\\xa8") << "line separator";
}

TEST(EscapeText, HasOneReading) { EXPECT_EQ(utf8("\\x1b \\n \\"), "\\x5cx1b \\n \\"); }

TEST(EscapeText, AsciiTerminalsGetNoOtherBytes) {
  EXPECT_EQ(ascii("caf\xc3\xa9"), "caf\\xc3\\xa9");
  EXPECT_EQ(ascii("~plain~"), "~plain~");
}

TEST(NearestName, FindsSmallSlips) {
  const std::vector<std::string> verbs{"status", "slots", "claim", "release", "procs"};
  EXPECT_EQ(nearest_name("statsu", verbs), "status");
  EXPECT_EQ(nearest_name("slot", verbs), "slots");
  EXPECT_EQ(nearest_name("realease", verbs), "release");
  EXPECT_EQ(nearest_name("claim", verbs), "claim");
}

TEST(NearestName, SaysNothingWhenNothingIsNear) {
  EXPECT_EQ(nearest_name("frobnicate", {"status", "slots"}), "");
  EXPECT_EQ(nearest_name("web", {}), "");
  EXPECT_EQ(nearest_name("", {"web"}), "");
  EXPECT_EQ(nearest_name("abc", {"xyz"}), "");
}

TEST(NearestName, TakesTheNearest) {
  EXPECT_EQ(nearest_name("participants", {"participation", "participant"}), "participant");
}

}  // namespace
}  // namespace slotd::ctl
