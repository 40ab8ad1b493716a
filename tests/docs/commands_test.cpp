// What the documents and manual pages name in passing exists: each verb and option of `slotctl ...`
// and `slotd ...` is in the program's own --help, and what is in there is documented.
#include "tests/docs/commands.hpp"

#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

const std::string kRoot = SLOTD_SOURCE_DIR;
const char* const kVerbs = "docs/slotctl.md";
const char* const kPage = "docs/man/slotctl.1.scd";

Help ask_help(const std::string& program, const Words& words) {
  return parse_help(run_to_end(program, words).out);
}

/// "slotd", "slotctl", "slotctl VERB", "slotctl VERB VERB".
const std::map<std::string, Help>& all_helps() {
  static const std::map<std::string, Help> helps = [] {
    std::map<std::string, Help> all;
    all["slotd"] = ask_help("slotd", {"--help"});
    all["slotctl"] = ask_help("slotctl", {"--help"});
    for (const std::string& verb : all["slotctl"].verbs) {
      const Help& help = all["slotctl " + verb] = ask_help("slotctl", {"help", verb});
      for (const std::string& sub : help.verbs) {
        all["slotctl " + verb + " " + sub] = ask_help("slotctl", {"help", verb, sub});
      }
    }
    return all;
  }();
  return helps;
}

std::vector<NamedCommand> all_commands() {
  std::vector<NamedCommand> all;
  const auto append = [&](const std::vector<NamedCommand>& some) {
    all.insert(all.end(), some.begin(), some.end());
  };
  for (const std::string& file : list_documents(kRoot)) {
    append(commands_of_markdown(file, read_text(kRoot + "/" + file)));
  }
  for (const auto& entry : std::filesystem::recursive_directory_iterator(kRoot + "/systemd")) {
    if (!entry.is_regular_file()) continue;
    const std::string file = std::filesystem::relative(entry.path(), kRoot).string();
    append(commands_of_markdown(file, read_text(entry.path().string())));
  }
  append(commands_of_verb_tables(kVerbs, read_text(kRoot + "/" + kVerbs)));
  for (const auto& entry : std::filesystem::directory_iterator(kRoot + "/docs/man")) {
    if (entry.path().extension() != ".scd") continue;
    const std::string file = std::filesystem::relative(entry.path(), kRoot).string();
    append(commands_of_man_page(file, read_text(entry.path().string())));
  }
  return all;
}

TEST(Commands, EveryOneThatIsNamedIsInTheHelp) {
  ASSERT_GT(all_helps().size(), 25U) << "no help to compare with";
  std::set<std::string> named;
  for (const NamedCommand& command : all_commands()) {
    named.insert(command.text());
    EXPECT_EQ(what_is_unknown(command.words, all_helps()), "")
        << command.place << ": " << command.text();
  }
  std::printf("%zu different commands\n", named.size());
  EXPECT_GT(named.size(), 60U);
}

/// An option that stands alone: `--fix`, `-E CODE`; some program's, or another command's by name.
TEST(Commands, EveryOptionThatIsNamedAloneIsInSomeHelp) {
  std::set<std::string> known;
  for (const auto& [topic, help] : all_helps()) {
    known.insert(help.options.begin(), help.options.end());
  }
  for (const char* file : {kVerbs, "docs/waiting.md", "docs/faq.md", "docs/abi.md"}) {
    for (const auto& [line, code] : inline_code(read_text(kRoot + "/" + file))) {
      const std::string word = code.substr(0, code.find_first_of(" =|"));
      if (word.size() < 2 || word[0] != '-' || std::isdigit(word[1]) != 0 || word == "--") continue;
      EXPECT_EQ(known.count(word), 1U) << file << ":" << line << ": " << code;
    }
  }
}

/// Every spelling of an option of the lists, of every verb, and the help itself are told once for
/// all.
bool is_told_once_for_all(const std::set<std::string>& names) {
  for (const char* name : {"--help", "--columns", "--no-headings"}) {
    if (names.count(name) != 0) return true;
  }
  return false;
}

void expect_all_are_signed(const std::string& file, const std::vector<NamedCommand>& signatures) {
  for (const auto& [topic, help] : all_helps()) {
    if (topic == "slotctl" || topic == "slotd" || topic == "slotctl config") continue;
    const Words verb = split_words(topic);
    std::set<std::string> words;
    bool is_named = false;
    for (const NamedCommand& signature : signatures) {
      if (signature.words.size() < verb.size() ||
          !std::equal(verb.begin(), verb.end(), signature.words.begin()))
        continue;
      is_named = true;
      words.insert(signature.words.begin(), signature.words.end());
    }
    EXPECT_TRUE(is_named) << file << " does not tell of `" << topic << "`";
    if (!is_named) continue;
    for (const std::set<std::string>& names : help.spellings) {
      bool is_told = is_told_once_for_all(names);
      for (const std::string& name : names) is_told = is_told || words.count(name) != 0;
      EXPECT_TRUE(is_told) << file << ": `" << topic << "` without " << *names.begin();
    }
  }
}

TEST(Commands, EveryVerbAndOptionIsInTheDocuments) {
  const std::string verbs = read_text(kRoot + "/" + kVerbs);
  const std::string page = read_text(kRoot + "/" + kPage);
  expect_all_are_signed(kVerbs, commands_of_verb_tables(kVerbs, verbs));
  expect_all_are_signed(kPage, commands_of_man_page(kPage, page));
  const std::string of_slotd = read_text(kRoot + "/docs/man/slotd.8.scd");
  for (const std::set<std::string>& names : all_helps().at("slotd").spellings) {
    EXPECT_NE(of_slotd.find("*" + *names.rbegin() + "*"), std::string::npos) << *names.rbegin();
  }
  for (const std::set<std::string>& names : all_helps().at("slotctl").spellings) {
    for (const std::string& name : names) {
      EXPECT_NE(page.find("*" + name + "*"), std::string::npos) << name;
    }
  }
}

TEST(CommandReader, TakesWhatIsACommand) {
  const auto commands = commands_of_markdown(
      "a.md",
      "`slotctl drain [TYPE...]` and `slotctl\nwait --idle`; `slotctl`; `slotd::Client`\n"
      "```text\n`slotctl no`\n```\n"
      "<!-- run-by: x : why -->\n```sh\nsudo slotd --retire | cat -n\nls\n```\n");
  ASSERT_EQ(commands.size(), 4U);
  EXPECT_EQ(commands[0].text(), "slotctl drain TYPE");
  EXPECT_EQ(commands[1].text(), "slotctl wait --idle");
  EXPECT_EQ(commands[1].place, "a.md:1");
  EXPECT_EQ(commands[3].text(), "slotd --retire");
  EXPECT_EQ(commands[3].place, "a.md:8");
  const auto of_page =
      commands_of_man_page("slotctl.1.scd",
                           "*see*\n# LOOKING\n*wait* *--idle* [*-w* _SEC_], *wait* *-t* _TYPE_\n"
                           "\tText, *slotctl top*.\n");
  ASSERT_EQ(of_page.size(), 3U);
  EXPECT_EQ(of_page[0].text(), "slotctl wait --idle -w SEC");
  EXPECT_EQ(of_page[1].text(), "slotctl wait -t TYPE");
  EXPECT_EQ(of_page[2].text(), "slotctl top");
}

TEST(CommandReader, KnowsWhatTheHelpDoesNotHave) {
  const std::map<std::string, Help> helps{
      {"slotctl",
       parse_help("Options:\n  -q,--quiet     less\n\nSubcommands:\n  limits     x\n  free  y\n")},
      {"slotctl limits", parse_help("Subcommands:\n  set    z\n")},
      {"slotctl limits set",
       parse_help("Positionals:\n  TYPE=N ... x\n\nOptions:\n  -h,--help   h\n")},
      {"slotctl free", parse_help("Options:\n  --force    f\n")},
  };
  const auto unknown = [&](const std::string& text) {
    return what_is_unknown(words_of_command(text), helps);
  };
  EXPECT_EQ(unknown("slotctl limits set track=3 -q"), "");
  EXPECT_EQ(unknown("slotctl free SLOT --force"), "");
  EXPECT_EQ(unknown("slotctl free 3 -- --what"), "");
  EXPECT_EQ(unknown("slotctl"), "");
  EXPECT_EQ(unknown("slotctl frees 3"), "slotctl has no verb frees");
  EXPECT_EQ(unknown("slotctl limits put"), "slotctl limits has no verb put");
  EXPECT_EQ(unknown("slotctl limits --force"), "slotctl limits has no option --force");
  EXPECT_EQ(unknown("slotctl free 3 --force=yes"), "");
}

}  // namespace
}  // namespace slotd::testing
