// tidegate put: one item, or many by the line.
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <optional>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

using Steady = std::chrono::steady_clock;

constexpr size_t kRequestLines = 1'000;
constexpr size_t kRequestBytes = 4u << 20;
constexpr uint64_t kFailuresShown = 20;

double Seconds(Steady::time_point since) { return std::chrono::duration<double>(Steady::now() - since).count(); }

Result<std::string> Target(const Arguments& arguments) {
  std::string mode = arguments.Get("--mode", "upsert");
  if (mode != "create" && mode != "update" && mode != "upsert") {
    return Status::Invalid("--mode must be create, update or upsert, not \"" + mode + "\"");
  }
  std::string target = "/v1/items/" + PercentEncode(arguments.words()[0]) + "?mode=" + mode;
  Json agents;
  TG_RETURN_IF_ERROR(SetAgent(arguments, "--owner", "owner", &agents));
  TG_RETURN_IF_ERROR(SetAgent(arguments, "--to", "to", &agents));
  for (const auto& [name, agent] : agents.items()) target += "&" + name + "=" + agent.dump();
  return target;
}

// Sends requests of many lines over two connections in turn: while the daemon commits one, it reads the
// other.
class LineSender {
 public:
  LineSender(const Arguments& arguments, std::string target)
      : arguments_(arguments), target_(std::move(target)), progress_(arguments.Has("--progress")) {
    if (isatty(STDERR_FILENO) == 1) progress_ = true;
  }

  Status Run() {
    for (auto& lane : lanes_) {
      TG_ASSIGN_OR_RETURN(HttpClient client, ConnectToDaemon(arguments_));
      lane.client.emplace(std::move(client));
    }
    std::string body;
    size_t lines = 0;
    static char part[64 << 10];
    while (true) {
      ssize_t got = read(STDIN_FILENO, part, sizeof(part));
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) return Status::Io(std::string("cannot read stdin: ") + std::strerror(errno));
      if (got == 0) break;
      std::string_view left(part, static_cast<size_t>(got));
      while (!left.empty()) {
        size_t end = left.find('\n');
        bool whole = end != std::string_view::npos;
        body.append(left.substr(0, whole ? end + 1 : left.size()));
        left.remove_prefix(whole ? end + 1 : left.size());
        if (!whole) break;
        if (++lines >= kRequestLines || body.size() >= kRequestBytes) TG_RETURN_IF_ERROR(Send(&body, &lines));
      }
    }
    if (!body.empty()) {
      lines++;
      TG_RETURN_IF_ERROR(Send(&body, &lines));
    }
    for (size_t i = 0; i < lanes_.size(); i++) TG_RETURN_IF_ERROR(Receive(lanes_[(next_ + i) % lanes_.size()]));
    return Status::Ok();
  }

  int Report(const Status& status) const {
    if (shown_) std::fprintf(stderr, "\n");
    if (status.code() == Code::kUnavailable && sent_lines_ == 0) return Fail(status);
    double seconds = Seconds(start_);
    double rate = seconds > 0 ? static_cast<double>(written_) / seconds : 0;
    if (failed_ > kFailuresShown) {
      std::fprintf(stderr, "tidegate: ... and %s more\n", Count(failed_ - kFailuresShown).c_str());
    }
    if (arguments_.json()) {
      PrintJson({{"written", written_}, {"failed", failed_}, {"seconds", seconds}, {"items_per_s", rate}});
    } else {
      std::printf("written %s, failed %s, %.2f s, %s items/s\n", Count(written_).c_str(), Count(failed_).c_str(),
                  seconds, Count(static_cast<uint64_t>(rate)).c_str());
    }
    if (!status.ok()) return Fail(status);
    return failed_ == 0 ? kExitOk : kExitFailed;
  }

 private:
  struct Lane {
    std::optional<HttpClient> client;
    bool waiting = false;
    uint64_t first_line = 0;
  };

  Status Send(std::string* body, size_t* lines) {
    Lane& lane = lanes_[next_];
    next_ = (next_ + 1) % lanes_.size();
    TG_RETURN_IF_ERROR(Receive(lane));
    TG_RETURN_IF_ERROR(lane.client->Send("POST", target_, *body, "application/x-ndjson"));
    lane.waiting = true;
    lane.first_line = sent_lines_;
    sent_lines_ += *lines;
    body->clear();
    *lines = 0;
    return Status::Ok();
  }

  Status Receive(Lane& lane) {
    if (!lane.waiting) return Status::Ok();
    lane.waiting = false;
    TG_ASSIGN_OR_RETURN(HttpAnswer answer, lane.client->Receive());
    TG_ASSIGN_OR_RETURN(Json json, ParseAnswer(answer));
    written_ += Number(json, "written");
    uint64_t listed = 0;
    for (const Json& failure : json.value("failed", Json::array())) {
      listed++;
      if (failed_ + listed > kFailuresShown) break;
      std::fprintf(stderr, "%stidegate: line %llu: %s\n", shown_ ? "\n" : "",
                   static_cast<unsigned long long>(lane.first_line + Number(failure, "line")),
                   Text(failure.value("error", Json::object()), "message").c_str());
    }
    failed_ += Number(json, "failed_count");
    Progress();
    return Status::Ok();
  }

  void Progress() {
    if (!progress_ || Seconds(start_) < 2 || (shown_ && Seconds(last_shown_) < 0.5)) return;
    shown_ = true;
    last_shown_ = Steady::now();
    std::fprintf(stderr, "\rwritten %s, failed %s, %s items/s   ", Count(written_).c_str(), Count(failed_).c_str(),
                 Count(static_cast<uint64_t>(static_cast<double>(written_) / Seconds(start_))).c_str());
  }

  const Arguments& arguments_;
  const std::string target_;
  bool progress_;
  std::array<Lane, 2> lanes_;
  size_t next_ = 0;
  uint64_t sent_lines_ = 0;
  uint64_t written_ = 0;
  uint64_t failed_ = 0;
  Steady::time_point start_ = Steady::now();
  Steady::time_point last_shown_;
  bool shown_ = false;
};

int Put(const Arguments& arguments) {
  Result<std::string> target = Target(arguments);
  if (!target.ok()) return FailUsage(target.status());
  if (arguments.words().size() == 2 && arguments.words()[1] == "-") {
    LineSender sender(arguments, *target);
    return sender.Report(sender.Run());
  }
  std::string body;
  if (arguments.words().size() == 2 && arguments.words()[1].starts_with("{")) {
    body = arguments.words()[1];  // as it is: the daemon reads it
  } else {
    Result<Json> fields = FieldsToJson(arguments.words(), 1);
    if (!fields.ok()) return FailUsage(fields.status());
    body = ToText(*fields);
  }
  Result<Json> item = Ask(arguments, "POST", *target, body);
  if (!item.ok()) return Fail(item.status());
  PrintJson(*item);
  return kExitOk;
}

}  // namespace

Command PutCommand() {
  return {"put",
          "MODEL {FIELD=VALUE ... | JSON | -}",
          "writes an item, or with - one for each line of stdin",
          {{"--mode", "MODE", "create (must be new), update (must exist; merges) or upsert (default)"},
           {"--to", "AGENT", "addressee of a down item written at the server; 0 = all"},
           {"--owner", "AGENT", "whose item it is, if not found by itself"},
           {"--progress", "", "with -: show progress on stderr also if that is no terminal"}},
          "FIELD=VALUE gives a text, which the daemon converts to the type of the field; FIELD:=JSON gives\n"
          "any JSON value. The answer is the item as it is stored. With - lines are independent of each\n"
          "other: the failed ones are named on stderr, the rest is written, and the exit code is 1.\n\n"
          "examples:\n"
          "  tidegate put Reading id=7 value=20.5 tags:='[\"roof\"]'\n"
          "  tidegate put Reading '{\"id\":7,\"value\":20.5}' --mode create\n"
          "  zcat readings.ndjson.gz | tidegate put Reading -\n",
          1,
          1000,
          Put};
}

}  // namespace tidegate::cli
