#include "host/cli/daemon.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "host/base/ids.h"
#include "host/config/config.h"

namespace tidegate::cli {

Result<std::string> SocketPath(const Arguments& arguments) {
  if (arguments.Has("--api")) return arguments.Get("--api");
  const char* environment = std::getenv("TIDEGATE_API");
  if (environment != nullptr && *environment != '\0') return std::string(environment);
  if (arguments.Has("--config")) return LoadApiSocket(arguments.Get("--config"));
  return std::string("/run/tidegate/api.sock");
}

Result<HttpClient> ConnectToDaemon(const Arguments& arguments) {
  TG_ASSIGN_OR_RETURN(std::string path, SocketPath(arguments));
  return HttpClient::Connect(path);
}

namespace {

Code CodeOf(const std::string& name) {
  for (Code code : {Code::kInvalid, Code::kNotFound, Code::kConflict, Code::kRefused, Code::kUnavailable, Code::kFull,
                    Code::kIo, Code::kCorrupt, Code::kTimeout, Code::kUnsupported}) {
    if (name == CodeName(code)) return code;
  }
  return Code::kInternal;
}

bool errors_in_json = false;

void SayOnStdout(const Status& status, const Json& rest) {
  if (!errors_in_json) return;
  Json json;
  json["error"] = {{"code", CodeName(status.code())}, {"message", status.message()}};
  if (rest.is_object()) {
    for (const auto& [name, value] : rest.items()) {
      if (name != "error") json[name] = value;
    }
  }
  PrintJson(json);
}

}  // namespace

void SayErrorsInJson() { errors_in_json = true; }

Result<Json> ParseAnswer(const HttpAnswer& answer, Json* failed) {
  Json json = Json::parse(answer.body, nullptr, false);
  if (json.is_discarded()) return Status::Corrupt("the daemon's answer is no JSON; are the versions the same?");
  if (answer.status < 400) return json;
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) {
    if (json.is_object()) return json;  // health and the like: a status with a body of its own
    return Status::Internal("the daemon answered " + std::to_string(answer.status));
  }
  if (failed != nullptr) *failed = json;
  return Status(CodeOf(Text(json["error"], "code")), Text(json["error"], "message"));
}

Result<Json> AskOn(HttpClient& client, std::string_view method, const std::string& target, const std::string& body) {
  TG_RETURN_IF_ERROR(client.Send(method, target, body));
  TG_ASSIGN_OR_RETURN(HttpAnswer answer, client.Receive());
  return ParseAnswer(answer);
}

Result<Json> Ask(const Arguments& arguments, std::string_view method, const std::string& target,
                 const std::string& body, Json* failed) {
  TG_ASSIGN_OR_RETURN(HttpClient client, ConnectToDaemon(arguments));
  TG_RETURN_IF_ERROR(client.Send(method, target, body));
  TG_ASSIGN_OR_RETURN(HttpAnswer answer, client.Receive());
  return ParseAnswer(answer, failed);
}

int Fail(const Status& status, const Json& rest) {
  SayOnStdout(status, rest);
  std::fflush(stdout);
  std::fprintf(stderr, "tidegate: %s\n", status.message().c_str());
  switch (status.code()) {
    case Code::kUnavailable:
      return kExitUnreachable;
    case Code::kNotFound:
      return kExitNotFound;
    case Code::kTimeout:
      return kExitTimeout;
    default:
      return kExitFailed;
  }
}

int FailUsage(const Status& status) {
  SayOnStdout(status, {});
  std::fflush(stdout);
  std::fprintf(stderr, "tidegate: %s\n", status.message().c_str());
  return kExitUsage;
}

std::string ToText(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

void PrintJson(const Json& json) { std::printf("%s\n", ToText(json).c_str()); }

Result<std::string> AgentWord(const std::string& word, const std::vector<std::string>& words) {
  if (std::find(words.begin(), words.end(), word) != words.end()) return word;
  Result<AgentId> agent = ParseAgent(word);
  if (agent.ok()) return std::to_string(*agent);
  std::string known;
  for (const std::string& one : words) known += (&one == &words.back() ? " or " : ", ") + one;
  return Status::Invalid("\"" + word + "\" is no agent: write its number" + known);
}

uint64_t Number(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_number_unsigned() ? found->get<uint64_t>() : 0;
}

std::string Text(const Json& object, const char* name) {
  auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace tidegate::cli
