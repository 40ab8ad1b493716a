// What can be asked here of the blocks that blocks_test.cpp cannot run as they are: commands that
// build and install, a container manager's, Kubernetes'.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <yaml-cpp/yaml.h>

#include <map>
#include <regex>

#include "tests/docs/console.hpp"
#include "tests/docs/sandbox.hpp"

namespace slotd::testing {
namespace {

const std::string kRoot = SLOTD_SOURCE_DIR;

/// The only block with that text.
Block find_block(const std::string& text) {
  Block found;
  int count = 0;
  for (const Block& block : read_all_blocks(kRoot)) {
    if (block.text.find(text) == std::string::npos) continue;
    found = block;
    ++count;
  }
  EXPECT_EQ(count, 1) << text;
  return found;
}

/// Commands without their remarks, each `&&` and `( )` on its own.
std::vector<std::string> split_commands(const std::string& text) {
  std::vector<std::string> commands;
  for (const std::string& line : split_lines(text)) {
    std::string rest = line.substr(0, line.find(" # "));
    rest = std::regex_replace(rest, std::regex("[()]"), " ");
    for (std::size_t at = 0; at != std::string::npos;) {
      at = rest.find("&&");
      if (!trim(rest.substr(0, at)).empty()) commands.push_back(trim(rest.substr(0, at)));
      if (at != std::string::npos) rest = rest.substr(at + 2);
    }
  }
  return commands;
}

/// `.ci/run:STEP` is no excuse: the step's own line has the command.
TEST(Ci, StepsThatAreNamedRunTheCommandsOfTheBlock) {
  const std::string script = read_text(kRoot + "/.ci/run");
  int count = 0;
  for (const Block& block : read_all_blocks(kRoot)) {
    std::string steps;
    for (const std::string& name : block.run_by) {
      if (name.rfind(".ci/run:", 0) != 0) continue;
      std::smatch line;
      const std::regex step("\n(test_)?step " + name.substr(8) + " ([^\n]*)");
      ASSERT_TRUE(std::regex_search(script, line, step)) << block.place();
      steps += line[2].str() + "\n";
    }
    if (steps.empty() || steps.find("slotd_build") != std::string::npos) continue;  // Install
    for (const std::string& command : split_commands(block.text)) {
      ++count;
      const std::string program = command.substr(0, command.find(' '));
      EXPECT_NE(steps.find(program), std::string::npos) << block.place() << ": " << command;
      EXPECT_EQ(::access((kRoot + "/" + program).c_str(), X_OK), 0) << program;
    }
  }
  EXPECT_GT(count, 3);
}

/// docs/operations.md builds as .ci/run does, and packs what the next block installs.
TEST(Install, PresetFolderAndNamesAreThoseOfTheProject) {
  const std::vector<std::string> commands = split_commands(find_block("cpack").text);
  ASSERT_EQ(commands.size(), 4U);
  EXPECT_EQ(commands[0], "cmake --preset release");
  EXPECT_EQ(commands[1], "cmake --build --preset release");
  EXPECT_EQ(commands[2], "cd build/release");
  EXPECT_EQ(commands[3], "cpack");
  const std::string presets = read_text(kRoot + "/CMakePresets.json");
  EXPECT_NE(presets.find("\"name\": \"release\""), std::string::npos);
  EXPECT_NE(presets.find("${sourceDir}/build/${presetName}"), std::string::npos);
  const std::string environment = read_text(kRoot + "/tools/dev/environment.sh");
  EXPECT_NE(environment.find("cmake --preset \"$preset\""), std::string::npos);
  EXPECT_NE(environment.find("cmake --build --preset \"$preset\""), std::string::npos);
  const std::string install = find_block("dpkg -i build/").text;
  EXPECT_NE(install.find("build/release/packages/slotd_*.deb"), std::string::npos);
  const std::string packages = read_text(kRoot + "/cmake/SlotdPackages.cmake");
  EXPECT_NE(packages.find("CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)"),
            std::string::npos);
  EXPECT_NE(packages.find("CPACK_DEBIAN_FILE_NAME DEB-DEFAULT"), std::string::npos);
}

/// A container without a manager: PID and mount namespace of its own, the directory mounted, a user
/// of whom it knows numbers alone.
const char* const kStandIn = R"sh(
getent() { [[ "$*" == "group slotd" ]] && echo slotd:x:61990:; }
docker() {
  local mount= groups=
  [[ $1 == run ]] && shift
  while [[ $1 == -* ]]; do
    case $1 in -v) mount=$2 ;; --group-add) groups=$2 ;; *) return 64 ;; esac
    shift 2
  done
  [[ $1 == egress && $# == 1 && ${mount%%:*} == /run/slotd ]] || return 64
  FROM=$SANDBOX TO=${mount#*:} GROUPS_OF=$groups unshare --mount --propagation private --pid --fork \
    --kill-child --mount-proc bash -e -c '
      mount -t tmpfs container /run
      mkdir "$TO" && mount --bind "$FROM" "$TO"
      touch /run/slotctl && mount --bind "$(command -v slotctl)" /run/slotctl
      unset SLOTD_SEGMENT
      exec setpriv --reuid=61991 --regid=61991 --groups="$GROUPS_OF" --no-new-privs \
        /run/slotctl run -t track -- sh -c "test \$(id -u) = 61991"'
}
)sh";

TEST(Container, DockerMountsTheDirectoryAndGivesTheGroupByNumber) {
  if (::geteuid() != 0) GTEST_SKIP() << "only root makes the namespaces";
  const Block block = find_block("docker run");
  const Sandbox sandbox(kRoot);
  const Ran probe = sandbox.run(
      "setpriv --version && unshare --mount --propagation private --pid --fork --mount-proc "
      "mount -t tmpfs probe /run");
  if (probe.status != 0) GTEST_SKIP() << "no namespaces and mounts here: " << probe.err;
  ASSERT_EQ(::chown(sandbox.folder().c_str(), 0, 61990), 0);
  ASSERT_EQ(::chown(sandbox.segment().c_str(), 0, 61990), 0);
  ASSERT_EQ(::chmod(sandbox.folder().c_str(), 0750), 0);
  ASSERT_EQ(::chmod(sandbox.segment().c_str(), 0660), 0);
  const Ran ran = sandbox.run(std::string(kStandIn) + block.text);
  EXPECT_EQ(ran.status, 0) << ran.out << ran.err;
  const std::string without =
      std::regex_replace(block.text, std::regex("--group-add [^)]*\\)\""), "--group-add 61992");
  ASSERT_NE(without, block.text);
  EXPECT_EQ(sandbox.run(std::string(kStandIn) + without).status, 77)
      << "no right without the group";
}

/// The fragment in docs/operations.md: it is YAML; its command is one that slotd takes, on the file
/// that is installed; its volumes are mounted, the segment's folder among them.
TEST(Kubernetes, FragmentNamesWhatIsInstalled) {
  const YAML::Node spec = YAML::Load(find_block("hostPID").text)["spec"];
  EXPECT_TRUE(spec["hostPID"].as<bool>());
  ASSERT_EQ(spec["containers"].size(), 1U);
  const YAML::Node container = spec["containers"][0];
  const auto command = container["command"].as<std::vector<std::string>>();
  ASSERT_EQ(command, (std::vector<std::string>{"slotd", "--config", "/etc/slotd/slotd.yaml"}));
  const std::string help = run_to_end("slotd", {"--help"}).out;
  EXPECT_NE(help.find("--config FILE"), std::string::npos);
  EXPECT_NE(help.find("(default /etc/slotd/slotd.yaml)"), std::string::npos) << help;
  std::map<std::string, std::string> mounts;
  for (const YAML::Node& mount : container["volumeMounts"]) {
    mounts[mount["name"].as<std::string>()] = mount["mountPath"].as<std::string>();
  }
  EXPECT_EQ(mounts, (std::map<std::string, std::string>{{"slotd", "/run/slotd"},
                                                        {"config", "/etc/slotd"}}));
  EXPECT_EQ(spec["volumes"][0]["name"].as<std::string>(), "slotd");
  EXPECT_EQ(spec["volumes"][0]["hostPath"]["path"].as<std::string>(), "/run/slotd");
  EXPECT_EQ(container["securityContext"]["capabilities"]["drop"][0].as<std::string>(), "ALL");
}

/// Its probe says yes of a broker that is ready and no when it is gone.
TEST(Kubernetes, ProbeTellsAReadyBroker) {
  const YAML::Node probe =
      YAML::Load(find_block("hostPID").text)["spec"]["containers"][0]["readinessProbe"];
  const auto words = probe["exec"]["command"].as<std::vector<std::string>>();
  ASSERT_EQ(words.size(), 3U);
  EXPECT_EQ(words[0] + words[1], "sh-c");
  const Sandbox sandbox(kRoot);
  EXPECT_EQ(sandbox.run(words[2]).status, 0);
  EXPECT_NE(sandbox.run("kill -KILL $SLOTD_PID; sleep 0.5\n" + words[2]).status, 0);
}

/// The verdict in README.md is what the main job prints now, but for its figures; those add up as
/// the program's own do.
TEST(Verdict, IsOfTheFormThatTheMainJobPrints) {
  const std::vector<std::string> shown = split_lines(find_block("verdict:").text);
  ASSERT_EQ(shown.size(), 1U);
  const Sandbox sandbox(kRoot);
  const Ran ran = sandbox.run("env -u SLOTD_SEGMENT slotd-mainjob --seconds 4 | tail -n 1");
  EXPECT_EQ(ran.status, 0) << ran.err;
  // Other reasons stand there only when they occurred.
  static const std::regex others("( cpu=[0-9]+)( [a-z_]+=[0-9]+)+\\)");
  EXPECT_TRUE(is_as_shown(shown, std::regex_replace(ran.out, others, "$1)"))) << ran.out;
  std::smatch figures;
  ASSERT_TRUE(std::regex_search(
      shown[0], figures,
      std::regex("refused=(\\d+) \\(type_limit=(\\d+) cpu=(\\d+)\\) killed=(\\d+) reaped=(\\d+) "
                 "leaked=0 over_limit=0$")));
  EXPECT_EQ(std::stoi(figures[1]), std::stoi(figures[2]) + std::stoi(figures[3]));
}

/// The page's tables and its picture are what the program prints; the trace is made from seeds.
TEST(Livekit, TablesAndPictureAreThoseOfTheTrace) {
  const TestFolder folder;
  const Ran ran = run_to_end("slotd-livekit-trace", {"--svg", folder.file("demand.svg")});
  ASSERT_EQ(ran.status, 0) << ran.err;
  const std::string page = read_text(kRoot + "/docs/livekit.md");
  int rows = 0;
  for (const std::string& line : split_lines(ran.out)) {
    if (line.rfind('|', 0) != 0) continue;
    ++rows;
    EXPECT_NE(page.find(line + "\n"), std::string::npos) << line;
  }
  EXPECT_EQ(rows, 13);
  EXPECT_EQ(read_text(folder.file("demand.svg")), read_text(kRoot + "/docs/livekit-demand.svg"));
}

}  // namespace
}  // namespace slotd::testing
