// The status page in a real browser: what it shows, that nothing else is fetched for it, and that
// the browser has nothing to complain of. Chromium speaks no Unix sockets: the broker listens on a
// port.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kBrowser[] = "/usr/bin/chromium";
constexpr int kMostWaits = 3;  ///< each of kPatienceMs: a browser starts slowly on a busy machine

/// A page as the browser has it, and what it told meanwhile.
struct Visit {
  int status = -1;
  std::string dom;
  std::string messages;
  AnyJson net_log;
};

Visit visit(const std::string& url) {
  const TestFolder home;
  const std::string net_log = home.file("net.json");
  Program browser(
      kBrowser,
      {"--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
       "--disable-background-networking", "--disable-component-update", "--disable-sync",
       "--no-first-run", "--user-data-dir=" + home.file("profile"), "--enable-logging=stderr",
       "--log-net-log=" + net_log, "--virtual-time-budget=2000", "--dump-dom", url},
      {"HOME=" + home.path()});
  Visit seen;
  for (int i = 0; i < kMostWaits && seen.status < 0; ++i) seen.status = browser.wait_end();
  seen.dom = browser.out();
  seen.messages = browser.err();
  seen.net_log = AnyJson::parse(read_text(net_log), nullptr, false);
  return seen;
}

/// What was asked for on behalf of the page at this origin, itself left out.
std::vector<std::string> requests_of(const AnyJson& net_log, const std::string& origin) {
  std::vector<std::string> urls;
  for (const AnyJson& event : net_log["events"]) {
    const AnyJson params = event.value("params", AnyJson::object());
    if (params.value("initiator", "") == origin && params.contains("url"))
      urls.push_back(params["url"]);
  }
  return urls;
}

bool has_visited(const AnyJson& net_log, const std::string& url) {
  for (const AnyJson& event : net_log["events"]) {
    if (event.value("params", AnyJson::object()).value("url", "") == url) return true;
  }
  return false;
}

TEST(HttpBrowser, ShowsTheTypesAndFetchesNothingElse) {
  if (!std::filesystem::exists(kBrowser))
    GTEST_SKIP() << "no browser: apt-get install --no-install-recommends chromium";
  const std::string origin = "http://127.0.0.1:" + std::to_string(find_free_port());
  const std::string config =
      "cpu: { capacity: 12 }\n"
      "types:\n"
      "  participant: { max: 3, cpu: 2.0, groups: [all] }\n"
      "  track: { max: 10, cpu: 0.5, groups: [all] }\n"
      "groups: { all: { max: 7 } }\n"
      "http: { listen: " +
      origin.substr(7) + " }\n";
  BrokerProcess broker = BrokerProcess::not_started(config);
  if (run_to_end("slotd", {"--check-config", "--config", broker.config_path()}).status != 0)
    GTEST_SKIP() << "slotd was built without cpp-httplib";
  broker.start();
  const Slotctl slotctl(broker.segment());
  for (const char* const type : {"participant", "participant", "track"})
    ASSERT_EQ(slotctl({"claim", "-t", type}).status, 0);
  ASSERT_EQ(slotctl({"drain", "track"}).status, 0);

  const Visit seen = visit(origin + "/");
  ASSERT_EQ(seen.status, 0) << seen.messages;
  const auto shows = [&seen](const std::string& part) {
    EXPECT_NE(seen.dom.find(part), std::string::npos) << part << " in\n" << seen.dom;
  };
  shows("<tr><td>participant</td><td>3</td><td>2</td>");
  shows("<tr><td>track</td><td>10</td><td>1</td>");
  shows("<tr><td>all</td><td>7</td><td>3</td>");
  shows("<td>slots held</td><td>3 of 1024</td>");
  shows("<td>DRAINING</td>");
  ASSERT_TRUE(seen.net_log.is_object()) << "the browser's log of requests";
  EXPECT_TRUE(has_visited(seen.net_log, origin + "/")) << "the log says what was fetched";
  for (const std::string& url : requests_of(seen.net_log, origin))
    EXPECT_EQ(url, origin + "/favicon.ico") << "a browser's own idea";
  EXPECT_EQ(seen.messages.find("CONSOLE"), std::string::npos) << seen.messages;
}

}  // namespace
}  // namespace slotd::testing
