// The broker's HTTP endpoint: its pages, what it does with clients that are slow, silent, many or
// talk nonsense, and that none of them reaches the loop.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

std::string config_with(const std::string& listen) {
  return "cpu: { capacity: 12, max_utilization: 0.8 }\n"
         "types: { participant: { max: 2, cpu: 2.0 }, track: { cpu: 0.5 } }\n"
         "http: { listen: " +
         listen + " }\n";
}

std::string config_without() {
  const std::string with = config_with("off");
  return with.substr(0, with.find("http:"));
}

/// A build without cpp-httplib refuses to listen.
bool is_built() {
  BrokerProcess broker = BrokerProcess::not_started(config_with("127.0.0.1:9464"));
  const Ran ran = run_to_end("slotd", {"--check-config", "--config", broker.config_path()});
  return ran.status == 0;
}

class Http : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_built()) GTEST_SKIP() << "slotd was built without cpp-httplib";
    broker_ = std::make_unique<BrokerProcess>(config_with("unix"));
  }
  std::string socket() const { return broker_->folder() + "/http.sock"; }
  HttpAnswer get(const std::string& path, const std::string& method = "GET") const {
    return HttpConnection(socket()).get(path, method);
  }

  std::unique_ptr<BrokerProcess> broker_;
};

TEST_F(Http, HasItsPages) {
  EXPECT_EQ(get("/healthz").status, 200);
  EXPECT_EQ(get("/readyz").status, 200);
  const HttpAnswer metrics = get("/metrics");
  EXPECT_EQ(metrics.status, 200);
  EXPECT_NE(metrics.head.find("Content-Type: text/plain; version=0.0.4"), std::string::npos);
  EXPECT_NE(metrics.body.find("\nslotd_broker_up 1\n"), std::string::npos);
  const HttpAnswer page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_NE(page.head.find("Content-Type: text/html"), std::string::npos);
  EXPECT_NE(page.body.find("<td>participant</td>"), std::string::npos);
  EXPECT_EQ(get("/metrics?a=b").status, 200);
  EXPECT_EQ(get("/other").status, 404);
  EXPECT_EQ(get("/../etc/passwd").status, 404);
  EXPECT_EQ(get("/metrics", "POST").status, 405);
  const HttpAnswer head = get("/metrics", "HEAD");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
}

TEST_F(Http, StatusIsThatOfSlotctl) {
  broker_->write_config(
      "cpu: { capacity: 12 }\n"
      "types: { participant: { max: 2, cpu: 2.0, groups: [all] }, track: { cpu: 0.5 } }\n"
      "groups: { all: { max: 2 } }\n");
  ASSERT_TRUE(broker_->reload());
  const Slotctl slotctl(broker_->segment());
  for (int claim = 0; claim < 2; ++claim)
    ASSERT_EQ(slotctl({"claim", "-t", "participant"}).status, 0);
  // What is wrong is told as well: a drain, and two debts.
  broker_->write_config(
      "cpu: { capacity: 12 }\n"
      "types: { participant: { max: 1, cpu: 2.0, groups: [all] }, track: { cpu: 0.5 } }\n"
      "groups: { all: { max: 1 } }\n");
  ASSERT_TRUE(broker_->reload());
  EXPECT_TRUE(broker_->wait_log("event=debt type=participant limit=1 in_use=2"));
  EXPECT_TRUE(broker_->wait_log("event=debt group=all limit=1 in_use=2"));
  ASSERT_EQ(slotctl({"drain", "track"}).status, 0);
  const HttpAnswer answer = get("/v1/status");
  ASSERT_EQ(answer.status, 200);
  EXPECT_EQ(schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", "status", answer.body),
            "");
  AnyJson by_http = AnyJson::parse(answer.body);
  AnyJson by_slotctl = slotctl({"status", "-J"}).json();
  std::vector<std::string> warned;
  for (const AnyJson& warning : by_http["warnings"]) warned.push_back(warning["warning"]);
  EXPECT_EQ(warned, (std::vector<std::string>{"draining", "debt", "debt"}));
  for (AnyJson* const document : {&by_http, &by_slotctl}) {
    // What moves from one sample to the next.
    for (const char* const moving : {"measured", "host_busy", "psi"})
      (*document)["cpu"][moving] = 0;
    (*document)["broker"]["sample_age"] = 0;
    (*document)["memory"]["used"] = 0;
  }
  EXPECT_EQ(by_http, by_slotctl);
}

TEST_F(Http, IsNotReadyWhileItDrains) {
  const Slotctl slotctl(broker_->segment());
  ASSERT_EQ(slotctl({"drain"}).status, 0);
  const HttpAnswer answer = get("/readyz");
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(answer.body, "draining\n");
  EXPECT_EQ(get("/healthz").status, 200) << "and healthy";
  ASSERT_EQ(slotctl({"undrain"}).status, 0);
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(Http, FollowsASegmentThatIsMadeAnew) {
  std::filesystem::remove(broker_->segment());
  ASSERT_TRUE(broker_->wait_log("event=settled"));
  EXPECT_TRUE(wait_until([&] { return get("/readyz").status == 200; }));
  EXPECT_NE(get("/metrics").body.find("\nslotd_segment_rebuilds_total 1\n"), std::string::npos);
}

TEST_F(Http, TheSocketIsForWhoMayReadTheSegment) {
  struct stat socket_status {};
  struct stat segment_status {};
  ASSERT_EQ(::stat(socket().c_str(), &socket_status), 0);
  ASSERT_EQ(::stat(broker_->segment().c_str(), &segment_status), 0);
  EXPECT_TRUE(S_ISSOCK(socket_status.st_mode));
  EXPECT_EQ(socket_status.st_mode & 0777U, 0660U);
  EXPECT_EQ(socket_status.st_gid, segment_status.st_gid);
  // To ask, one has to write to it: who may only look at the segment, too.
  broker_->write_config(config_with("unix") + "segment: { mode: \"0644\" }\n");
  ASSERT_TRUE(broker_->reload());
  ASSERT_EQ(::stat(socket().c_str(), &socket_status), 0);
  EXPECT_EQ(socket_status.st_mode & 0777U, 0666U);
  EXPECT_EQ(broker_->stop(), 0);
  EXPECT_FALSE(std::filesystem::exists(socket())) << "and goes with the broker";
}

TEST_F(Http, ASocketThatAKilledBrokerLeftIsReplaced) {
  broker_->kill_now();
  ASSERT_TRUE(std::filesystem::exists(socket()));
  broker_->start();
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(Http, WhatIsNoSocketStays) {
  broker_->stop();
  write_text(socket(), "somebody's\n");
  broker_->start();
  EXPECT_TRUE(broker_->wait_log("error: event=http_failed"));
  EXPECT_EQ(read_text(socket()), "somebody's\n");
}

TEST_F(Http, ASocketOnWhichSomebodyListensStays) {
  const std::string elsewhere = broker_->folder() + "/other.sock";
  BrokerProcess first(config_with("unix:" + elsewhere));
  BrokerProcess second(config_with("unix:" + elsewhere));
  EXPECT_TRUE(second.wait_log("another process listens there"));
  EXPECT_EQ(second.stop(), 0);
  const std::string status = HttpConnection(elsewhere).get("/v1/status").body;
  EXPECT_NE(status.find(first.segment()), std::string::npos) << status;
}

TEST_F(Http, IsThereWithoutBeingAskedFor) {
  broker_->write_config(config_without());
  broker_->stop();
  broker_->start();
  EXPECT_EQ(get("/readyz").status, 200);
}

TEST_F(Http, WithoutBeingAskedForIsMissedWithAWarningAlone) {
  broker_->write_config(config_without());
  broker_->stop();
  std::filesystem::create_directory(socket());
  broker_->start();
  ASSERT_TRUE(broker_->wait_log("warning: event=http_failed"));
  ASSERT_TRUE(broker_->reload());
  ASSERT_TRUE(broker_->reload());
  const std::string log = broker_->log_of_run();
  const std::size_t said = log.find("event=http_failed");
  EXPECT_EQ(log.find("event=http_failed", said + 1), std::string::npos) << "and once:\n" << log;
  EXPECT_EQ(log.find("error:"), std::string::npos) << log;
  EXPECT_EQ(Slotctl(broker_->segment())({"claim", "-t", "track"}).status, 0);
}

TEST_F(Http, BrokersWhoseSegmentsAreNeighboursHaveSocketsOfTheirOwn) {
  broker_->stop();
  const std::string other = broker_->folder() + "/other";
  broker_->write_config(config_without());
  broker_->start();
  Program neighbour("slotd", {"--segment", other, "--config", broker_->config_path()});
  const std::string others_socket = other + ".http.sock";
  ASSERT_TRUE(wait_until([&] { return HttpConnection(others_socket).is_open(); }));
  EXPECT_NE(HttpConnection(others_socket).get("/v1/status").body.find("\"" + other + "\""),
            std::string::npos);
  EXPECT_NE(get("/v1/status").body.find("\"" + broker_->segment() + "\""), std::string::npos);
}

TEST_F(Http, ComesBackWithAFolderThatWasTakenAway) {
  std::filesystem::rename(broker_->folder(), broker_->folder() + ".gone");
  const bool is_back = wait_until([&] { return get("/readyz").status == 200; });
  std::filesystem::remove_all(broker_->folder() + ".gone");
  EXPECT_TRUE(is_back);
}

TEST_F(Http, ComesAndGoesWithAReload) {
  broker_->write_config(config_with("off"));
  ASSERT_TRUE(broker_->reload());
  EXPECT_FALSE(HttpConnection(socket()).is_open());
  const std::uint16_t port = find_free_port();
  broker_->write_config(config_with("127.0.0.1:" + std::to_string(port)));
  ASSERT_TRUE(broker_->reload());
  EXPECT_EQ(HttpConnection(port).get("/readyz").status, 200);
}

TEST_F(Http, NobodyElseTakesThePort) {
  const std::uint16_t port = find_free_port();
  const std::string config = config_with("127.0.0.1:" + std::to_string(port));
  BrokerProcess first(config);
  ASSERT_EQ(HttpConnection(port).get("/readyz").status, 200);
  BrokerProcess second(config);
  EXPECT_TRUE(second.wait_log("event=http_failed")) << "and goes on without";
  EXPECT_EQ(Slotctl(second.segment())({"claim", "-t", "track"}).status, 0);
  EXPECT_NE(HttpConnection(port).get("/v1/status").body.find(first.segment()), std::string::npos);
}

TEST_F(Http, ClientsThatDoNotComeToThePointReachNobodyElse) {
  std::vector<std::unique_ptr<HttpConnection>> crowd;
  const std::vector<std::string> beginnings{
      "",
      "GET ",
      "GET /metrics HTTP/1.1\r\nHost:",
      "\x01\xff\xfe\r\n\r\n",
      "POST / HTTP/1.1\r\n",
      "GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "GET " + std::string(5000, '/') + "\r\n"};
  // More than the threads, the broker's queue and the kernel's take: connecting would wait.
  const std::size_t kMost = 200;
  WorkerProcess worker(broker_->segment());
  std::thread visitors([&] {
    for (std::size_t i = 0; i < kMost; ++i) {
      crowd.push_back(std::make_unique<HttpConnection>(socket()));
      if (crowd.back()->is_open()) crowd.back()->send(beginnings[i % beginnings.size()]);
    }
  });
  // Meanwhile: the loop beats, reaps, and answers.
  const SegmentProbe probe(broker_->segment());
  for (int round = 0; round < 10; ++round) {
    WorkerProcess victim(broker_->segment());
    ASSERT_TRUE(victim.ask("claim track").is_claimed());
    victim.kill_now();
    EXPECT_TRUE(wait_until([&] { return probe.held() == 0; }));
    // Older than three intervals is stale: the loop would have missed three beats.
    EXPECT_FALSE(probe.snapshot().broker.is_sample_stale) << "round " << round;
  }
  visitors.join();
  EXPECT_TRUE(broker_->reload());
  EXPECT_TRUE(wait_until([&] { return get("/metrics").status == 200; }))
      << "their patience is over some day";
  EXPECT_EQ(broker_->stop(), 0) << "with those that are still there";
}

}  // namespace
}  // namespace slotd::testing
