#include "host/api/body.h"

#include "host/base/spelling.h"

namespace tidegate::api {
namespace {

constexpr int64_t kTimeoutMsMax = 24ll * 3600 * 1000;

}  // namespace

Result<int64_t> TimeoutMsFrom(const JsonMember& member) {
  TG_ASSIGN_OR_RETURN(uint64_t timeout, JsonToUnsigned(member.value, "timeout_ms"));
  if (timeout > kTimeoutMsMax) return Status::Invalid("timeout_ms must be at most " + std::to_string(kTimeoutMsMax));
  return static_cast<int64_t>(timeout);
}

Status UnknownMember(const JsonMember& member, const std::vector<std::string>& known) {
  std::string nearest = NearestName(member.name, known);
  return Status::Invalid("unknown member \"" + member.name + "\"" +
                         (nearest.empty() ? "" : "; did you mean \"" + nearest + "\"?"));
}

Status NoBody(Exchange& exchange) {
  TG_ASSIGN_OR_RETURN(std::string body, exchange.ReadBody());
  if (body.find_first_not_of(" \t\r\n") == std::string::npos) return {};
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  return members.empty() ? Status() : UnknownMember(members[0], {});
}

}  // namespace tidegate::api
