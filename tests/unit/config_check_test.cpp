// What is wrong with a configuration as a whole: names that refer to each other, minimums that
// contradict a limit, tables that are full, limits that can never hold.
#include <gmock/gmock.h>

#include <string>

#include "config_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;

TEST(ConfigErrors, References) {
  expect_each({
      {"types: { a: { cpu: 1, groups: [nope] } }",
       "1:32: error: types.a.groups: no group 'nope' (define it under groups:)"},
      {"types: { a: { cpu: 1, groups: { pulze: 4 } } }\ngroups: { pulse: { max: 9 } }",
       "1:33: error: types.a.groups: no group 'pulze' (did you mean 'pulse'?)"},
      {"types: { a: { cpu: 1, counts_as: b } }", "1:23: error: types.a.counts_as: no type 'b'"},
      {"types: { a: { cpu: 1, counts_as: a } }",
       "1:23: error: types.a.counts_as: a type cannot count as itself"},
      {"types: { a: { cpu: 1, counts_as: trakc }, track: { cpu: 1 } }",
       "1:23: error: types.a.counts_as: no type 'trakc' (did you mean 'track'?)"},
      {"types: { a: { cpu: 1, counts_as: x }, b: { cpu: 1, aliases: [x] } }",
       "1:23: error: types.a.counts_as: 'x' is an alias (write 'b')"},
      {"types: { a: { cpu: 1, counts_as: b, max: 3 }, b: { cpu: 1 } }",
       "1:37: error: types.a.max: its limit is that of 'b' (remove max or counts_as)"},
      {"types: { a: { cpu: 1, counts_as: b }, b: { cpu: 1, counts_as: c }, c: { cpu: 1 } }",
       "1:23: error: types.a.counts_as: 'b' itself counts as 'c' (name a type that has a limit of "
       "its own)"},
      {"types: { a: { cpu: 1, aliases: [b] }, b: { cpu: 1 } }",
       "1:33: error: types.a.aliases: 'b' is already a type"},
      {"types: { a: { cpu: 1, aliases: [a] } }",
       "1:33: error: types.a.aliases: 'a' is already a type"},
      {"types: { a: { cpu: 1, aliases: [x] }, b: { cpu: 1, aliases: [x] } }",
       "1:62: error: types.b.aliases: 'x' is already an alias of 'a'"},
  });
}

TEST(ConfigErrors, ACycleIsNamedAtEveryStep) {
  const std::string hint = " (name a type that has a limit of its own)";
  EXPECT_THAT(
      brief_messages_of("types:\n  a: { cpu: 1, counts_as: b }\n  b: { cpu: 1, counts_as: a }\n"),
      ElementsAre("2:16: error: types.a.counts_as: 'b' itself counts as 'a'" + hint,
                  "3:16: error: types.b.counts_as: 'a' itself counts as 'b'" + hint));
}

TEST(ConfigErrors, GroupsThatTheBuiltInTypesNeed) {
  EXPECT_THAT(
      brief_messages_of("groups: { other: { max: 1 } }"),
      ElementsAre("1:1: error: types.room_composite.groups: no group 'web' (define it under "
                  "groups:)",
                  "1:1: error: types.web.groups: no group 'web' (define it under groups:)"));
}

TEST(ConfigErrors, TablesThatAreFull) {
  std::string types = "types:\n";
  std::string aliases = "types:\n  a: { cpu: 1, aliases: [x0";
  std::string groups = "groups:\n  web: { max: 1 }\n";
  for (int i = 0; i < 33; ++i) types += "  t" + std::to_string(i) + ": { cpu: 1 }\n";
  for (int i = 1; i < 33; ++i) aliases += ", x" + std::to_string(i);
  for (int i = 0; i < 16; ++i) groups += "  g" + std::to_string(i) + ": { max: 1 }\n";
  EXPECT_THAT(brief_messages_of(types), ElementsAre("34:3: error: types: more than 32 types"));
  EXPECT_THAT(brief_messages_of(aliases + "] }\n"),
              ElementsAre(testing::HasSubstr("error: types: more than 32 aliases")));
  EXPECT_THAT(brief_messages_of(groups), ElementsAre("18:3: error: groups: more than 16 groups"));
}

/// Together they keep room for slots that can never be held at the same time.
TEST(ConfigErrors, MinimumsThatContradictEachOther) {
  expect_each({
      {"types: { a: { cpu: 1, max: 1, min: 2 } }",
       with_hint("1:31: error: types.a.min: 2 is above the limit of 1",
                 "lower it, or raise the max of 'a'")},
      {"types: { a: { cpu: 1, min: 2, groups: { g: 2 } },\n"
       "  b: { cpu: 1, min: 1, groups: { g: 3 } } }\ngroups: { g: { max: 6 } }",
       with_hint("2:16: error: types.b.min: with the minimums before it that is 7 of group 'g', "
                 "whose max is 6",
                 "lower a minimum, or raise the max of the group")},
      {"types: { a: { cpu: 1, max: 3, min: 2 },\n  b: { cpu: 1, min: 1, counts_as: a },\n"
       "  c: { cpu: 1, min: 1, counts_as: a } }",
       with_hint("3:16: error: types.c.min: with the minimums before it that is 4 of the limit of "
                 "'a', which is 3",
                 "lower a minimum, or raise the max of 'a'")},
      {"types: { b: { cpu: 1, min: 2, counts_as: a },\n  a: { cpu: 1, max: 3, min: 2 } }",
       with_hint("2:24: error: types.a.min: with the minimums before it that is 4 of the limit of "
                 "'a', which is 3",
                 "lower a minimum, or raise the max of 'a'")},
      {"types: { a: { cpu: 1, max: 3 },\n  b: { cpu: 1, min: 4, counts_as: a } }",
       with_hint("2:16: error: types.b.min: 4 is above the limit of 3",
                 "lower it, or raise the max of 'a'")},
      {"types: { a: { cpu: 0, min: 6 },\n  b: { cpu: 0, min: 3 } }\nsegment: { slots: 8 }",
       with_hint("2:16: error: types.b.min: with the minimums before it that is 9 slots, and "
                 "segment.slots is 8",
                 "lower a minimum, or raise segment.slots")},
      {"types: { a: { cpu: 0, min: 9 } }\nsegment: { slots: 8 }",
       with_hint("1:23: error: types.a.min: that is 9 slots, and segment.slots is 8",
                 "lower a minimum, or raise segment.slots")},
  });
  for (const char* fits :
       {"types: { a: { cpu: 1, max: 3, min: 2 }, b: { cpu: 1, min: 1, counts_as: a } }",
        "types: { a: { cpu: 1, max: 3, min: 3 }, b: { cpu: 1, counts_as: a },\n"
        "  c: { cpu: 1, max: 3, min: 3 } }",
        "types: { a: { cpu: 1, min: 9 }, b: { cpu: 1, min: 9, counts_as: a } }",
        "types: { a: { cpu: 0, min: 6 }, b: { cpu: 0, min: 2 } }\nsegment: { slots: 8 }"}) {
    EXPECT_TRUE(parse_config(fits, "slotd.yaml").config.has_value()) << fits;
  }
}

TEST(ConfigWarnings, DoNotRefuseTheFile) {
  const ConfigResult result = parse_config(
      "types: { a: { cpu: 1, groups: { g: 4 } }, b: { max: 1 } }\n"
      "groups: { g: { max: 3 } }\n"
      "memory: { max: 1GiB }\n",
      kTestFile);
  EXPECT_TRUE(result.config.has_value());
  EXPECT_EQ(format_diagnostics(result.diagnostics),
            "t.yaml:1:33: warning: types.a.groups: a weight of 4 never fits into 'g' with its max "
            "of 3\n"
            "    types: { a: { cpu: 1, groups: { g: 4 } }, b: { max: 1 } }\n"
            "                                    ^\n"
            "t.yaml:1:43: warning: types.b: without a cpu cost, CPU never limits it\n"
            "    types: { a: { cpu: 1, groups: { g: 4 } }, b: { max: 1 } }\n"
            "                                              ^\n"
            "    write cpu: 0 when that is meant\n"
            "t.yaml:3:11: warning: memory: a headroom of 1GiB leaves nothing of 1GiB: no job will "
            "ever fit\n"
            "    memory: { max: 1GiB }\n"
            "              ^\n");
}

TEST(ConfigWarnings, ALimitOfZeroIsMeant) {
  EXPECT_EQ(messages_of("types: { a: { cpu: 0, groups: { g: 4 } } }\ngroups: { g: { max: 0 } }\n"),
            "");
}

}  // namespace
}  // namespace slotd::broker
