// Bytes before YAML: UTF-8, what is shown of them, and guesses at names.
#include <gmock/gmock.h>

#include <random>
#include <string>
#include <vector>

#include "broker/config/diagnostic.hpp"
#include "broker/config/source_text.hpp"

namespace slotd::broker {
namespace {

TEST(DecodeUtf8, KnowsWellFormedSequences) {
  std::uint32_t code_point = 0;
  EXPECT_EQ(decode_utf8("a", code_point), 1U);
  EXPECT_EQ(code_point, 0x61U);
  EXPECT_EQ(decode_utf8("\xc3\xa4", code_point), 2U);
  EXPECT_EQ(code_point, 0xe4U);
  EXPECT_EQ(decode_utf8("\xe2\x82\xac", code_point), 3U);
  EXPECT_EQ(code_point, 0x20acU);
  EXPECT_EQ(decode_utf8("\xf0\x9f\x98\x80", code_point), 4U);
  EXPECT_EQ(code_point, 0x1f600U);
  EXPECT_EQ(decode_utf8("\xf4\x8f\xbf\xbf", code_point), 4U);
  EXPECT_EQ(code_point, 0x10ffffU);
}

TEST(DecodeUtf8, RefusesEveryKindOfMalformedSequence) {
  std::uint32_t code_point = 0;
  for (const std::string& text : std::vector<std::string>{
           "", "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x80\x80", "\xe0\x9f\xbf",
           "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
           "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\x98",
           "\xc3\x28", "\xe2\x28\xa1"}) {
    EXPECT_EQ(decode_utf8(text, code_point), 0U) << testing::PrintToString(text);
  }
}

TEST(EscapeUntrusted, LeavesReadableTextAlone) {
  EXPECT_EQ(escape_untrusted("plain 'text' \\ 1"), "plain 'text' \\ 1");
  EXPECT_EQ(escape_untrusted("\xc3\xa4\xe2\x82\xac"), "\xc3\xa4\xe2\x82\xac");
}

TEST(EscapeUntrusted, ShowsWhatCouldDisturbATerminal) {
  EXPECT_EQ(escape_untrusted("a\x1b[31mb"), "a\\x1b[31mb");
  EXPECT_EQ(escape_untrusted(std::string("a\0b\n\x7f", 5)), "a\\x00b\\x0a\\x7f");
  EXPECT_EQ(escape_untrusted("\xc2\x9b"), "\\xc2\\x9b");           // a control sequence in one
  EXPECT_EQ(escape_untrusted("\xe2\x80\xae"), "\\xe2\\x80\\xae");  // right-to-left override
  EXPECT_EQ(escape_untrusted("\xff\xc3"), "\\xff\\xc3");
}

TEST(EscapeUntrusted, CutsBetweenCharacters) {
  EXPECT_EQ(escape_untrusted("abcdef", 3), "abc...");
  EXPECT_EQ(escape_untrusted("abc", 3), "abc");
  EXPECT_EQ(escape_untrusted("a\xc3\xa4g", 2), "a\xc3\xa4...");
  EXPECT_EQ(quote_untrusted(std::string(100, 'x')), "'" + std::string(80, 'x') + "...'");
}

TEST(EscapeUntrusted, NeverLetsAControlByteThrough) {
  std::mt19937 random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string text;
    for (std::size_t n = random() % 16; n > 0; --n) text += static_cast<char>(random() % 256);
    for (const char c : escape_untrusted(text)) {
      ASSERT_GE(static_cast<unsigned char>(c), 0x20U);
      ASSERT_NE(c, '\x7f');
    }
  }
}

TEST(FindByteFault, AllowsTextAndLineEnds) {
  EXPECT_EQ(find_byte_fault("a: \xc3\xa4\t# x\r\nb: 1\n").why, "");
  EXPECT_EQ(find_byte_fault("").why, "");
}

TEST(FindByteFault, SaysWhichByteAndWhere) {
  EXPECT_EQ(find_byte_fault("ab\xff").offset, 2U);
  EXPECT_EQ(find_byte_fault("ab\xff").why, "the byte 0xff is not UTF-8");
  EXPECT_EQ(find_byte_fault(std::string("a\0", 2)).why, "the control character 0x00");
  EXPECT_EQ(find_byte_fault("\x1b").why, "the control character 0x1b");
  EXPECT_EQ(find_byte_fault("\xc2\x85").why, "the control character 0x85");
  EXPECT_EQ(find_byte_fault("a\rb").why, "a carriage return that ends no line");
  EXPECT_EQ(find_byte_fault("a\r").why, "a carriage return that ends no line");
}

TEST(SourceText, FindsLinesAndPlaces) {
  const SourceText source("f", "one\r\ntwo\n\nfour");
  EXPECT_EQ(source.line(0), "");
  EXPECT_EQ(source.line(1), "one");
  EXPECT_EQ(source.line(2), "two");
  EXPECT_EQ(source.line(3), "");
  EXPECT_EQ(source.line(4), "four");
  EXPECT_EQ(source.line(5), "");
  EXPECT_EQ(source.offset_of({4, 2}), 11U);
  EXPECT_EQ(source.offset_of({9, 9}), 14U);
  const SourceMark mark = source.mark_of(11);
  EXPECT_EQ(mark.line, 4U);
  EXPECT_EQ(mark.col, 2U);
}

struct NearCase {
  const char* written;
  const char* nearest;
};

TEST(FindNearest, GuessesOnlyWhatIsClose) {
  const std::vector<std::string_view> known{"participant", "track", "max_utilization", "max"};
  for (const NearCase& c : std::vector<NearCase>{{"particpant", "participant"},
                                                 {"participants", "participant"},
                                                 {"Participant", "participant"},
                                                 {"trakc", "track"},
                                                 {"max-utilization", "max_utilization"},
                                                 {"max_utilisation", "max_utilization"},
                                                 {"MAX", "max"},
                                                 {"mx", ""},
                                                 {"room", ""},
                                                 {"", ""},
                                                 {"completely_different_name", ""}}) {
    EXPECT_EQ(find_nearest(c.written, known), c.nearest) << c.written;
  }
  EXPECT_EQ(find_nearest(std::string(1'000'000, 'x'), known), "");
  EXPECT_EQ(make_nearest_hint("trakc", known), "did you mean 'track'?");
  EXPECT_EQ(make_nearest_hint("zzz", known, "something else"), "something else");
}

TEST(FormatDiagnostic, PrintsPlaceLineCaretAndHint) {
  Diagnostic diagnostic;
  diagnostic.file = "/etc/slotd/slotd.yaml";
  diagnostic.line = 3;
  diagnostic.col = 7;
  diagnostic.message = "unknown key 'hodl' in cpu";
  diagnostic.source_line = "cpu: { hodl: 15s }";
  diagnostic.caret_offset = 7;
  diagnostic.hint = "did you mean 'hold'?";
  EXPECT_EQ(format_diagnostic(diagnostic),
            "/etc/slotd/slotd.yaml:3:7: error: unknown key 'hodl' in cpu\n"
            "    cpu: { hodl: 15s }\n"
            "           ^\n"
            "    did you mean 'hold'?\n");
  diagnostic.severity = Severity::kWarning;
  diagnostic.hint.clear();
  diagnostic.source_line.clear();
  EXPECT_EQ(format_diagnostic(diagnostic),
            "/etc/slotd/slotd.yaml:3:7: warning: unknown key 'hodl' in cpu\n");
  diagnostic.line = 0;
  diagnostic.file = "a\nb";
  EXPECT_EQ(format_diagnostic(diagnostic), "a\\x0ab: warning: unknown key 'hodl' in cpu\n");
}

TEST(Diagnostics, CountColumnsInCharactersAndKeepTabsUnderTheLine) {
  const SourceText source("f", "\t\xc3\xa4\xc3\xb6: x\n");
  Diagnostics diagnostics(source);
  diagnostics.error({1, 8}, "here");  // the x, seven bytes in
  const std::vector<Diagnostic> list = diagnostics.take();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].col, 6U);
  EXPECT_EQ(format_diagnostic(list[0]),
            "f:1:6: error: here\n"
            "    \t\xc3\xa4\xc3\xb6: x\n"
            "    \t    ^\n");
}

TEST(Diagnostics, ShowThePartOfALongLineThatMatters) {
  const std::string text = std::string(5'000, 'a') + "X" + std::string(5'000, 'b');
  const SourceText source("f", text);
  Diagnostics diagnostics(source);
  diagnostics.error({1, 5'001}, "here");
  const std::vector<Diagnostic> list = diagnostics.take();
  ASSERT_EQ(list.size(), 1U);
  EXPECT_EQ(list[0].col, 5'001U);
  EXPECT_LT(list[0].source_line.size(), 200U);
  EXPECT_EQ(list[0].source_line[list[0].caret_offset], 'X');
}

TEST(Diagnostics, AreGivenInTheOrderOfTheFile) {
  const SourceText source("f", "a\nb\nc\n");
  Diagnostics diagnostics(source);
  diagnostics.error({3, 1}, "third");
  diagnostics.warning({1, 1}, "first");
  diagnostics.error({2, 1}, "second");
  EXPECT_TRUE(diagnostics.has_errors());
  const std::vector<Diagnostic> list = diagnostics.take();
  ASSERT_EQ(list.size(), 3U);
  EXPECT_EQ(list[0].message, "first");
  EXPECT_EQ(list[1].message, "second");
  EXPECT_EQ(list[2].message, "third");
}

TEST(Diagnostics, HaveAnEnd) {
  const SourceText source("f", "a\n");
  Diagnostics diagnostics(source);
  for (int i = 0; i < 1'000; ++i) diagnostics.error({1, 1}, "again");
  const std::vector<Diagnostic> list = diagnostics.take();
  ASSERT_EQ(list.size(), Diagnostics::kMost + 1);
  EXPECT_EQ(format_diagnostic(list.back()), "f: error: 800 more messages are left out\n");
}

}  // namespace
}  // namespace slotd::broker
