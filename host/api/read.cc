// Get, find and verify: reads run in the connection's thread, beside the writer.
#include <algorithm>
#include <cstdio>

#include "host/api/cursor_text.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"
#include "host/base/spelling.h"

namespace tidegate::api {
namespace {

const std::vector<std::string>& QueryNames() {
  static const std::vector<std::string> names = {"_index",  "_limit", "_cursor", "_owner", "_reverse",
                                                 "_hidden", "_one",   "_src",    "_dst"};
  return names;
}

Status Find(Call& call, replica::FindRequest& request) {
  const ApiOptions& options = call.context.options;
  if (request.limit == 0) request.limit = options.page_items;
  TG_ASSIGN_OR_RETURN(replica::FindAnswer answer, call.context.node.reader().Find(request));
  size_t bytes = 64;
  for (const std::string& item : answer.items) bytes += item.size() + 1;
  std::string json;
  json.reserve(bytes + 2 * answer.cursor.size());
  json.append("{\"items\":[");
  for (size_t i = 0; i < answer.items.size(); i++) {
    if (i > 0) json.push_back(',');
    json.append(answer.items[i]);
  }
  json.append("],\"cursor\":");
  AppendQuoted(&json, CursorToText(answer.cursor));
  json.push_back('}');
  call.exchange.SendJson(200, std::move(json));
  return Status::Ok();
}

Status Get(Call& call, const replica::FindRequest& request) {
  TG_ASSIGN_OR_RETURN(std::string item, call.context.node.reader().Get(request));
  call.exchange.SendJson(200, std::move(item));
  return Status::Ok();
}

Status Set(const JsonMember& member, uint64_t limit_max, replica::FindRequest* request) {
  const std::string& name = member.name;
  if (name == "model") {
    TG_ASSIGN_OR_RETURN(request->model, JsonToString(member.value, name));
  } else if (name == "properties") {
    if (!member.value.starts_with('{')) return Status::Invalid("properties must be a JSON object");
    request->properties = member.value;
  } else if (name == "index") {
    TG_ASSIGN_OR_RETURN(request->index, JsonToString(member.value, name));
  } else if (name == "owner") {
    TG_ASSIGN_OR_RETURN(request->owner, JsonToUnsigned(member.value, name));
    if (*request->owner > kAgentMax) return Status::Invalid("owner must be at most " + std::to_string(kAgentMax));
  } else if (name == "limit") {
    TG_ASSIGN_OR_RETURN(request->limit, JsonToUnsigned(member.value, name));
    if (request->limit > limit_max) return Status::Invalid("limit must be at most " + std::to_string(limit_max));
  } else if (name == "cursor") {
    TG_ASSIGN_OR_RETURN(std::string text, JsonToString(member.value, name));
    TG_ASSIGN_OR_RETURN(request->cursor, CursorFromText(text));
  } else if (name == "reverse") {
    TG_ASSIGN_OR_RETURN(request->reverse, JsonToBool(member.value, name));
  } else if (name == "hidden") {
    TG_ASSIGN_OR_RETURN(request->hidden, JsonToBool(member.value, name));
  } else {
    std::string nearest =
        NearestName(name, {"model", "properties", "index", "owner", "limit", "cursor", "reverse", "hidden"});
    return Status::Invalid("unknown member \"" + name + "\"" +
                           (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  }
  return Status::Ok();
}

Result<replica::FindRequest> RequestFromBody(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  replica::FindRequest request;
  for (const JsonMember& member : members) {
    TG_RETURN_IF_ERROR(Set(member, call.context.options.page_items_max, &request));
  }
  return request;
}

}  // namespace

Status GetItems(Call& call) {
  replica::FindRequest request;
  request.model = call.args[0];
  request.index = call.params.Take("_index").value_or("");
  TG_ASSIGN_OR_RETURN(request.cursor, CursorFromText(call.params.Take("_cursor").value_or("")));
  TG_ASSIGN_OR_RETURN(request.limit, call.params.TakeUnsigned("_limit", 0, call.context.options.page_items_max));
  TG_ASSIGN_OR_RETURN(request.owner, call.params.TakeAgent("_owner"));
  TG_ASSIGN_OR_RETURN(request.reverse, call.params.TakeBool("_reverse"));
  TG_ASSIGN_OR_RETURN(request.hidden, call.params.TakeBool("_hidden"));
  TG_ASSIGN_OR_RETURN(bool one, call.params.TakeBool("_one"));
  if (!call.params.left().empty()) {
    TG_ASSIGN_OR_RETURN(request.properties, call.params.FieldsToJson(QueryNames()));
  }
  return one ? Get(call, request) : Find(call, request);
}

Status PostFind(Call& call) {
  TG_ASSIGN_OR_RETURN(replica::FindRequest request, RequestFromBody(call));
  return Find(call, request);
}

Status PostGet(Call& call) {
  TG_ASSIGN_OR_RETURN(replica::FindRequest request, RequestFromBody(call));
  if (request.model.empty()) return Status::Invalid("the body must name its model");
  return Get(call, request);
}

Status GetVerify(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::vector<replica::ScopeDigest> digests, call.context.node.reader().Digests());
  ArrayWriter scopes;
  for (const replica::ScopeDigest& scope : digests) {
    char sum[17];
    std::snprintf(sum, sizeof(sum), "%016llx", static_cast<unsigned long long>(scope.sum));
    scopes.Raw(ObjectWriter()
                   .Unsigned("owner", scope.owner)
                   .Text("model", scope.model)
                   .Unsigned("items", scope.items)
                   .Unsigned("tombstones", scope.tombstones)
                   .Unsigned("count", scope.count)
                   .Text("digest", sum)
                   .Take());
  }
  call.exchange.SendJson(200, ObjectWriter().Raw("scopes", scopes.Take()).Take());
  return Status::Ok();
}

}  // namespace tidegate::api
