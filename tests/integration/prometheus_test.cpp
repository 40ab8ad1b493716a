// A real Prometheus that scrapes a real broker: every rule and every query of the dashboard is
// understood and answers, and the alert fires on a type without room. Skipped where Prometheus is
// not installed.
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <regex>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

const std::string kFolder = std::string(SLOTD_SOURCE_DIR) + "/systemd/prometheus";

bool has(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

std::string replace_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size())
    text.replace(at, from.size(), to);
  return text;
}

std::string url_encoded(const std::string& text) {
  std::string out;
  for (const char c : text) {
    std::array<char, 4> code{};
    std::snprintf(code.data(), code.size(), "%%%02X",
                  static_cast<unsigned>(static_cast<unsigned char>(c)));
    out += code.data();
  }
  return out;
}

TEST(PrometheusRules, AreAccepted) {
  if (!has("promtool")) GTEST_SKIP() << "promtool is missing (Debian's package prometheus)";
  for (const std::string& words : {std::string("check rules slotd.rules.yml"),
                                   std::string("test rules slotd.rules.test.yml")}) {
    const Ran ran =
        run_to_end("/bin/sh", {"-c", "cd '" + kFolder + "' && promtool " + words + " 2>&1"});
    EXPECT_EQ(ran.status, 0) << words << "\n" << ran.out;
  }
}

/// A node without room for `participant`, scraped each second, with alerts that do not wait.
class Prometheus : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!has("prometheus")) GTEST_SKIP() << "prometheus is missing (Debian's package prometheus)";
    const std::string port = std::to_string(find_free_port());
    const std::string config =
        "cpu: { capacity: 12, max_utilization: 0.8 }\n"
        "memory: { max: 16GiB }\n"
        "types:\n"
        "  participant: { max: 1, cpu: 2.0 }\n"
        "  web: { max: 5, cpu: 4.0, groups: { web: 1, pulse: 4 } }\n"
        "groups: { web: { max: 18 }, pulse: { max: 60 } }\n"
        "http: { listen: 127.0.0.1:" +
        port + " }\n";
    broker_ = std::make_unique<BrokerProcess>(config);
    if (broker_->log().find("event=http ") == std::string::npos)
      GTEST_SKIP() << "slotd was built without cpp-httplib, or the port was taken";
    const Slotctl slotctl(broker_->segment());
    ASSERT_EQ(slotctl({"claim", "-t", "participant"}).status, 0);
    ASSERT_EQ(slotctl({"claim", "-t", "participant"}).status, 75);
    const std::string rules = read_text(kFolder + "/slotd.rules.yml");
    write_text(folder_.file("rules.yml"),
               std::regex_replace(rules, std::regex("for: [0-9]+[mh]"), "for: 0s"));
    write_text(folder_.file("prometheus.yml"),
               "global: { scrape_interval: 1s, evaluation_interval: 1s }\n"
               "rule_files: [rules.yml]\n"
               "scrape_configs:\n"
               "  - { job_name: slotd, static_configs: [{ targets: ['127.0.0.1:" +
                   port + "'] }] }\n");
    port_ = find_free_port();
    prometheus_ = std::make_unique<Program>(
        "/bin/sh", Words{"-c", "exec prometheus --config.file=" + folder_.file("prometheus.yml") +
                                   " --storage.tsdb.path=" + folder_.file("data") +
                                   " --web.listen-address=127.0.0.1:" + std::to_string(port_)});
    ASSERT_TRUE(wait_until([&] { return answers("slotd_can_accept == 0") == 1; }))
        << prometheus_->err();
  }

  AnyJson ask(const std::string& path) const {
    const HttpConnection connection(port_);
    if (!connection.is_open()) return {};
    connection.send("GET " + path + " HTTP/1.0\r\nHost: node\r\n\r\n");
    const HttpAnswer answer = connection.read();
    return answer.status == 200 ? AnyJson::parse(answer.body) : AnyJson{};
  }
  /// How many series a query has; -1 when it is not understood.
  int answers(const std::string& query) const {
    const AnyJson answer = ask("/api/v1/query?query=" + url_encoded(query));
    if (!answer.is_object() || answer["status"] != "success") return -1;
    return static_cast<int>(answer["data"]["result"].size());
  }

  std::unique_ptr<BrokerProcess> broker_;
  TestFolder folder_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Program> prometheus_;
};

TEST_F(Prometheus, AnAlertFiresOnATypeWithoutRoom) {
  EXPECT_TRUE(wait_until([&] {
    return answers(
               "ALERTS{alertname=\"SlotdTypeSaturated\",alertstate=\"firing\","
               "type=\"participant\"}") == 1;
  })) << prometheus_->err();
  EXPECT_EQ(answers("ALERTS{alertname=\"SlotdTypeSaturated\",type=\"web\"}"), 0);
  EXPECT_EQ(answers("ALERTS{alertname=\"SlotdDown\"}"), 0);
}

TEST_F(Prometheus, EveryRuleIsEvaluatedAndEveryEgressNameAnswers) {
  ASSERT_TRUE(wait_until([&] { return answers("livekit_load_ratio{type=\"pulse\"}") == 1; }));
  for (const char* const name :
       {"livekit_egress_available", "livekit_egress_can_accept_request",
        "livekit_egress_is_disabled", "livekit_egress_requests{type=\"web\"}",
        "livekit_load_ratio{type=\"cpu\"}", "livekit_load_ratio{type=\"memory\"}",
        "livekit_egress_handler_results_total{type=\"web\",result=\"success\"}",
        "livekit_egress_handler_results_total{type=\"web\",result=\"failure\"}"})
    EXPECT_EQ(answers(name), 1) << name;
  const AnyJson rules = ask("/api/v1/rules");
  ASSERT_TRUE(rules.is_object());
  for (const AnyJson& group : rules["data"]["groups"]) {
    for (const AnyJson& rule : group["rules"])
      EXPECT_EQ(rule["health"], "ok") << rule["name"] << " " << rule.value("lastError", "");
  }
}

TEST_F(Prometheus, EveryQueryOfTheDashboardAnswers) {
  const AnyJson dashboard = AnyJson::parse(read_text(kFolder + "/slotd-dashboard.json"));
  // A rate needs two samples.
  ASSERT_TRUE(wait_until([&] { return answers("rate(slotd_claims_total[5m])") > 0; }));
  int count = 0;
  for (const AnyJson& panel : dashboard["panels"]) {
    for (const AnyJson& target : panel["targets"]) {
      const std::string query = replace_all(target["expr"].get<std::string>(), "$instance", ".*");
      EXPECT_GT(answers(query), 0) << panel["title"] << ": " << query;
      ++count;
    }
  }
  EXPECT_GE(count, 15);
}

}  // namespace
}  // namespace slotd::testing
