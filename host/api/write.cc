// Single writes and transactions; writes by the line are in bulk.cc.
#include "host/api/answer.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"
#include "host/api/write_request.h"

namespace tidegate::api {
namespace {

replica::WriteAnswer SubmitAndWait(Call& call, replica::Transaction transaction) {
  Answer<replica::WriteAnswer> answer;
  call.context.node.Submit(std::move(transaction), answer.Callback());
  return answer.Wait();
}

}  // namespace

Status PostItems(Call& call) {
  replica::Write write;
  write.model = call.args[0];
  TG_ASSIGN_OR_RETURN(write.mode, ParseMode(call.params.Take("mode").value_or("upsert"), false));
  TG_ASSIGN_OR_RETURN(write.owner, call.params.TakeAgent("owner"));
  TG_ASSIGN_OR_RETURN(write.to, call.params.TakeAgent("to"));
  std::optional<std::string> wanted = call.params.Take("return");
  if (wanted && *wanted != "items" && *wanted != "count") {
    return Status::Invalid("return must be items or count, not \"" + *wanted + "\"");
  }
  TG_RETURN_IF_ERROR(call.params.Done({"mode", "owner", "to", "return"}));

  if (call.exchange.content_type() == "application/x-ndjson") {
    return PostLines(call, std::move(write), wanted == "items");
  }
  TG_ASSIGN_OR_RETURN(write.properties, call.exchange.ReadBody());
  bool create = write.mode == replica::WriteMode::kCreate;
  replica::Transaction transaction;
  transaction.push_back(std::move(write));
  replica::WriteAnswer answer = SubmitAndWait(call, std::move(transaction));
  TG_RETURN_IF_ERROR(answer.status);
  if (answer.written.size() != 1) return Status::Internal("the node answered a write without its item");
  call.exchange.SendJson(create ? 201 : 200, std::move(answer.written[0].item));
  return Status::Ok();
}

Status DeleteItem(Call& call) {
  replica::Write write;
  write.mode = replica::WriteMode::kRemove;
  write.model = call.args[0];
  TG_ASSIGN_OR_RETURN(write.owner, call.params.TakeAgent("_owner"));
  TG_ASSIGN_OR_RETURN(write.properties, call.params.FieldsToJson({"_owner"}));
  replica::Transaction transaction;
  transaction.push_back(std::move(write));
  replica::WriteAnswer answer = SubmitAndWait(call, std::move(transaction));
  TG_RETURN_IF_ERROR(answer.status);
  if (answer.written.size() != 1 || answer.written[0].item.empty())
    return Status::Internal("the node answered a remove without its item");
  call.exchange.SendJson(
      200, ObjectWriter().Unsigned("seq", answer.written[0].seq).Raw("removed", answer.written[0].item).Take());
  return Status::Ok();
}

Status PostTransaction(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  if (members.size() != 1 || members[0].name != "writes") {
    return Status::Invalid("the body must be {\"writes\":[...]} and nothing else");
  }
  TG_ASSIGN_OR_RETURN(std::vector<std::string_view> writes, SplitArray(members[0].value, "writes"));
  if (writes.empty()) return Status::Invalid("writes must have at least one write");
  replica::Transaction transaction;
  for (size_t i = 0; i < writes.size(); i++) {
    TG_ASSIGN_OR_RETURN(replica::Write write, WriteFromJson(writes[i], "writes[" + std::to_string(i) + "]"));
    transaction.push_back(std::move(write));
  }
  replica::WriteAnswer answer = SubmitAndWait(call, std::move(transaction));
  if (!answer.status.ok() && writes.size() == 1) return answer.status;
  if (!answer.status.ok()) return answer.status.At("writes[" + std::to_string(answer.failed_at) + "]");
  ArrayWriter items;
  ArrayWriter seqs;
  for (const replica::Written& written : answer.written) {
    items.Raw(written.item.empty() ? "{}" : written.item);
    seqs.Raw(std::to_string(written.seq));
  }
  call.exchange.SendJson(200, ObjectWriter().Raw("items", items.Take()).Raw("seqs", seqs.Take()).Take());
  return Status::Ok();
}

}  // namespace tidegate::api
