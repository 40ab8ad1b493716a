// What others can do to the place where a segment is, or is to be: a full tmpfs, names taken by
// another user, wrong owners and modes, links, an odd umask, the kernel's protection of regular
// files, callers outside the group. Damage to a live segment is in segment_lost_test.cpp.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr int kExitCorrupt = 65;
constexpr int kExitInternal = 70;
constexpr int kExitPermission = 77;
constexpr uid_t kNobody65534 = 65534;

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types:\n"
    "  plain: { max: 4, cpu: 0.5 }\n"
    "segment: { slots: 64, processes: 32 }\n";

bool is_root() { return ::geteuid() == 0; }

/// Another user's shell; the test skips where there is none.
int as_nobody(const std::string& command) {
  return std::system(("setpriv --reuid=65534 --regid=65534 --clear-groups " + command).c_str());
}
bool can_be_nobody(const std::string& program) {
  return is_root() && as_nobody("test -x " + program + " 2>/dev/null") == 0;
}

// ---- No room

/// A tmpfs of its own size at the broker's folder, unmounted at the end.
class SmallTmpfs {
 public:
  SmallTmpfs(std::string path, const std::string& options) : path_(std::move(path)) {
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  SmallTmpfs(const SmallTmpfs&) = delete;
  SmallTmpfs& operator=(const SmallTmpfs&) = delete;
  ~SmallTmpfs() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  bool is_mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(SegmentAttack, full_tmpfs_is_an_error_that_says_so_and_leaves_nothing) {
  BrokerProcess broker = BrokerProcess::not_started(kConfig);
  const SmallTmpfs tmpfs(broker.folder(), "size=64k,mode=0755");
  if (!tmpfs.is_mounted()) GTEST_SKIP() << "may not mount a tmpfs here";
  broker.write_config("types: { plain: { max: 4, cpu: 0.5 } }\n");  // 1024 slots: 500 KiB
  EXPECT_EQ(broker.run_to_end(), kExitInternal);
  EXPECT_NE(broker.log_of_run().find("cannot allocate"), std::string::npos) << broker.log_of_run();
  EXPECT_NE(broker.log_of_run().find("No space left"), std::string::npos) << broker.log_of_run();
  EXPECT_FALSE(std::filesystem::exists(broker.segment()));
}

// ---- Names taken by others

TEST(SegmentAttack, name_squatted_by_another_user) {
  if (!is_root()) GTEST_SKIP() << "needs root to be two users";
  BrokerProcess broker(kConfig);
  broker.kill_now();
  // The best a squatter can do: a perfect segment that he owns.
  ASSERT_EQ(::chown(broker.segment().c_str(), kNobody65534, kNobody65534), 0);
  EXPECT_EQ(broker.run_to_end(), kExitPermission);
  EXPECT_NE(broker.log_of_run().find("not a plain file of this user"), std::string::npos);
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  broker.start();
}

TEST(SegmentAttack, garbage_of_another_user_in_the_segment_s_place) {
  if (!is_root()) GTEST_SKIP() << "needs root to be two users";
  BrokerProcess broker = BrokerProcess::not_started(kConfig);
  write_text(broker.segment(), std::string(100'000, '\0'));
  ASSERT_EQ(::chown(broker.segment().c_str(), kNobody65534, kNobody65534), 0);
  EXPECT_EQ(broker.run_to_end(), kExitPermission);
  EXPECT_TRUE(std::filesystem::exists(broker.segment())) << "it is not ours to remove";
}

TEST(SegmentAttack, lock_of_another_user_keeps_nobody_out_unnoticed) {
  if (!is_root()) GTEST_SKIP() << "needs root to be two users";
  BrokerProcess broker = BrokerProcess::not_started(kConfig);
  const std::string lock = broker.segment() + ".lock";
  write_text(lock, "");
  ASSERT_EQ(::chown(lock.c_str(), kNobody65534, kNobody65534), 0);
  EXPECT_EQ(broker.run_to_end(), kExitPermission);
  EXPECT_NE(broker.log_of_run().find(lock), std::string::npos);
  EXPECT_NE(broker.log_of_run().find("remove it"), std::string::npos) << broker.log_of_run();
}

TEST(SegmentAttack, symbolic_links_are_not_followed) {
  for (const char* suffix : {"", ".lock"}) {
    BrokerProcess broker = BrokerProcess::not_started(kConfig);
    const std::string target = broker.folder() + "/precious";
    write_text(target, "precious");
    ASSERT_EQ(::symlink(target.c_str(), (broker.segment() + suffix).c_str()), 0);
    const int code = broker.run_to_end();
    EXPECT_TRUE(code == kExitPermission || code == kExitCorrupt) << suffix << " " << code;
    EXPECT_EQ(read_text(target), "precious");
  }
}

TEST(SegmentAttack, second_name_of_the_segment_is_refused) {
  BrokerProcess broker(kConfig);
  broker.kill_now();
  ASSERT_EQ(::link(broker.segment().c_str(), (broker.segment() + ".too").c_str()), 0);
  EXPECT_EQ(broker.run_to_end(), kExitPermission);
  ASSERT_EQ(::unlink((broker.segment() + ".too").c_str()), 0);
  broker.start();
}

TEST(SegmentAttack, folder_that_everybody_may_write_is_warned_of) {
  BrokerProcess broker = BrokerProcess::not_started(kConfig);
  ASSERT_EQ(::chmod(broker.folder().c_str(), 01777), 0);
  broker.start();
  EXPECT_NE(broker.log_of_run().find("could put another file"), std::string::npos);
}

// ---- Modes, groups, umask

TEST(SegmentAttack, wrong_mode_and_group_are_corrected_at_start) {
  BrokerProcess broker(kConfig);
  broker.kill_now();
  ASSERT_EQ(::chmod(broker.segment().c_str(), 0666), 0);
  if (is_root()) {
    ASSERT_EQ(::chown(broker.segment().c_str(), 0, kNobody65534), 0);
  }
  broker.start();
  struct stat status {};
  ASSERT_EQ(::stat(broker.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
  EXPECT_EQ(status.st_gid, ::getegid());
}

TEST(SegmentAttack, umask_changes_nothing) {
  for (const mode_t mask : {mode_t{077}, mode_t{0}, mode_t{0777}}) {
    const mode_t before = ::umask(022);
    BrokerProcess broker = BrokerProcess::not_started(kConfig);
    ::umask(mask);
    broker.start();
    ::umask(before);
    struct stat status {};
    ASSERT_EQ(::stat(broker.segment().c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777U, 0660U) << std::oct << mask;
    ASSERT_EQ(::stat((broker.segment() + ".lock").c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 077U, 0U) << std::oct << mask;
  }
}

/// fs.protected_regular = N while it lives.
class ProtectedRegular {
 public:
  explicit ProtectedRegular(const std::string& value) : before_(read_text(kPath)) {
    std::ofstream out(kPath);
    out << value;
    set_ = static_cast<bool>(out.flush());
  }
  ProtectedRegular(const ProtectedRegular&) = delete;
  ProtectedRegular& operator=(const ProtectedRegular&) = delete;
  ~ProtectedRegular() {
    std::ofstream out(kPath);
    out << before_;
  }
  bool is_set() const { return set_; }

 private:
  static constexpr const char* kPath = "/proc/sys/fs/protected_regular";
  std::string before_;
  bool set_ = false;
};

/// The kernel refuses O_CREAT on files of others in sticky folders. Clients never create; the
/// broker creates no file by name but its own lock.
TEST(SegmentAttack, protection_of_regular_files_is_in_nobody_s_way) {
  for (const char* value : {"0", "1", "2"}) {
    const ProtectedRegular protection(value);
    if (!protection.is_set()) GTEST_SKIP() << "fs.protected_regular cannot be set here";
    BrokerProcess broker = BrokerProcess::not_started(
        std::string(kConfig).replace(std::string(kConfig).find("slots"), 0, "group: nogroup, "));
    ASSERT_EQ(::chmod(broker.folder().c_str(), 01777), 0);
    broker.start();
    broker.kill_now();
    broker.start();  // over its own lock and segment
    const std::string worker = bin_dir() + "/slotd_test_worker";
    if (!can_be_nobody(worker)) continue;
    WorkerProcess member(broker.segment(),
                         {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"});
    EXPECT_TRUE(member.ask("claim plain").is_claimed()) << value;
  }
}

TEST(SegmentAttack, reader_without_write_permission_can_inspect_and_cannot_claim) {
  const std::string slotctl = bin_dir() + "/slotctl";
  BrokerProcess broker(
      std::string(kConfig).replace(std::string(kConfig).find("slots"), 0, "mode: \"0664\", "));
  ASSERT_EQ(::chmod(broker.folder().c_str(), 0755), 0);
  if (!can_be_nobody(slotctl)) GTEST_SKIP() << "needs root, setpriv, and programs others may run";
  const std::string on = slotctl + " --segment " + broker.segment() + " ";
  const auto status = [&](const std::string& verb) {
    const int raw = as_nobody(on + verb + " >/dev/null 2>&1");
    return WIFEXITED(raw) ? WEXITSTATUS(raw) : -1;
  };
  EXPECT_EQ(status("status"), 0);
  EXPECT_EQ(status("slots -J"), 0);
  EXPECT_EQ(status("procs"), 0);
  EXPECT_EQ(status("can-accept -t plain"), 0);
  EXPECT_EQ(status("claim -t plain"), kExitPermission);
  EXPECT_EQ(status("drain"), kExitPermission);
  EXPECT_EQ(status("free 0 --force"), kExitPermission);
  EXPECT_EQ(SegmentProbe(broker.segment()).taken(), 0U);
}

// ---- Untrusted text

struct Text {
  const char* name;
  std::string key;
  bool is_valid;
};

class UntrustedText : public ::testing::TestWithParam<Text> {};

/// Keys as a client gives them, and as a scribbler writes them: printed escaped, in tables and
/// JSON.
TEST_P(UntrustedText, in_keys_and_names) {
  const Text& text = GetParam();
  BrokerProcess broker(kConfig);
  const Slotctl slotctl(broker.segment());
  Client client({broker.segment(), text.key});
  std::error_code ec;
  Slot slot = client.try_claim("plain", {.key = text.key}, ec);
  EXPECT_EQ(static_cast<bool>(slot), text.is_valid) << ec.message();
  if (!slot) {
    EXPECT_EQ(ec, Errc::kInvalidArgument);
    slot = client.try_claim("plain", {.key = "EG_1"});
    const SegmentProbe scribbler(broker.segment(), Access::kReadWrite);
    store_text(scribbler.view().record(slot.index()).key, text.key);
  }
  for (const char* verb : {"slots", "procs", "status"}) {
    const Ran table = slotctl({verb});
    EXPECT_EQ(table.status, 0) << verb << table.err;
    for (const char byte : table.out)
      EXPECT_TRUE(byte == '\n' || static_cast<unsigned char>(byte) >= 0x20) << verb;
    EXPECT_NO_THROW(slotctl({verb, "-J"}).json()) << verb;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Every, UntrustedText,
    ::testing::Values(Text{"quotes", "a\"b'c\\d", true}, Text{"escape", "\x1b[31mred", false},
                      Text{"newline", "a\nb", false}, Text{"delete", "a\x7f", false},
                      Text{"invalid_utf8", "\xff\xfe\xc0\x80", true},
                      Text{"cut_utf8", "\xe2\x82", true}, Text{"blanks", "   ", true},
                      Text{"bytes_63", std::string(63, 'k'), true},
                      Text{"bytes_64", std::string(64, 'k'), false},
                      Text{"template", "{{x}} %s %n $(id)", true},
                      Text{"bidi",
                           "\xe2\x80\xae"
                           "gpj.exe",
                           true}),
    [](const auto& text) { return text.param.name; });

}  // namespace
}  // namespace slotd::testing
