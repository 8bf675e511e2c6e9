// tidegate_sim: runs seeds of the simulator. Seeds are independent, so that jobs are processes.
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/sim/command_line.h"
#include "tests/sim/run.h"

namespace tidegate::sim {
namespace {

RunOptions OptionsOf(const CommandLine& line, uint64_t seed) {
  return {.seed = seed, .profile = line.profile, .defect = line.defect, .print = line.trace};
}

std::string Report(const RunOptions& run, const RunResult& result, bool hash) {
  char text[256];
  std::snprintf(
      text, sizeof text,
      "seed %llu: %s, %u nodes, %u writes (%llu acknowledged), %u faults, %llu frames, %lld s (rest after %lld s)",
      static_cast<unsigned long long>(run.seed), result.failures.empty() ? "passed" : "FAILED", result.nodes,
      result.writes, static_cast<unsigned long long>(result.acknowledged), result.faults,
      static_cast<unsigned long long>(result.frames), static_cast<long long>(result.virtual_us / 1'000'000),
      static_cast<long long>(result.settle_us / 1'000'000));
  std::string report = text;
  if (hash) {
    std::snprintf(text, sizeof text, ", trace %016llx", static_cast<unsigned long long>(result.trace_hash));
    report += text;
  }
  for (const std::string& failure : result.failures) report += "\n  " + failure;
  if (!result.failures.empty()) report += "\n  replay: " + ReplayCommand(run);
  return report + "\n";
}

// A line from a job: 'p' or 'F', then the report.
void RunJob(const CommandLine& line, int job, int out) {
  for (uint64_t seed = line.first + static_cast<uint64_t>(job); seed <= line.last;
       seed += static_cast<uint64_t>(line.jobs)) {
    const RunOptions run = OptionsOf(line, seed);
    const RunResult result = RunSeed(run);
    std::string report = Report(run, result, line.hash);
    const auto size = static_cast<uint32_t>(report.size());
    std::string message(1, result.failures.empty() ? 'p' : 'F');
    message.append(reinterpret_cast<const char*>(&size), sizeof size);
    message += report;
    size_t done = 0;
    while (done < message.size()) {
      const ssize_t n = write(out, message.data() + done, message.size() - done);
      if (n <= 0) _exit(3);  // the parent is gone
      done += static_cast<size_t>(n);
    }
  }
}

bool ReadAll(int in, void* data, size_t size) {
  auto* at = static_cast<char*>(data);
  while (size > 0) {
    const ssize_t n = read(in, at, size);
    if (n <= 0) return false;
    at += n;
    size -= static_cast<size_t>(n);
  }
  return true;
}

class Totals {
 public:
  explicit Totals(const CommandLine& line) : line_(line) {}

  // False: no more is wanted.
  bool Take(bool passed, const std::string& report) {
    ++run_;
    if (!passed) ++failed_;
    const bool one = line_.first == line_.last;
    if (!passed || one || line_.hash) {
      if (failed_ <= 20 || one) std::fputs(report.c_str(), stdout);
    } else if (!line_.quiet && run_ % 100 == 0) {
      std::printf("%llu seeds, %llu failed, %.0f seeds/s\n", static_cast<unsigned long long>(run_),
                  static_cast<unsigned long long>(failed_), Rate());
    }
    std::fflush(stdout);
    return !(line_.until_found && failed_ > 0);
  }

  int Finish() const {
    if (line_.until_found) {
      std::printf(failed_ > 0 ? "found after %llu seeds\n" : "NOT found in %llu seeds\n",
                  static_cast<unsigned long long>(run_));
      return failed_ > 0 ? 0 : 1;
    }
    std::printf("%s: %llu seeds of profile %s, %llu failed, %.0f seeds/s\n", failed_ == 0 ? "passed" : "FAILED",
                static_cast<unsigned long long>(run_), line_.profile->name, static_cast<unsigned long long>(failed_),
                Rate());
    return failed_ == 0 && run_ == line_.last - line_.first + 1 ? 0 : 1;
  }

 private:
  double Rate() const {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin_;
    return static_cast<double>(run_) / std::max(spent.count(), 1e-9);
  }

  const CommandLine& line_;
  std::chrono::steady_clock::time_point begin_ = std::chrono::steady_clock::now();
  uint64_t run_ = 0, failed_ = 0;
};

int RunHere(const CommandLine& line) {
  Totals totals(line);
  for (uint64_t seed = line.first; seed <= line.last; ++seed) {
    const RunOptions run = OptionsOf(line, seed);
    const RunResult result = RunSeed(run);
    if (!totals.Take(result.failures.empty(), Report(run, result, line.hash))) break;
  }
  return totals.Finish();
}

int RunJobs(const CommandLine& line) {
  int pipes[2];  // one pair for each job, so that reports are never mixed
  struct Job {
    pid_t pid;
    int in;
  };
  std::vector<Job> jobs;
  for (int job = 0; job < line.jobs; ++job) {
    if (pipe(pipes) != 0) return 2;
    const pid_t pid = fork();
    if (pid < 0) return 2;
    if (pid == 0) {
      close(pipes[0]);
      for (const Job& other : jobs) close(other.in);  // or the other would not notice that nobody reads
      RunJob(line, job, pipes[1]);
      _exit(0);
    }
    close(pipes[1]);
    jobs.push_back({pid, pipes[0]});
  }
  Totals totals(line);
  bool wanted = true;
  size_t open = jobs.size();
  while (open > 0 && wanted) {
    for (Job& job : jobs) {
      if (job.in < 0 || !wanted) continue;
      char verdict = 0;
      uint32_t size = 0;
      std::string report;
      if (!ReadAll(job.in, &verdict, 1) || !ReadAll(job.in, &size, sizeof size) ||
          (report.resize(size), !ReadAll(job.in, report.data(), size))) {
        close(job.in);
        job.in = -1;
        --open;
        continue;
      }
      wanted = totals.Take(verdict == 'p', report);
    }
  }
  bool died = false;
  for (const Job& job : jobs)
    if (job.in >= 0) close(job.in);
  for (const Job& job : jobs) {
    int status = 0;
    waitpid(job.pid, &status, 0);
    if (wanted && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) died = true;
  }
  if (died) std::printf("FAILED: a job died; run the seeds with --jobs 1 to see where\n");
  return died ? 1 : totals.Finish();
}

}  // namespace
}  // namespace tidegate::sim

int main(int count, char** arguments) {
  auto line = tidegate::sim::ParseCommandLine(count, arguments);
  if (!line.ok()) {
    std::fprintf(stderr, "tidegate_sim: %s\n", line.status().message().c_str());
    return 2;
  }
  if (line->help) {
    std::fputs(tidegate::sim::HelpText().c_str(), stdout);
    return 0;
  }
  return line->jobs == 1 ? tidegate::sim::RunHere(*line) : tidegate::sim::RunJobs(*line);
}
