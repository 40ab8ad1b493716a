// The native form: what is wrong with the keys and values of a file, in the very words and at the
// very places that people see.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "config_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;

constexpr const char* kCost = "expected cores, at most 3 decimals, up to 1048.575: 4, 0.5 or 1.25";
constexpr const char* kLimit = "expected a whole number up to 4294967294, or unlimited";
constexpr const char* kCount = "expected a whole number up to 4294967294";
constexpr const char* kDuration =
    "expected a number with ms, s, m or h, whole in ms, up to 8760h: 15s, 1.5s or 20ms";
constexpr const char* kSize =
    "expected bytes, or a number with kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (powers of "
    "1024), up to 1024TiB: 9GB or 1.5GiB";
constexpr const char* kRatio = "expected a fraction with at most 9 decimals: 0.8";
constexpr const char* kName = "a name has 1 to 55 letters, digits, '_', '.' or '-'";

TEST(ConfigErrors, AllOfThemAreReported) {
  const ConfigResult result = parse_config(
      "cpu:\n"
      "  max_utilisation: 0.8\n"
      "  hold: 15\n"
      "types:\n"
      "  participant: { max: 010, cpu: 2.0001, groups: [wbe] }\n"
      "segment: { mode: 0660 }\n"
      "groups: { web: { max: -1 } }\n",
      "/etc/slotd/slotd.yaml");
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(
      format_diagnostics(result.diagnostics),
      "/etc/slotd/slotd.yaml:2:3: error: unknown key 'max_utilisation' in cpu\n"
      "      max_utilisation: 0.8\n"
      "      ^\n"
      "    did you mean 'max_utilization'?\n"
      "/etc/slotd/slotd.yaml:3:9: error: cpu.hold: '15' has no unit\n"
      "      hold: 15\n"
      "            ^\n"
      "    expected a number with ms, s, m or h, whole in ms, up to 8760h: 15s, 1.5s or 20ms\n"
      "/etc/slotd/slotd.yaml:5:23: error: types.participant.max: '010' starts with 0 and "
      "would be octal to some readers\n"
      "      participant: { max: 010, cpu: 2.0001, groups: [wbe] }\n"
      "                          ^\n"
      "    expected a whole number up to 4294967294, or unlimited\n"
      "/etc/slotd/slotd.yaml:5:33: error: types.participant.cpu: '2.0001' has too many "
      "decimals\n"
      "      participant: { max: 010, cpu: 2.0001, groups: [wbe] }\n"
      "                                    ^\n"
      "    expected cores, at most 3 decimals, up to 1048.575: 4, 0.5 or 1.25\n"
      "/etc/slotd/slotd.yaml:5:50: error: types.participant.groups: no group 'wbe'\n"
      "      participant: { max: 010, cpu: 2.0001, groups: [wbe] }\n"
      "                                                     ^\n"
      "    did you mean 'web'?\n"
      "/etc/slotd/slotd.yaml:6:18: error: segment.mode: '0660' is not in quotes\n"
      "    segment: { mode: 0660 }\n"
      "                     ^\n"
      "    write it as text: \"0660\"\n"
      "/etc/slotd/slotd.yaml:7:23: error: groups.web.max: '-1' is negative\n"
      "    groups: { web: { max: -1 } }\n"
      "                          ^\n"
      "    expected a whole number up to 4294967294, or unlimited\n");
}

TEST(ConfigErrors, UnknownKeysOnEveryLevel) {
  expect_each({
      {"cpux: {}", "1:1: error: unknown key 'cpux' at the top level (did you mean 'cpu'?)"},
      {"segmnt: {}", "1:1: error: unknown key 'segmnt' at the top level (did you mean 'segment'?)"},
      {"cpu_costs: {}",
       "1:1: error: unknown key 'cpu_costs' at the top level (did you mean 'cpu_cost'?)"},
      {"foo: {}",
       "1:1: error: unknown key 'foo' at the top level (known keys: cpu, memory, types, groups, "
       "queue, pressure, segment, http)"},
      {"cpu: { holt: 1s }", "1:8: error: unknown key 'holt' in cpu (did you mean 'hold'?)"},
      {"cpu: { max-utilization: 1 }",
       "1:8: error: unknown key 'max-utilization' in cpu (did you mean 'max_utilization'?)"},
      {"memory: { limit: 1 }",
       "1:11: error: unknown key 'limit' in memory (known keys: max, headroom, source)"},
      {"queue: { turns: 1s }", "1:10: error: unknown key 'turns' in queue (did you mean 'turn'?)"},
      {"pressure: { tick: 1 }",
       "1:13: error: unknown key 'tick' in pressure (did you mean 'ticks'?)"},
      {"segment: { slot: 1 }",
       "1:12: error: unknown key 'slot' in segment (did you mean 'slots'?)"},
      {"groups: { web: { maximum: 1, max: 18 } }",
       "1:18: error: unknown key 'maximum' in groups.web (known keys: max, external)"},
      {"types: { a: { cpu: 1, group: [] } }",
       "1:23: error: unknown key 'group' in types.a (did you mean 'groups'?)"},
  });
}

TEST(ConfigErrors, DuplicateKeysOnEveryLevel) {
  expect_each({
      {"cpu: {}\ncpu: {}\n",
       "2:1: error: duplicate key 'cpu' at the top level (the first one is in line 1)"},
      {"cpu: { hold: 1s, hold: 1s }",
       "1:18: error: duplicate key 'hold' in cpu (the first one is in line 1)"},
      {"types:\n  a: { cpu: 1 }\n  'a': { cpu: 1 }\n",
       "3:3: error: duplicate key 'a' in types (the first one is in line 2)"},
      {"types: { a: { cpu: 1, cpu: 1 } }",
       "1:23: error: duplicate key 'cpu' in types.a (the first one is in line 1)"},
      {"types: { a: { cpu: 1, groups: { g: 1, g: 2 } } }\ngroups: { g: { max: 9 } }",
       "1:39: error: duplicate key 'g' in types.a.groups (the first one is in line 1)"},
      {"types: { a: { cpu: 1, groups: [g, g] } }\ngroups: { g: { max: 9 } }",
       "1:35: error: duplicate name 'g' in types.a.groups (the first one is in line 1)"},
      {"types: { a: { cpu: 1, aliases: [b, b] } }",
       "1:36: error: duplicate name 'b' in types.a.aliases (the first one is in line 1)"},
  });
}

TEST(ConfigErrors, NumbersThatYamlWouldTakeForOthers) {
  expect_each({
      {"types: { a: { cpu: 010 } }",
       with_hint("1:20: error: types.a.cpu: '010' starts with 0 and would be octal to some readers",
                 kCost)},
      {"types: { a: { cpu: 0x10 } }",
       with_hint("1:20: error: types.a.cpu: '0x10' is not in base 10", kCost)},
      {"types: { a: { cpu: 1e1 } }",
       with_hint("1:20: error: types.a.cpu: '1e1' has an exponent", kCost)},
      {"types: { a: { cpu: .nan } }",
       with_hint("1:20: error: types.a.cpu: '.nan' is not a finite number", kCost)},
      {"types: { a: { cpu: -.inf } }",
       with_hint("1:20: error: types.a.cpu: '-.inf' is not a finite number", kCost)},
      {"types: { a: { cpu: .5 } }",
       with_hint("1:20: error: types.a.cpu: '.5' has no digit before the point", kCost)},
      {"types: { a: { cpu: 1. } }",
       with_hint("1:20: error: types.a.cpu: '1.' has no digit after the point", kCost)},
      {"types: { a: { cpu: +1 } }",
       with_hint("1:20: error: types.a.cpu: '+1' starts with '+'", kCost)},
      {"types: { a: { cpu: -1 } }", with_hint("1:20: error: types.a.cpu: '-1' is negative", kCost)},
      {"types: { a: { cpu: 1_000 } }",
       with_hint("1:20: error: types.a.cpu: '1_000' has a separator between its digits", kCost)},
      {"types: { a: { cpu: 1:30 } }",
       with_hint("1:20: error: types.a.cpu: '1:30' is not a number", kCost)},
      {"types: { a: { cpu: 1048.576 } }",
       with_hint("1:20: error: types.a.cpu: '1048.576' is too large", kCost)},
      {"types: { a: { cpu: \"1\" } }",
       "1:20: error: types.a.cpu: '1' is text, not a number (leave the quotes out)"},
      {"types: { a: { cpu: 1, max: 4294967295 } }",
       with_hint("1:28: error: types.a.max: '4294967295' is too large", kLimit)},
      {"types: { a: { cpu: 1, max: 1.0 } }",
       with_hint("1:28: error: types.a.max: '1.0' has too many decimals", kLimit)},
      {"types: { a: { cpu: 1, max: none } }",
       with_hint("1:28: error: types.a.max: 'none' is not a number", kLimit)},
      {"types: { a: { cpu: 1, min: 0o7 } }",
       with_hint("1:28: error: types.a.min: '0o7' is not in base 10", kCount)},
  });
}

TEST(ConfigErrors, BooleansOfOlderYaml) {
  for (const char* word : {"yes", "no", "on", "off", "True", "FALSE", "y", "1"}) {
    expect_each({{"cpu: { idle_rule: " + std::string(word) + " }",
                  "1:19: error: cpu.idle_rule: '" + std::string(word) +
                      "' is not a boolean (write true or false)"}});
  }
  expect_each({{"cpu: { idle_rule: 'true' }",
                "1:19: error: cpu.idle_rule: 'true' is text, not true or false (leave the quotes "
                "out)"}});
}

TEST(ConfigErrors, WrongUnits) {
  expect_each({
      {"cpu: { hold: 15 }", with_hint("1:14: error: cpu.hold: '15' has no unit", kDuration)},
      {"cpu: { hold: 15sec }",
       with_hint("1:14: error: cpu.hold: '15sec' has an unknown unit", kDuration)},
      {"cpu: { hold: 1.5ms }",
       with_hint("1:14: error: cpu.hold: '1.5ms' is not a whole number of the smallest unit",
                 kDuration)},
      {"cpu: { hold: 15 s }",
       with_hint("1:14: error: cpu.hold: '15 s' has a space in it", kDuration)},
      {"memory: { max: 9G }",
       with_hint("1:16: error: memory.max: '9G' has an unknown unit", kSize)},
      {"memory: { max: 9KB }",
       with_hint("1:16: error: memory.max: '9KB' has a unit with the wrong capitals", kSize)},
      {"memory: { max: 9.5 }",
       with_hint("1:16: error: memory.max: '9.5' is not a whole number of the smallest unit",
                 kSize)},
      {"memory: { max: 2000TiB }",
       with_hint("1:16: error: memory.max: '2000TiB' is too large", kSize)},
      {"memory: { max: unlimited }",
       with_hint("1:16: error: memory.max: 'unlimited' is not a number", kSize)},
      {"cpu: { capacity: 8m }",
       "1:18: error: cpu.capacity: '8m' has a unit where none belongs (expected cores, at most 6 "
       "decimals, up to 1000000: 32, 2.5 or 0.75, or auto, or host)"},
      {"cpu: { max_utilization: 80% }",
       with_hint("1:25: error: cpu.max_utilization: '80%' is not a number", kRatio)},
  });
}

TEST(ConfigErrors, ValuesOutOfRange) {
  const std::string ratio = "is out of range (expected a fraction above 0, at most 1)";
  expect_each({
      {"cpu: { max_utilization: 1.1 }", "1:25: error: cpu.max_utilization: '1.1' " + ratio},
      {"cpu: { max_utilization: 0 }", "1:25: error: cpu.max_utilization: '0' " + ratio},
      {"pressure: { threshold: 1.000000001 }",
       "1:24: error: pressure.threshold: '1.000000001' " + ratio},
      {"cpu: { capacity: 0 }",
       "1:18: error: cpu.capacity: '0' is no capacity (expected more than 0)"},
      {"cpu: { sample_interval: 9ms }",
       "1:25: error: cpu.sample_interval: '9ms' is out of range (expected 10ms to 1m)"},
      {"cpu: { sample_interval: 61s }",
       "1:25: error: cpu.sample_interval: '61s' is out of range (expected 10ms to 1m)"},
      {"queue: { turn: 0s }",
       "1:16: error: queue.turn: '0s' is out of range (expected 1ms to "
       "8760h)"},
      {"pressure: { ticks: 0 }",
       "1:20: error: pressure.ticks: '0' is out of range (expected 1 to 1000000)"},
      {"pressure: { psi: 1.5 }",
       "1:18: error: pressure.psi: '1.5' is out of range (expected a fraction up to 1, 0 is off)"},
      {"segment: { slots: 0 }",
       "1:19: error: segment.slots: '0' is out of range (expected 1 to 4096)"},
      {"segment: { slots: 4097 }",
       "1:19: error: segment.slots: '4097' is out of range (expected 1 to 4096)"},
      {"segment: { processes: 1024 }",
       "1:23: error: segment.processes: '1024' is out of range (expected 2 to 1023)"},
      {"types: { a: { cpu: 1, groups: { g: 0 } } }\ngroups: { g: { max: 9 } }",
       "1:36: error: types.a.groups.g: '0' is out of range (expected 1 to 65535)"},
      {"types: { a: { cpu: 1, groups: { g: 65536 } } }\ngroups: { g: { max: 9 } }",
       "1:36: error: types.a.groups.g: '65536' is out of range (expected 1 to 65535)"},
  });
}

TEST(ConfigErrors, WordsThatAreNone) {
  expect_each({
      {"cpu: { charge: measurd }",
       "1:16: error: cpu.charge: 'measurd' is not one of max, measured, reserved (did you mean "
       "'measured'?)"},
      {"cpu: { affinity: pack }",
       "1:18: error: cpu.affinity: 'pack' is not one of consolidate, spread"},
      {"memory: { source: RSS }",
       "1:19: error: memory.source: 'RSS' is not one of rss, pss, cgroup (did you mean 'rss'?)"},
      {"pressure: { action: notfiy }",
       "1:21: error: pressure.action: 'notfiy' is not one of none, notify, stop, kill (did you "
       "mean 'notify'?)"},
  });
}

TEST(ConfigErrors, ValuesOfTheWrongKind) {
  expect_each({
      {"cpu: 5", "1:6: error: cpu: expected a map, not a single value"},
      {"cpu: [1]", "1:6: error: cpu: expected a map, not a list"},
      {"types: []", "1:8: error: types: expected a map, not a list"},
      {"types: { a: 5 }", "1:13: error: types.a: expected a map, not a single value"},
      {"cpu: { hold: [15s] }", "1:14: error: cpu.hold: expected a duration, not a list"},
      {"cpu: { hold: }", "1:8: error: cpu.hold: expected a duration, not nothing"},
      {"cpu: { idle_rule: ~ }", "1:19: error: cpu.idle_rule: expected true or false, not nothing"},
      {"memory: { source: {} }",
       "1:19: error: memory.source: expected one of rss, pss, cgroup, not a map"},
      {"types: { a: { cpu: 1, groups: web } }",
       "1:31: error: types.a.groups: 'web' is not a list (write it as [name, name])"},
      {"types: { a: { cpu: 1, aliases: { b: 1 } } }",
       "1:32: error: types.a.aliases: expected a list of names, not a map"},
      {"types: { a: { cpu: 1, aliases: [[b]] } }",
       "1:33: error: types.a.aliases: expected a name, not a list"},
      {"types:", "1:1: error: types: has no entries (leave the key out to have the built-in ones)"},
      {"types: {}",
       "1:8: error: types: at least one type is needed (leave the key out to have the built-in "
       "ones)"},
      {"[1, 2]",
       "1:1: error: the file is no map of keys and values (write 'key: value', with a space after "
       "':')"},
      {"just text",
       "1:1: error: the file is no map of keys and values (write 'key: value', with a space after "
       "':')"},
  });
}

TEST(ConfigErrors, KeysOfTheWrongKind) {
  expect_each({
      {"? [a]\n: 1\n", "1:3: error: a key at the top level is a list"},
      {"cpu: { ? {a: 1} : 1 }", "1:10: error: a key in cpu is a map"},
      {"cpu: { : 1 }", "1:8: error: a key in cpu is missing"},
      {"types: { a: { cpu: 1 }, ~: { cpu: 1 } }", "1:25: error: a key in types is missing"},
      {"types: { &x a: { cpu: 1 } }",
       "1:10: error: a key in types has an anchor, an alias or a tag (write the key itself)"},
  });
}

TEST(ConfigErrors, AnchorsAliasesAndTags) {
  const std::string hint = " is not supported (write the value itself)";
  expect_each({
      {"cpu: &c { hold: 1s }", "1:6: error: cpu: an anchor (&name)" + hint},
      {"cpu: { hold: &h 1s }", "1:14: error: cpu.hold: an anchor (&name)" + hint},
      {"cpu: { hold: !!str 1s }", "1:14: error: cpu.hold: a tag (!name)" + hint},
      {"cpu: !x { hold: 1s }", "1:6: error: cpu: a tag (!name)" + hint},
      {"cpu: ! { hold: 1s }", "1:6: error: cpu: a tag (!name)" + hint},
      {"!x {}", "1:1: error: the file: a tag (!name)" + hint},
      {"types: { a: { cpu: 1, max: !u unlimited } }",
       "1:28: error: types.a.max: a tag (!name)" + hint},
  });
  EXPECT_THAT(brief_messages_of("types:\n  a: &a { cpu: 1 }\n  b: *a\n  c: { <<: *a, cpu: 1 }\n"),
              ElementsAre("2:6: error: types.a: an anchor (&name)" + hint,
                          "3:6: error: types.b: an alias (*name)" + hint,
                          "4:8: error: unknown key '<<' in types.c (merge keys are not supported: "
                          "write the keys out)"));
}

TEST(ConfigErrors, BehindAnAnchorTheRestIsReadToo) {
  EXPECT_THAT(brief_messages_of("cpu: &c { hold: 15 }"),
              ElementsAre("1:6: error: cpu: an anchor (&name) is not supported (write the value "
                          "itself)",
                          with_hint("1:17: error: cpu.hold: '15' has no unit", kDuration)));
}

TEST(ConfigErrors, NamesThatAreNone) {
  expect_each({
      {"types: { 'a b': { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: 'a b' is not a name", kName)},
      {"types: { '': { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: '' is not a name", kName)},
      {"types: { " + std::string(56, 'n') + ": { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: '" + std::string(56, 'n') + "' is not a name", kName)},
      {"types: { a/b: { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: 'a/b' is not a name", kName)},
      {"types: { \"a\\x1b[2J\": { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: 'a\\x1b[2J' is not a name", kName)},
      {"types: { \xc3\xa4: { cpu: 1 }, c: { cpu: 1 } }",
       with_hint("1:10: error: types: '\xc3\xa4' is not a name", kName)},
      {"types: { a: { cpu: 1, aliases: [a!] } }",
       with_hint("1:33: error: types.a.aliases: 'a!' is not a name", kName)},
      {"segment: { group: 'a b' }",
       with_hint("1:19: error: segment.group: 'a b' is not a name", kName)},
      {"cpu: {}\nqueue: {}\nmemory: {max:1}",
       "3:10: error: unknown key 'max:1' in memory (a space is missing after ':')"},
  });
}

TEST(ConfigErrors, AMissingSpaceAfterAColonIsNamed) {
  EXPECT_THAT(brief_messages_of("types: {a:{cpu: 1}}"),
              ElementsAre("1:11: error: YAML: a '{' before this is not closed, or a ',' is missing "
                          "(or is a space missing after a ':'?)"));
  EXPECT_THAT(brief_messages_of("cpu: {hold:15s}"),
              ElementsAre("1:7: error: unknown key 'hold:15s' in cpu (a space is missing after "
                          "':')"));
}

TEST(ConfigErrors, Paths) {
  expect_each({
      {"segment: { path: run/x }",
       "1:18: error: segment.path: 'run/x' is not an absolute path (start it with /)"},
      {"segment: { path: '' }",
       "1:18: error: segment.path: '' is not an absolute path (start it with /)"},
      {"segment: { path: /run/ }",
       "1:18: error: segment.path: '/run/' names a directory (name a file in it)"},
      {"segment: { path: \"/run/\\x07\" }",
       "1:18: error: segment.path: '/run/\\x07' is not a path that can be printed (at most 4095 "
       "bytes, none of them a control character)"},
      {"groups: { web: { max: 1, external: clients } }",
       "1:36: error: groups.web.external: 'clients' is not an absolute path (start it with /)"},
  });
}

TEST(ConfigErrors, Modes) {
  expect_each({
      {"segment: { mode: 0660 }",
       "1:18: error: segment.mode: '0660' is not in quotes (write it as text: \"0660\")"},
      {"segment: { mode: 432 }",
       "1:18: error: segment.mode: '432' is not in quotes (write it as text: \"432\")"},
      {"segment: { mode: rw }",
       "1:18: error: segment.mode: 'rw' is not in quotes (write it as text: \"0660\")"},
      {"segment: { mode: \"0680\" }",
       "1:18: error: segment.mode: '0680' is not a file mode (expected three or four octal digits "
       "in quotes: \"0660\")"},
      {"segment: { mode: \"0o660\" }",
       "1:18: error: segment.mode: '0o660' is not a file mode (expected three or four octal digits "
       "in quotes: \"0660\")"},
      {"segment: { mode: \"0460\" }",
       "1:18: error: segment.mode: '0460' keeps the broker itself out (its owner needs 6: "
       "\"0660\")"},
      {"segment: { mode: \"0666\" }",
       "1:18: error: segment.mode: '0666' lets everybody write (use a group: \"0660\")"},
      {"segment: { mode: \"0770\" }",
       "1:18: error: segment.mode: '0770' has bits that mean nothing for a segment (expected "
       "reading and writing alone: \"0660\")"},
      {"segment: { mode: \"2660\" }",
       "1:18: error: segment.mode: '2660' has bits that mean nothing for a segment (expected "
       "reading and writing alone: \"0660\")"},
  });
}

TEST(ConfigErrors, ThereIsAnEndToThem) {
  std::string text;
  for (int i = 0; i < 5'000; ++i) text.append("k").append(std::to_string(i)).append(": 1\n");
  const ConfigResult result = parse_config(text, kTestFile);
  EXPECT_FALSE(result.config.has_value());
  ASSERT_EQ(result.diagnostics.size(), Diagnostics::kMost + 1);
  EXPECT_EQ(result.diagnostics.back().message, "4800 more messages are left out");
}

TEST(ConfigErrors, AnEgressFileWithoutItsBlockIsRecognised) {
  EXPECT_EQ(messages_of("log_level: debug\napi_key: x\nredis: { address: a }\n"),
            "t.yaml:1:1: error: this is an egress file without a cpu_cost block\n"
            "    log_level: debug\n"
            "    ^\n"
            "    add 'cpu_cost: {}' to it to have the defaults\n");
}

}  // namespace
}  // namespace slotd::broker
