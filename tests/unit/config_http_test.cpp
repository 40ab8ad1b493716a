// The section `http:`: where the broker may be told to listen.
#include <gmock/gmock.h>

#include <string>

#include "broker/config/write_config.hpp"
#include "broker/http/server.hpp"
#include "config_support.hpp"

namespace slotd::broker {
namespace {

std::string listen(const std::string& value) { return "http: { listen: " + value + " }\n"; }

class ConfigHttp : public testing::Test {
 protected:
  void SetUp() override {
    if (!HttpServer::is_built()) GTEST_SKIP() << "built without cpp-httplib";
  }
  static HttpConfig parse(const std::string& value) { return parse_good(listen(value)).http; }
};

TEST_F(ConfigHttp, IsASocketBesideTheSegmentUnlessTheFileSaysOtherwise) {
  const HttpConfig unsaid = parse_good("{}\n").http;
  EXPECT_EQ(unsaid.listen, HttpListen::kUnix);
  EXPECT_EQ(unsaid.path, "");
  EXPECT_FALSE(unsaid.mark.known());
  EXPECT_EQ(parse("off").listen, HttpListen::kOff);
}

TEST_F(ConfigHttp, WhatTheFileAsksForHasAPlace) {
  for (const char* const value : {"off", "unix", "unix:/run/h.sock", "127.0.0.1:9464"})
    EXPECT_EQ(parse(value).mark.line, 1U) << value;
  const std::string egress = "cpu_cost: {}\nslotd:\n  http: { listen: unix }\n";
  EXPECT_EQ(parse_good(egress).http.mark.line, 3U);
}

TEST_F(ConfigHttp, ASocketBesideTheSegmentOrElsewhere) {
  EXPECT_EQ(parse("unix").listen, HttpListen::kUnix);
  EXPECT_EQ(parse("unix").path, "");
  EXPECT_EQ(parse("unix:/run/slotd/h.sock").path, "/run/slotd/h.sock");
}

TEST_F(ConfigHttp, APortOfAHost) {
  const HttpConfig v4 = parse("127.0.0.1:9464");
  EXPECT_EQ(v4.listen, HttpListen::kTcp);
  EXPECT_EQ(v4.host, "127.0.0.1");
  EXPECT_EQ(v4.port, 9464);
  EXPECT_EQ(parse("\"[::1]:65535\"").host, "::1");
  EXPECT_EQ(parse("\"[::1]:65535\"").port, 65535);
  EXPECT_EQ(parse("node-1.example:80").host, "node-1.example");
}

TEST_F(ConfigHttp, WhatIsNoPlaceIsAnError) {
  using testing::ElementsAre;
  using testing::HasSubstr;
  for (const char* const wrong :
       {"on", "9464", ":9464", "host:", "host:0", "host:65536", "host:http", "unix:rel", "unix:/",
        "\"a b:80\"", "\"[::1:80\"", "::1:80", "\"\"", "\"unix:/a\\nb\""}) {
    EXPECT_FALSE(parse_config(listen(wrong), kTestFile).config.has_value()) << wrong;
  }
  EXPECT_THAT(brief_messages_of(listen("host:0")), ElementsAre(HasSubstr("1:17: error: http")));
  EXPECT_THAT(brief_messages_of("http: { listn: off }\n"), ElementsAre(HasSubstr("listen")));
  EXPECT_FALSE(
      parse_config(listen("unix:/" + std::string(107, 'a')), kTestFile).config.has_value());
  EXPECT_TRUE(parse_config(listen("unix:/" + std::string(106, 'a')), kTestFile).config.has_value());
}

TEST_F(ConfigHttp, IsWrittenAsItIsRead) {
  for (const char* const value :
       {"off", "unix", "unix:/run/h.sock", "127.0.0.1:9464", "\"[::1]:9464\""}) {
    const Config config = parse_good(listen(value));
    EXPECT_EQ(parse_good(write_config(config)), config) << value;
  }
}

}  // namespace
}  // namespace slotd::broker
