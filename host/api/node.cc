// What concerns the node as a whole: sync, status, conflicts, adopt, backup, health, metrics.
#include <charconv>

#include "host/api/body.h"
#include "host/api/handlers.h"
#include "host/api/http_error.h"
#include "host/api/json_text.h"
#include "host/api/link_metrics.h"
#include "host/api/node_metrics.h"
#include "host/api/patience.h"
#include "host/api/quota_metrics.h"
#include "host/api/status_json.h"

namespace tidegate::api {
namespace {

Result<uint64_t> ConflictNumber(const std::string& text) {
  uint64_t number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return Status::Invalid("'" + text + "' is no number of a conflict; GET /v1/conflicts lists them");
}

Result<node::SyncRequest> SyncFromBody(std::string_view body) {
  node::SyncRequest request;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return request;
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  for (const JsonMember& member : members) {
    if (member.name == "wait") {
      TG_ASSIGN_OR_RETURN(std::string wait, JsonToString(member.value, "wait"));
      if (wait == "none") {
        request.wait = node::SyncTarget::kNone;
      } else if (wait == "hop") {
        request.wait = node::SyncTarget::kHop;
      } else if (wait == "server") {
        request.wait = node::SyncTarget::kServer;
      } else {
        return Status::Invalid("wait must be none, hop or server, not \"" + wait + "\"");
      }
    } else if (member.name == "timeout_ms") {
      TG_ASSIGN_OR_RETURN(request.timeout_ms, TimeoutMsFrom(member));
    } else {
      return UnknownMember(member, {"wait", "timeout_ms"});
    }
  }
  return request;
}

}  // namespace

Status PostSync(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(node::SyncRequest request, SyncFromBody(body));
  Answer<node::SyncAnswer> waiting;
  call.context.node.Sync(request, waiting.Callback());
  TG_ASSIGN_OR_RETURN(node::SyncAnswer answer, AwaitPatiently(call.exchange, waiting));
  if (answer.status.code() == Code::kTimeout) {
    // With what is known so far.
    std::string so_far = SyncToJson(answer);
    call.exchange.SendJson(HttpStatus(Code::kTimeout),
                           "{\"error\":" + ErrorToJson(answer.status) + "," + so_far.substr(1));
    return Status::Ok();
  }
  TG_RETURN_IF_ERROR(answer.status);
  bool waited = request.wait != node::SyncTarget::kNone;
  call.exchange.SendJson(200, waited ? SyncToJson(answer) : ObjectWriter().Unsigned("pending_changes", 0).Take());
  return Status::Ok();
}

Status GetStatus(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  call.exchange.SendJson(200, StatusToJson(call.context.node.GetStatus()));
  return Status::Ok();
}

Status GetConflicts(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::vector<node::ConflictEntry> entries, call.context.node.Conflicts());
  ArrayWriter list;
  for (const node::ConflictEntry& entry : entries) list.Raw(ConflictToJson(entry));
  call.exchange.SendJson(200, ObjectWriter().Raw("entries", list.Take()).Take());
  return Status::Ok();
}

Status GetConflict(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(uint64_t number, ConflictNumber(call.args[0]));
  TG_ASSIGN_OR_RETURN(node::ConflictEntry entry, call.context.node.Conflict(number));
  call.exchange.SendJson(200, ConflictToJson(entry));
  return Status::Ok();
}

Status PostConflictRestore(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_RETURN_IF_ERROR(NoBody(call.exchange));
  TG_ASSIGN_OR_RETURN(uint64_t number, ConflictNumber(call.args[0]));
  TG_RETURN_IF_ERROR(call.context.node.RestoreConflict(number));
  call.exchange.SendJson(200, ObjectWriter().Unsigned("restored", number).Take());
  return Status::Ok();
}

Status GetCommands(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(node::CommandList list, call.context.node.Commands(call.args[0]));
  ArrayWriter commands;
  for (const node::DueCommand& due : list.commands) {
    commands.Raw(ObjectWriter()
                     .Raw("item", due.item)
                     .Text("answer_model", due.answer_model)
                     .Raw("answer_key", due.answer_key)
                     .Take());
  }
  ObjectWriter answer;
  answer.Raw("commands", commands.Take());
  ArrayWriter lacks;
  for (const std::string& field : list.answer_lacks) lacks.Raw(Quoted(field));
  if (!list.answer_lacks.empty()) answer.Text("answer_model", list.answer_model).Raw("answer_lacks", lacks.Take());
  if (!list.waits_for.empty()) answer.Text("waits_for", list.waits_for);
  call.exchange.SendJson(200, answer.Take());
  return Status::Ok();
}

Status PostAdopt(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_RETURN_IF_ERROR(NoBody(call.exchange));
  TG_ASSIGN_OR_RETURN(AgentId agent, ParseAgent(call.args[0]));
  TG_RETURN_IF_ERROR(call.context.node.Adopt(agent));
  call.exchange.SendJson(200, ObjectWriter().Unsigned("adopted", agent).Take());
  return Status::Ok();
}

Status PostLevel(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  if (members.size() != 1 || members[0].name != "level")
    return Status::Invalid("the body must be {\"level\":30}, or {\"level\":null} for the configured one");
  uint64_t level = 0;
  if (members[0].value != "null") {
    TG_ASSIGN_OR_RETURN(level, JsonToUnsigned(members[0].value, "level"));
    if (level == 0 || level > 65535) return Status::Invalid("level must be 2 to 65534");
  }
  TG_RETURN_IF_ERROR(call.context.node.SetLevel(static_cast<uint32_t>(level)));
  call.exchange.SendJson(200, ObjectWriter().Unsigned("level", call.context.node.GetStatus().level).Take());
  return Status::Ok();
}

Status PostBackup(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  if (members.size() != 1 || members[0].name != "path") {
    return Status::Invalid("the body must be {\"path\":\"/absolute/path\"} and nothing else");
  }
  TG_ASSIGN_OR_RETURN(std::string path, JsonToString(members[0].value, "path"));
  if (!path.starts_with('/') || path.find('\0') != std::string::npos) {
    return Status::Invalid("path must be absolute: the daemon writes it, from its own directory");
  }
  TG_RETURN_IF_ERROR(call.context.node.Backup(path));
  call.exchange.SendJson(200, ObjectWriter().Text("path", path).Take());
  return Status::Ok();
}

Status GetHealth(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  node::NodeStatus status = call.context.node.GetStatus();
  ArrayWriter problems;
  for (const std::string& problem : status.problems) problems.Raw(Quoted(problem));
  call.exchange.SendJson(status.healthy ? 200 : 503,
                         ObjectWriter().Bool("healthy", status.healthy).Raw("problems", problems.Take()).Take());
  return Status::Ok();
}

Status GetMetrics(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  const node::NodeStatus status = call.context.node.GetStatus();
  std::string text =
      call.context.node.MetricsText() + NodeMetricsText(status) + LinkMetricsText(status) + QuotaMetricsText(status);
  call.exchange.SendText(200, "text/plain; version=0.0.4; charset=utf-8", std::move(text));
  return Status::Ok();
}

}  // namespace tidegate::api
