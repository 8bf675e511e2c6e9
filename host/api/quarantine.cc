// The quarantine: what was refused, shown, tried again, dropped.
#include "host/api/body.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"
#include "host/api/patience.h"
#include "host/api/status_json.h"

namespace tidegate::api {
namespace {

// {"id":"..."}, {"model":"..."} or {"all":true}: said, so that no slip of the pen means all.
Result<node::QuarantineRequest> RequestFrom(std::string_view body, node::QuarantineAction action) {
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  node::QuarantineRequest request;
  request.action = action;
  bool all = false;
  for (const JsonMember& member : members) {
    if (member.name == "id") {
      TG_ASSIGN_OR_RETURN(request.id, JsonToString(member.value, "id"));
    } else if (member.name == "model") {
      TG_ASSIGN_OR_RETURN(request.model, JsonToString(member.value, "model"));
    } else if (member.name == "all") {
      if (member.value != "true") return Status::Invalid("all must be true, or left out");
      all = true;
    } else {
      return UnknownMember(member, {"id", "model", "all"});
    }
  }
  if ((request.id.empty() ? 0 : 1) + (request.model.empty() ? 0 : 1) + (all ? 1 : 0) != 1)
    return Status::Invalid("the body must be {\"id\":\"...\"}, {\"model\":\"...\"} or {\"all\":true}");
  return request;
}

Status Act(Call& call, node::QuarantineAction action) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(node::QuarantineRequest request, RequestFrom(body, action));
  Answer<node::QuarantineAnswer> waiting;
  call.context.node.ActOnQuarantine(request, waiting.Callback());
  TG_ASSIGN_OR_RETURN(node::QuarantineAnswer answer, AwaitPatiently(call.exchange, waiting));
  TG_RETURN_IF_ERROR(answer.status);
  if (!request.id.empty() && answer.done == 0 && !answer.failed.empty())
    return Status::Conflict(answer.failed[0].reason);
  ArrayWriter failed;
  for (const node::QuarantineAnswer::Failure& failure : answer.failed)
    failed.Raw(ObjectWriter().Text("id", failure.id).Text("reason", failure.reason).Take());
  call.exchange.SendJson(200,
                         ObjectWriter()
                             .Unsigned(action == node::QuarantineAction::kRetry ? "retried" : "dropped", answer.done)
                             .Unsigned("failed_count", answer.failed_count)
                             .Raw("failed", failed.Take())
                             .Take());
  return Status::Ok();
}

}  // namespace

Status GetQuarantine(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::vector<node::QuarantineEntry> entries, call.context.node.Quarantine());
  ArrayWriter list;
  for (const node::QuarantineEntry& entry : entries) list.Raw(QuarantineToJson(entry));
  call.exchange.SendJson(200, ObjectWriter().Raw("entries", list.Take()).Take());
  return Status::Ok();
}

Status GetQuarantined(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(node::QuarantineEntry entry, call.context.node.Quarantined(call.args[0]));
  call.exchange.SendJson(200, QuarantineToJson(entry));
  return Status::Ok();
}

Status PostQuarantineRetry(Call& call) { return Act(call, node::QuarantineAction::kRetry); }
Status PostQuarantineDrop(Call& call) { return Act(call, node::QuarantineAction::kDrop); }

}  // namespace tidegate::api
