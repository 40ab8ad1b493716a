#include "tests/bench/report/document.hpp"

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slotd::bench {

namespace {

using Json = nlohmann::json;

Spread read_spread(const Json& row, const std::string& name, const std::string& unit) {
  return {row.at(name + unit), row.at(name + "_min"), row.at(name + "_max")};
}

Row read_row(const Json& json) {
  Row row;
  row.name = json.at("name");
  row.what = json.value("what", "");
  row.rival = json.at("rival");
  row.held = json.at("held");
  row.procs = json.at("procs");
  row.skipped = json.value("skipped", "");
  row.outcome = json.value("outcome", "");
  row.note = json.value("note", "");
  if (!row.is_measured()) return row;
  const std::string unit = row.name == "memory" ? "_bytes" : "_ns";
  row.slotd = read_spread(json, "slotd", unit);
  row.theirs = read_spread(json, row.rival == "sysv" ? "sysv" : "rival", unit);
  if (row.name != "memory") row.ratio = read_spread(json, "ratio", "");
  row.aim = json.value("aim", 0.0);
  row.runs = json.value("runs", 1U);
  return row;
}

struct Title {
  std::string_view name;
  const char* title;
  const char* waiting = "";
};

constexpr Title kTitles[] = {
    {"slotd", "slotd", "`claim_for`"},
    {"sysv", "SysV, SEM_UNDO", "`semop`"},
    {"posix_semaphores", "POSIX semaphores", "`sem_wait`"},
    {"robust_mutex", "robust mutex, ledger", "futex; looks for the dead every 10 ms"},
    {"flock", "flock, slot files", "`flock(LOCK_EX)` on one of the files"},
    {"pipe_tokens", "tokens in pipes", "`poll` and `read`"},
    {"socket_daemon", "daemon, Unix socket", "an answer that comes later"},
    {"redis_leases", "Redis, leases by Lua", "publish/subscribe; asks again each second"},
    {"parallel_sem", "GNU parallel's `sem`"},
    {"flock_command", "`flock FILE COMMAND`"},
    {"bare_command", "the command alone"},
};

}  // namespace

const Row* Document::find(std::string_view name, std::string_view what, std::string_view rival,
                          unsigned held, unsigned procs) const {
  for (const Row& row : rows) {
    if (row.is_measured() && row.name == name && row.what == what && row.rival == rival &&
        row.held == held && row.procs == procs)
      return &row;
  }
  return nullptr;
}

const Row* Document::find_pair(std::string_view rival, unsigned held, unsigned procs) const {
  return find(rival == "sysv" ? "pair" : "rival_pair", "", rival, held, procs);
}

Document read_document(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  const Json json = Json::parse(file);
  if (json.at("schema") != 1) throw std::runtime_error(path + ": not schema 1");
  Document document;
  document.machine = json.at("machine");
  document.virtualization = json.value("virtualization", "");
  document.cpus = json.value("cpus", 0U);
  document.load = json.value("load", 0.0);
  document.kernel = json.at("kernel");
  document.compiler = json.at("compiler");
  document.flags = json.value("flags", "");
  document.scan = json.value("scan", "");
  document.commit = json.at("commit");
  for (const Json& row : json.at("rows")) document.rows.push_back(read_row(row));
  return document;
}

std::string title_of(std::string_view rival) {
  for (const Title& title : kTitles) {
    if (title.name == rival) return title.title;
  }
  return std::string(rival);
}

std::string waiting_of(std::string_view rival) {
  for (const Title& title : kTitles) {
    if (title.name == rival) return title.waiting;
  }
  return "";
}

}  // namespace slotd::bench
