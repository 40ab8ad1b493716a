#include "tools/dev/mainjob/crew.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "slotd/clock.hpp"
#include "slotd/segment.hpp"

namespace slotd::mainjob {
namespace {

constexpr std::uint64_t kBrokerStopNs = 5 * kNsPerSecond;
constexpr std::uint64_t kLastKillNs = 10 * kNsPerSecond;

std::string describe_status(int status) {
  if (WIFSIGNALED(status)) return "was killed by signal " + std::to_string(WTERMSIG(status));
  return "exited with " + std::to_string(WEXITSTATUS(status));
}

std::uint64_t to_ns(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(time.tv_usec) * 1000;
}

void sleep_briefly() { ::usleep(2000); }

}  // namespace

Crew::Crew(CrewPlan plan) : plan_(std::move(plan)), services_(plan_.services) {
  broker_.name = "broker";
  for (std::size_t i = 0; i < services_.size(); ++i)
    services_[i].name = "service " + std::to_string(i + 1);
}

Crew::~Crew() {
  // A parent dies before its children are seen to have a new one, so one look is not enough; no
  // child left is the proof.
  const std::uint64_t give_up_ns = monotonic_ns() + kLastKillNs;
  while (monotonic_ns() < give_up_ns) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    if (::waitpid(-1, nullptr, WNOHANG) < 0 && errno == ECHILD) return;
    for (const FoundProcess& process : read_descendants(::getpid())) try_kill(process);
    sleep_briefly();
  }
}

std::vector<std::string> Crew::make_environment() const {
  std::vector<std::string> variables;
  for (char** at = environ; *at != nullptr; ++at) {
    const std::string variable = *at;
    const std::string name = variable.substr(0, variable.find('='));
    // A service manager's words to the main job are not for the broker below it.
    const bool foreign = name == kSegmentVariable || name == "NOTIFY_SOCKET" ||
                         name == "WATCHDOG_USEC" || name == "WATCHDOG_PID";
    if (!foreign) variables.push_back(variable);
  }
  variables.push_back(std::string(kSegmentVariable) + "=" + plan_.segment);
  return variables;
}

void Crew::start_broker() {
  const SpawnRequest request{plan_.programs + "/slotd",
                             {"--config", plan_.config, "--segment", plan_.segment},
                             make_environment(),
                             plan_.broker_log};
  broker_ = {broker_.name, spawn(request), false, 0, broker_.starts + 1};
}

void Crew::start_services() {
  for (std::size_t i = 0; i < services_.size(); ++i) start_service(i);
}

void Crew::start_service(std::size_t index) {
  Member& member = services_[index];
  const std::uint32_t starts = member.starts + 1;
  // Names and seeds differ from start to start: keys are made of the names, and a restarted service
  // has new jobs.
  const std::string name = "egress-" + std::to_string(index + 1) + "." + std::to_string(starts);
  const std::uint64_t seed = plan_.seed * 1'000'003 + index * 1009 + starts;
  const SpawnRequest request{plan_.programs + "/egress_service",
                             {"--name", name, "--seed", std::to_string(seed)},
                             make_environment(),
                             plan_.worker_log};
  member = {member.name, spawn(request), false, 0, starts};
}

Crew::Member* Crew::find_member(int pid) {
  if (broker_.pid == pid) return &broker_;
  for (Member& service : services_) {
    if (service.pid == pid) return &service;
  }
  return nullptr;  // a handler whose service died
}

int Crew::start_worker(const std::string& program, const std::vector<std::string>& arguments) {
  return spawn({plan_.programs + "/" + program, arguments, make_environment(), plan_.worker_log});
}

std::vector<std::string> Crew::reap_children(const OtherChild& other) {
  std::vector<std::string> problems;
  int status = 0;
  rusage usage{};
  for (int pid = ::wait4(-1, &status, WNOHANG, &usage); pid > 0;
       pid = ::wait4(-1, &status, WNOHANG, &usage)) {
    Member* member = find_member(pid);
    if (member == nullptr) {  // a handler, or one whose service died
      if (other) other(pid, status, to_ns(usage.ru_utime) + to_ns(usage.ru_stime));
      continue;
    }
    member->pid = 0;
    if (!member->end_expected) problems.push_back(member->name + " " + describe_status(status));
  }
  return problems;
}

void Crew::restart_due(std::uint64_t now_ns) {
  const auto due = [&](const Member& member) {
    return member.pid == 0 && member.restart_at_ns != 0 && now_ns >= member.restart_at_ns;
  };
  if (due(broker_)) start_broker();
  for (std::size_t i = 0; i < services_.size(); ++i) {
    if (due(services_[i])) start_service(i);
  }
}

std::size_t Crew::live_services() const {
  std::size_t live = 0;
  for (const Member& service : services_) live += service.pid != 0 ? 1 : 0;
  return live;
}

std::vector<FoundProcess> Crew::read_workers() const {
  std::vector<FoundProcess> found = read_descendants(::getpid());
  std::erase_if(found, [&](const FoundProcess& process) { return process.pid == broker_.pid; });
  return found;
}

std::vector<FoundProcess> Crew::read_handlers() const {
  std::vector<FoundProcess> found = read_workers();
  std::erase_if(found, [&](const FoundProcess& process) {
    return std::any_of(services_.begin(), services_.end(),
                       [&](const Member& service) { return service.pid == process.pid; });
  });
  return found;
}

bool Crew::kill_member(Member& member, std::uint64_t restart_at_ns) {
  // A child that is not reaped keeps its pid: it cannot be another process.
  if (member.pid == 0 || member.end_expected || ::kill(member.pid, SIGKILL) != 0) return false;
  member.end_expected = true;
  member.restart_at_ns = restart_at_ns;
  return true;
}

bool Crew::kill_broker(std::uint64_t restart_at_ns) { return kill_member(broker_, restart_at_ns); }

bool Crew::kill_service(std::size_t index, std::uint64_t restart_at_ns) {
  return kill_member(services_[index], restart_at_ns);
}

void Crew::stop_services() {
  for (Member& service : services_) {
    service.restart_at_ns = 0;
    if (service.pid == 0 || service.end_expected) continue;
    service.end_expected = true;
    ::kill(service.pid, SIGTERM);
  }
}

std::size_t Crew::kill_workers() {
  std::size_t killed = 0;
  for (const FoundProcess& worker : read_workers()) {
    if (try_kill(worker) && killed_workers_.emplace(worker.pid, worker.stat.start_ticks).second)
      ++killed;
  }
  return killed;
}

bool Crew::are_workers_gone() const { return live_services() == 0 && read_workers().empty(); }

std::string Crew::stop_broker() {
  if (broker_.pid == 0) return "the broker was down";
  broker_.end_expected = true;
  broker_.restart_at_ns = 0;
  ::kill(broker_.pid, SIGTERM);
  const std::uint64_t give_up_ns = monotonic_ns() + kBrokerStopNs;
  int status = 0;
  int ended = 0;
  while (ended == 0 && monotonic_ns() < give_up_ns) {
    sleep_briefly();
    ended = ::waitpid(broker_.pid, &status, WNOHANG);
  }
  if (ended == 0) return "the broker did not end on SIGTERM";
  broker_.pid = 0;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0
             ? ""
             : "the broker " + describe_status(status) + " on SIGTERM";
}

}  // namespace slotd::mainjob
