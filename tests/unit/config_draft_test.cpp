// YAML as a plain tree, and what the library would let pass or say badly.
#include <gmock/gmock.h>

#include <string>

#include "broker/config/yaml_draft.hpp"
#include "config_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;

struct DraftResult {
  std::optional<Draft> draft;
  std::string messages;
};

DraftResult read_draft(std::string_view text) {
  const SourceText source(kTestFile, text);
  Diagnostics diagnostics(source);
  DraftResult result;
  result.draft = parse_draft(diagnostics);
  result.messages = format_diagnostics(diagnostics.take());
  return result;
}

TEST(Draft, KeepsScalarsAsWrittenWithTheirPlaces) {
  const DraftResult result = read_draft("a: 010\nb: \"x\"\nc: [1, ~]\n");
  ASSERT_TRUE(result.draft.has_value()) << result.messages;
  const Draft& root = *result.draft;
  ASSERT_TRUE(root.is_map());
  ASSERT_EQ(root.keys.size(), 3U);
  ASSERT_EQ(root.items.size(), 3U);
  EXPECT_EQ(root.items[0].text, "010");
  EXPECT_FALSE(root.items[0].quoted);
  EXPECT_EQ(root.items[0].mark.line, 1U);
  EXPECT_EQ(root.items[0].mark.col, 4U);
  EXPECT_EQ(root.items[1].text, "x");
  EXPECT_TRUE(root.items[1].quoted);
  EXPECT_EQ(root.items[2].kind, DraftKind::kList);
  ASSERT_EQ(root.items[2].items.size(), 2U);
  EXPECT_TRUE(root.items[2].items[1].is_null());
  EXPECT_EQ(root.items[2].items[1].mark.col, 8U);
}

TEST(Draft, KeepsDuplicateKeys) {
  const DraftResult result = read_draft("a: 1\na: 2\n");
  ASSERT_TRUE(result.draft.has_value());
  EXPECT_EQ(result.draft->keys.size(), 2U);
}

TEST(Draft, PutsAMissingValueAtItsKey) {
  const DraftResult result = read_draft("a:\nb: ~\nnull_like: nullable\n");
  ASSERT_TRUE(result.draft.has_value());
  EXPECT_TRUE(result.draft->items[0].is_null());
  EXPECT_EQ(result.draft->items[0].mark.line, 1U);
  EXPECT_TRUE(result.draft->items[1].is_null());
  EXPECT_EQ(result.draft->items[1].mark.col, 4U);
  EXPECT_EQ(result.draft->items[2].text, "nullable");
}

TEST(Draft, NotesAnchorsAliasesAndTags) {
  const DraftResult result = read_draft("a: &x 1\nb: *x\nc: !!str 5\n");
  ASSERT_TRUE(result.draft.has_value());
  EXPECT_TRUE(result.draft->items[0].anchored);
  EXPECT_EQ(result.draft->items[1].kind, DraftKind::kAlias);
  EXPECT_TRUE(result.draft->items[2].tagged);
}

TEST(Draft, DoesNotExpandAliases) {
  // Ten levels of ten: expanded, 10^10 nodes.
  std::string text = "l0: &l0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string level = std::to_string(i);
    std::string below = "*l";
    below += std::to_string(i - 1);
    text += "l";
    text += level + ": &l" + level + " [";
    for (int j = 0; j < 9; ++j) text += below + ", ";
    text += below + "]\n";
  }
  EXPECT_TRUE(read_draft(text).draft.has_value());
}

TEST(Draft, AnEmptyFileIsAnError) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "   \n"}) {
    EXPECT_THAT(brief_messages_of(text),
                ElementsAre("1:1: error: the file is empty (an empty map, {}, stands for all "
                            "defaults)"))
        << text;
  }
  EXPECT_THAT(brief_messages_of("~\n"), ElementsAre(testing::StartsWith("1:1: error: the file is "
                                                                        "empty")));
  EXPECT_THAT(brief_messages_of("---\n"), ElementsAre(testing::HasSubstr("the file is empty")));
}

TEST(Draft, ASecondDocumentIsAnError) {
  EXPECT_EQ(messages_of("cpu: {}\n---\nmemory: {}\n"),
            "t.yaml:2:1: error: a second document\n"
            "    ---\n"
            "    ^\n"
            "    a config file has one document: remove this '---' and what follows\n");
  EXPECT_THAT(brief_messages_of("cpu: {}\n...\n---\n"),
              ElementsAre(testing::StartsWith("3:1: error: a second document")));
}

TEST(Draft, OneDocumentMayHaveItsMarkers) {
  EXPECT_TRUE(read_draft("%YAML 1.2\n---\na: 1\n...\n").draft.has_value());
}

TEST(Draft, TextAfterTheDocumentIsAnError) {
  EXPECT_EQ(messages_of("{cpu: {}} x\n"),
            "t.yaml:1:11: error: text after the end of the document\n"
            "    {cpu: {}} x\n"
            "              ^\n"
            "    is the indentation right?\n");
}

TEST(Draft, AQuoteThatIsNeverClosedIsAnError) {
  EXPECT_EQ(messages_of("cpu: {hold: \"15s}\nmemory: {}\n"),
            "t.yaml:1:13: error: this quote is never closed\n"
            "    cpu: {hold: \"15s}\n"
            "                ^\n");
  EXPECT_THAT(brief_messages_of("cpu: {hold: '15s}\n"),
              ElementsAre("1:13: error: this quote is never closed"));
  EXPECT_THAT(brief_messages_of("a: 'it''s\n"), ElementsAre("1:4: error: this quote is never "
                                                            "closed"));
  EXPECT_THAT(brief_messages_of("a: \"x\\\"\n"), ElementsAre("1:4: error: this quote is never "
                                                             "closed"));
  EXPECT_THAT(brief_messages_of("a: !t \"x\n"), ElementsAre("1:4: error: this quote is never "
                                                            "closed"));
  EXPECT_TRUE(read_draft("a: 'it''s'\nb: \"\\\"\"\nc: ''\nd: \"\"\ne: ''''\n").draft.has_value());
}

TEST(Draft, AKeyWithoutItsColonIsAnError) {
  EXPECT_EQ(messages_of("memory: {}\ncpu\n"),
            "t.yaml:2:1: error: a ':' is missing after this key\n"
            "    cpu\n"
            "    ^\n");
  EXPECT_THAT(brief_messages_of("cpu_cost:\n  web_cpu_cost: 4\n  max_concurrent_tr"),
              ElementsAre("3:3: error: a ':' is missing after this key"));
  EXPECT_THAT(brief_messages_of("memory: {}\n: { web_cpu_cost: 3 }\n"),
              ElementsAre(testing::HasSubstr("error: the key before this ':' is missing")));
  // In braces it is a key without a value, as YAML has it.
  EXPECT_TRUE(read_draft("a: {b, c}\nd :\n'e':\n\"f\" :\n").draft.has_value());
}

TEST(Draft, SyntaxErrorsHavePlacesAndPlainWords) {
  EXPECT_EQ(messages_of("cpu: {hold: 15s\nmemory: {}\n"),
            "t.yaml:2:7: error: YAML: a '{' before this is not closed, or a ',' is missing\n"
            "    memory: {}\n"
            "          ^\n"
            "    or is a space missing after a ':'?\n");
  EXPECT_EQ(messages_of("cpu: {}\n}\n"),
            "t.yaml:2:1: error: YAML: this bracket was never opened\n"
            "    }\n"
            "    ^\n");
  EXPECT_EQ(messages_of("cpu: a: b\n"),
            "t.yaml:1:7: error: YAML: a ': ' does not belong here\n"
            "    cpu: a: b\n"
            "          ^\n"
            "    is the indentation right, and is the key in one piece?\n");
  EXPECT_EQ(messages_of("cpu: {capacity: @4}\n"),
            "t.yaml:1:17: error: YAML: no value starts with this character\n"
            "    cpu: {capacity: @4}\n"
            "                    ^\n"
            "    put the value in quotes\n");
  EXPECT_THAT(brief_messages_of("cpu:\n  hold: 15s\n charge: max\n"),
              ElementsAre("3:2: error: YAML: this does not belong to the map above (is the "
                          "indentation right, and is there text after a closing quote or "
                          "bracket?)"));
  EXPECT_THAT(brief_messages_of("cpu: [a, b\n"),
              ElementsAre(testing::HasSubstr("a '[' before this is not closed")));
}

TEST(Draft, IsBoundedInDepth) {
  std::string text;
  for (int i = 0; i < 100'000; ++i) text += "[";
  EXPECT_THAT(brief_messages_of(text),
              ElementsAre(testing::HasSubstr("error: nested more than 32 deep")));
  std::string maps = "a: ";
  for (int i = 0; i < 50'000; ++i) maps += "{a: ";
  EXPECT_THAT(brief_messages_of(maps),
              ElementsAre(testing::HasSubstr("error: nested more than 32 deep")));
  std::string block;
  for (int i = 0; i < 1'000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_THAT(brief_messages_of(block),
              ElementsAre(testing::HasSubstr("error: nested more than 32 deep")));
}

TEST(Draft, AllowsTheDepthThatItNames) {
  std::string text = "a: ";
  for (int i = 0; i < 31; ++i) text += "{a: ";
  text += "1" + std::string(31, '}') + "\n";
  EXPECT_TRUE(read_draft(text).draft.has_value()) << read_draft(text).messages;
  EXPECT_FALSE(read_draft("a: {" + text.substr(0, text.size() - 1) + "}\n").draft.has_value());
}

TEST(Draft, IsBoundedInNodes) {
  std::string text = "a: [";
  for (int i = 0; i < 70'000; ++i) text += "1,";
  text += "1]\n";
  EXPECT_THAT(brief_messages_of(text),
              ElementsAre(testing::HasSubstr("error: more than 65536 keys and values")));
}

TEST(Draft, BytesThatAreNoTextAreRefusedWithTheirPlace) {
  EXPECT_EQ(messages_of("cpu: {} # \xff\n"),
            "t.yaml:1:11: error: the byte 0xff is not UTF-8\n"
            "    cpu: {} # \\xff\n"
            "              ^\n"
            "    a config file is UTF-8 without control characters\n");
  EXPECT_THAT(brief_messages_of("cpu: {}\rmemory: {}\n"),
              ElementsAre(testing::StartsWith("1:8: error: a carriage return that ends no line")));
  EXPECT_THAT(brief_messages_of(std::string("\xff\xfe"
                                            "a\0:\0",
                                            6)),
              ElementsAre(testing::StartsWith("1:1: error: the byte 0xff is not UTF-8")));
}

TEST(Draft, AByteOrderMarkAndDosLineEndsAreFine) {
  EXPECT_EQ(parse_good("\xef\xbb\xbf"
                       "cpu: {hold: 5s}\r\nqueue: {turn: 30ms}\r\n")
                .queue.turn_ms,
            30U);
  EXPECT_EQ(messages_of("\xef\xbb\xbf"
                        "cpx: {}\r\n"),
            "t.yaml:1:1: error: unknown key 'cpx' at the top level\n"
            "    cpx: {}\n"
            "    ^\n"
            "    did you mean 'cpu'?\n");
}

TEST(Draft, AMegabyteIsTheLimit) {
  std::string text = "cpu: {}\n";
  text += '#';
  text += std::string(kMaxConfigBytes - text.size(), 'x');
  ASSERT_EQ(text.size(), kMaxConfigBytes);
  EXPECT_EQ(messages_of(text), "");
  EXPECT_EQ(messages_of(text + "x"), "t.yaml: error: more than 1MiB of text\n");
}

}  // namespace
}  // namespace slotd::broker
