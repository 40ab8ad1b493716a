// Four services on one host, asked in turn for one room composite of 4 cores after another, until
// every one of them has refused. First each counts its own jobs, as a service does that knows of
// nobody else. Then each asks slotd. Each service is a process.
//
//   four_services [--color]
//
// Needs a broker with `cpu: { capacity: 32, max_utilization: 0.8 }` and a type room_composite of 4
// cores without `max`: the rule that the services apply for themselves too.
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "slotd/client.hpp"

namespace {

constexpr int kServices = 4;
constexpr int kHostCores = 32;
constexpr int kJobCores = 4;
constexpr double kUtilization = 0.8;

/// Empty when the job was admitted, else why not.
using Admit = std::function<std::string()>;

/// The rule of a service that counts what it has admitted itself.
Admit count_own() {
  return [used = 0]() mutable -> std::string {
    if (used + kJobCores > kHostCores * kUtilization) return "not enough CPU";
    used += kJobCores;
    return "";
  };
}

Admit ask_slotd() {
  struct Held {
    slotd::Client client{{.name = "service"}};
    std::vector<slotd::Slot> slots;
  };
  return [held = std::make_shared<Held>()]() -> std::string {
    slotd::Slot slot = held->client.try_claim("room_composite");
    if (!slot) return slot.refusal().text();
    held->slots.push_back(std::move(slot));
    return "";
  };
}

/// One service process; it lives until the destructor, and so do its jobs.
class Service {
 public:
  explicit Service(Admit (*make_rule)()) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
      throw std::runtime_error("socketpair failed");
    }
    end_ = ends[0];
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) serve(make_rule, ends[1]);
    ::close(ends[1]);
  }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  ~Service() {
    ::close(end_);
    ::kill(pid_, SIGKILL);  // its slots come back by themselves
    ::waitpid(pid_, nullptr, 0);
  }

  std::string request_job() const {
    std::array<char, 256> answer{};
    if (::send(end_, "?", 1, MSG_NOSIGNAL) != 1) throw std::runtime_error("a service has ended");
    const ssize_t length = ::recv(end_, answer.data(), answer.size(), 0);
    if (length <= 0) throw std::runtime_error("a service has ended");
    return std::string(answer.data() + 1, static_cast<std::size_t>(length) - 1);
  }

 private:
  [[noreturn]] static void serve(Admit (*make_rule)(), int end) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    try {
      const Admit admit = make_rule();
      for (char request = 0; ::recv(end, &request, 1, 0) == 1;) {
        const std::string answer = ":" + admit();
        ::send(end, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
    } catch (const std::exception& error) {
      std::fprintf(stderr, "four_services: %s\n", error.what());
    }
    ::_exit(0);
  }

  int end_ = -1;
  pid_t pid_ = -1;
};

struct Answer {
  int service = 0;
  std::string refusal;  ///< empty: admitted
};

/// Asks them in turn until each has refused once; the answers in order.
std::vector<Answer> fill_host(Admit (*make_rule)()) {
  std::array<Service, kServices> services{Service(make_rule), Service(make_rule),
                                          Service(make_rule), Service(make_rule)};
  std::vector<Answer> answers;
  for (int refused = 0, turn = 0; refused < kServices; ++turn) {
    const int service = turn % kServices;
    answers.push_back({service, services[static_cast<std::size_t>(service)].request_job()});
    refused = answers.back().refusal.empty() ? 0 : refused + 1;
  }
  return answers;
}

/// A row a service, a block a job, placed where the promised cores stand after it; what is promised
/// beyond the host is red.
class Drawing {
 public:
  explicit Drawing(bool coloured) : coloured_(coloured) {}

  void draw(const char* title, const std::vector<Answer>& answers) const {
    std::printf("%s\n", bold(title).c_str());
    int jobs = 0;
    std::array<int, kServices> own{};
    for (const Answer& answer : answers) {
      if (!answer.refusal.empty()) continue;
      ++jobs;
      ++own[static_cast<std::size_t>(answer.service)];
    }
    for (int service = 0; service < kServices; ++service) {
      const int count = own[static_cast<std::size_t>(service)];
      std::printf("service %d %3d%s  %s\n", service + 1, count, count == 1 ? " job " : " jobs",
                  make_row(answers, service).c_str());
    }
    std::printf("the host           %s\n", make_scale().c_str());
    const int cores = jobs * kJobCores;
    const std::string sum = std::to_string(jobs) + " jobs, " + std::to_string(cores) +
                            " cores promised, the host has " + std::to_string(kHostCores);
    std::printf("together           %s\n", paint(cores > kHostCores ? "31" : "32", sum).c_str());
    for (const Answer& answer : answers) {
      if (answer.refusal.empty()) continue;
      std::printf("job %2d             refused by service %d: %s\n", jobs + 1, answer.service + 1,
                  answer.refusal.c_str());
      break;
    }
  }

 private:
  static constexpr std::size_t kWidth = 3;  ///< of a job

  std::string make_row(const std::vector<Answer>& answers, int service) const {
    std::string row;
    int number = 0;
    for (const Answer& answer : answers) {
      if (!answer.refusal.empty()) break;
      ++number;
      if (answer.service != service) {
        row += std::string(kWidth, ' ');
        continue;
      }
      const std::string text = (number < 10 ? " " : "") + std::to_string(number);
      row += paint(number * kJobCores > kHostCores ? "31;7" : "32;7", text) + " ";
    }
    row.erase(row.find_last_not_of(' ') + 1);
    return row;
  }
  std::string make_scale() const {
    const std::string name = " " + std::to_string(kHostCores) + " cores ";
    const std::size_t width = kWidth * kHostCores / kJobCores - 1;
    std::string line(width, '-');
    line.front() = line.back() = '|';
    return line.replace((width - name.size()) / 2, name.size(), name);
  }
  std::string paint(const char* codes, const std::string& text) const {
    if (!coloured_) return text;
    return std::string("\033[") + codes + "m" + text + "\033[0m";
  }
  std::string bold(const char* text) const { return paint("1", text); }

  bool coloured_;
};

}  // namespace

int main(int argc, char** argv) {
  const bool coloured = argc == 2 && std::strcmp(argv[1], "--color") == 0;
  if (argc > 1 && !coloured) {
    std::fputs("usage: four_services [--color]\n", stderr);
    return 64;
  }
  try {
    const Drawing drawing(coloured);
    const std::vector<Answer> alone = fill_host(count_own);
    const std::vector<Answer> shared = fill_host(ask_slotd);
    drawing.draw("Each service counts its own jobs", alone);
    std::puts("");
    drawing.draw("Each service asks slotd", shared);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "four_services: %s\n", error.what());
    return 1;
  }
}
