#include "host/api/write_request.h"

#include <string>
#include <vector>

#include "host/api/json_text.h"
#include "host/base/spelling.h"

namespace tidegate::api {

Result<replica::WriteMode> ParseMode(std::string_view text, bool remove_allowed) {
  if (text == "create") return replica::WriteMode::kCreate;
  if (text == "update") return replica::WriteMode::kUpdate;
  if (text == "upsert") return replica::WriteMode::kUpsert;
  if (text == "remove" && remove_allowed) return replica::WriteMode::kRemove;
  return Status::Invalid("mode must be create, update" +
                         std::string(remove_allowed ? ", upsert or remove" : " or upsert") + ", not \"" +
                         std::string(text) + "\"");
}

namespace {

Result<AgentId> Agent(std::string_view json, std::string_view name) {
  TG_ASSIGN_OR_RETURN(uint64_t number, JsonToUnsigned(json, name));
  if (number > kAgentMax) return Status::Invalid(std::string(name) + " must be at most " + std::to_string(kAgentMax));
  return number;
}

Status Set(const JsonMember& member, replica::Write* write) {
  if (member.name == "mode") {
    TG_ASSIGN_OR_RETURN(std::string mode, JsonToString(member.value, "mode"));
    TG_ASSIGN_OR_RETURN(write->mode, ParseMode(mode, true));
  } else if (member.name == "model") {
    TG_ASSIGN_OR_RETURN(write->model, JsonToString(member.value, "model"));
  } else if (member.name == "properties") {
    if (!member.value.starts_with('{')) return Status::Invalid("properties must be a JSON object");
    write->properties = member.value;
  } else if (member.name == "owner") {
    TG_ASSIGN_OR_RETURN(write->owner, Agent(member.value, "owner"));
  } else if (member.name == "to") {
    TG_ASSIGN_OR_RETURN(write->to, Agent(member.value, "to"));
  } else {
    std::string nearest = NearestName(member.name, {"mode", "model", "properties", "owner", "to"});
    return Status::Invalid("unknown member \"" + member.name + "\"" +
                           (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
  }
  return Status::Ok();
}

}  // namespace

Result<replica::Write> WriteFromJson(std::string_view json, const std::string& what) {
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(json, what));
  replica::Write write;
  for (const JsonMember& member : members) {
    Status status = Set(member, &write);
    if (!status.ok()) return status.At(what);
  }
  if (write.model.empty()) return Status::Invalid(what + " must name its model");
  if (write.properties.empty()) return Status::Invalid(what + " must have properties");
  return write;
}

}  // namespace tidegate::api
