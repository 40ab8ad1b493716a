// The config file from disk: what cannot be read is a message like any other.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "broker/config/read_config.hpp"

namespace slotd::broker {
namespace {

class ReadConfig : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "slotd-config-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::string& text) const {
    const std::string path = folder_ + "/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }

  std::string folder_;
};

TEST_F(ReadConfig, ReadsAFile) {
  const ConfigResult result = read_config(write("a.yaml", "segment: { slots: 64 }\n"));
  ASSERT_TRUE(result.config.has_value());
  EXPECT_EQ(result.config->segment.slots, 64U);
}

TEST_F(ReadConfig, NamesTheFileInMessages) {
  const std::string path = write("a.yaml", "cpx: {}\n");
  const ConfigResult result = read_config(path);
  ASSERT_EQ(result.diagnostics.size(), 1U);
  EXPECT_EQ(result.diagnostics[0].file, path);
}

TEST_F(ReadConfig, AMissingFileIsAMessage) {
  const std::string path = folder_ + "/none.yaml";
  const ConfigResult result = read_config(path);
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(format_diagnostics(result.diagnostics),
            path + ": error: cannot be read: No such file or directory\n");
}

TEST_F(ReadConfig, ADirectoryIsAMessage) {
  const ConfigResult result = read_config(folder_);
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(format_diagnostics(result.diagnostics),
            folder_ + ": error: cannot be read: it is neither a file nor a pipe\n");
}

TEST_F(ReadConfig, ADeviceWithoutAnEndIsNotRead) {
  EXPECT_FALSE(read_config("/dev/zero").config.has_value());
}

TEST_F(ReadConfig, AnEmptyFileIsAMessage) {
  EXPECT_FALSE(read_config(write("a.yaml", "")).config.has_value());
}

TEST_F(ReadConfig, AFileAboveTheLimitIsAMessage) {
  const std::string path = write("big.yaml", "#" + std::string(3 * kMaxConfigBytes, 'x'));
  const ConfigResult result = read_config(path);
  EXPECT_FALSE(result.config.has_value());
  EXPECT_EQ(format_diagnostics(result.diagnostics), path + ": error: more than 1MiB of text\n");
}

TEST_F(ReadConfig, AFileOfTheLimitIsRead) {
  std::string text = "cpu: {}\n#";
  text += std::string(kMaxConfigBytes - text.size(), 'x');
  EXPECT_TRUE(read_config(write("a.yaml", text)).config.has_value());
}

}  // namespace
}  // namespace slotd::broker
