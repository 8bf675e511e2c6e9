// What a restored server does not know any more.
#include "host/api/body.h"
#include "host/api/exchange.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"

namespace tidegate::api {
namespace {

const char* BelowName(wire::GoneBelow below) {
  switch (below) {
    case wire::GoneBelow::kNewer:
      return "newer";
    case wire::GoneBelow::kDeleted:
      return "deleted";
    default:
      return "only";
  }
}

}  // namespace

Status GetLosses(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::vector<node::LossEntry> entries, call.context.node.Losses());
  ArrayWriter list;
  for (const node::LossEntry& entry : entries) {
    ObjectWriter one;
    one.Text("kind", entry.is_item ? "item" : "feed").Unsigned("agent", entry.agent);
    if (entry.is_item) {
      one.Text("model", entry.model).Unsigned("owner", entry.owner).Text("pk", entry.pk).Text("sk", entry.sk);
    } else if (!entry.lane.empty()) {
      one.Text("lane", entry.lane);
    }
    one.Signed("from_unix_ms", entry.from_unix_ms)
        .Signed("to_unix_ms", entry.to_unix_ms)
        .Signed("since_unix_ms", entry.since_unix_ms);
    if (entry.is_item) one.Text("below", BelowName(entry.below));
    list.Raw(one.Take());
  }
  call.exchange.SendJson(200, ObjectWriter()
                                  .Signed("restored_unix_ms", call.context.node.GetStatus().restored_unix_ms)
                                  .Raw("entries", list.Take())
                                  .Take());
  return Status::Ok();
}

Status PostLossesConfirm(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_RETURN_IF_ERROR(NoBody(call.exchange));
  TG_RETURN_IF_ERROR(call.context.node.ConfirmLosses());
  call.exchange.SendJson(200, ObjectWriter().Bool("confirmed", true).Take());
  return Status::Ok();
}

}  // namespace tidegate::api
