#include "host/api/routes.h"

#include "host/api/handlers.h"
#include "host/base/spelling.h"

namespace tidegate::api {
namespace {

struct Entry {
  const char* method;
  const char* path;
  Status (*handler)(Call&);
};

constexpr Entry kRoutes[] = {
    {"POST", "/v1/items/{}", PostItems},
    {"GET", "/v1/items/{}", GetItems},
    {"DELETE", "/v1/items/{}", DeleteItem},
    {"POST", "/v1/get", PostGet},
    {"POST", "/v1/find", PostFind},
    {"POST", "/v1/transactions", PostTransaction},
    {"GET", "/v1/watch", GetWatch},
    {"POST", "/v1/sync", PostSync},
    {"GET", "/v1/status", GetStatus},
    {"GET", "/v1/verify", GetVerify},
    {"GET", "/v1/quarantine", GetQuarantine},
    {"POST", "/v1/quarantine/retry", PostQuarantineRetry},
    {"POST", "/v1/quarantine/drop", PostQuarantineDrop},
    {"GET", "/v1/quarantine/{}", GetQuarantined},
    {"GET", "/v1/conflicts", GetConflicts},
    {"GET", "/v1/conflicts/{}", GetConflict},
    {"POST", "/v1/conflicts/{}/restore", PostConflictRestore},
    {"GET", "/v1/commands/{}", GetCommands},
    {"POST", "/v1/agents/{}/adopt", PostAdopt},
    {"GET", "/v1/losses", GetLosses},
    {"POST", "/v1/losses/confirm", PostLossesConfirm},
    {"GET", "/v1/links", GetLinks},
    {"POST", "/v1/links/{}/on", PostLinkOn},
    {"POST", "/v1/links/{}/off", PostLinkOff},
    {"POST", "/v1/links/{}/sync", PostLinkSync},
    {"POST", "/v1/links/{}/verify", PostLinkVerify},
    {"POST", "/v1/clear", PostClear},
    {"POST", "/v1/level", PostLevel},
    {"POST", "/v1/backup", PostBackup},
    {"GET", "/v1/health", GetHealth},
    {"GET", "/metrics", GetMetrics},
};

std::vector<std::string> Segments(std::string_view path) {
  std::vector<std::string> segments;
  while (!path.empty()) {
    path.remove_prefix(1);
    size_t end = path.find('/');
    segments.emplace_back(path.substr(0, end));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end);
  }
  return segments;
}

bool Matches(const std::vector<std::string>& pattern, const std::vector<std::string>& segments,
             std::vector<std::string>* args) {
  if (pattern.size() != segments.size()) return false;
  args->clear();
  for (size_t i = 0; i < pattern.size(); i++) {
    if (pattern[i] == "{}") {
      args->push_back(segments[i]);
    } else if (pattern[i] != segments[i]) {
      return false;
    }
  }
  return true;
}

std::string Shown(std::string path) {
  if (size_t at = path.find("{}"); at != std::string::npos) {
    path.replace(
        at, 2,
        path.find("/items/") != std::string::npos || path.find("/commands/") != std::string::npos ? "{model}" : "{id}");
  }
  return path;
}

Status UnknownPath(const std::vector<std::string>& segments) {
  std::string asked;
  for (const std::string& segment : segments) asked += "/" + segment;
  std::vector<std::string> known;
  for (const Entry& entry : kRoutes) {
    std::string candidate = entry.path;
    // An argument is no spelling mistake: compare without it.
    std::vector<std::string> pattern = Segments(entry.path);
    if (pattern.size() == segments.size()) {
      candidate.clear();
      for (size_t i = 0; i < pattern.size(); i++) candidate += "/" + (pattern[i] == "{}" ? segments[i] : pattern[i]);
    }
    known.push_back(candidate);
  }
  std::string nearest = NearestName(asked, known);
  if (asked.empty()) asked = "/";
  std::string message = "nothing is at " + asked + "; every path begins with /v1/, such as /v1/status";
  for (size_t i = 0; i < known.size(); i++) {
    if (known[i] != nearest) continue;
    message = "nothing is at " + asked + "; did you mean " + Shown(kRoutes[i].path) + "?";
    break;
  }
  return Status::NotFound(message);
}

}  // namespace

void Route(Context& context, Exchange& exchange) {
  Result<Target> target = Target::Parse(exchange.uri());
  if (!target.ok()) return exchange.SendError(target.status());
  std::string allowed;
  std::vector<std::string> args;
  for (const Entry& entry : kRoutes) {
    if (!Matches(Segments(entry.path), target->segments, &args)) continue;
    if (exchange.method() != entry.method) {
      allowed += (allowed.empty() ? "" : ", ") + std::string(entry.method);
      continue;
    }
    Call call{context, exchange, std::move(target->params), std::move(args)};
    Status status = entry.handler(call);
    if (!status.ok()) exchange.SendError(status);
    return;
  }
  if (!allowed.empty()) {
    return exchange.SendError(Status::Invalid(exchange.method() + " is not possible here; " + allowed + " is"), 405);
  }
  exchange.SendError(UnknownPath(target->segments));
}

}  // namespace tidegate::api
