// The links: the live list, switching, moving on demand, clearing what has arrived.
#include "host/api/body.h"
#include "host/api/handlers.h"
#include "host/api/json_text.h"
#include "host/api/patience.h"
#include "host/api/status_json.h"

namespace tidegate::api {
namespace {

// A number, `parent`, `self` or, for several, `all`.
Result<AgentId> AgentOf(Call& call, const std::string& text) {
  if (text == "all") return kAgentAll;
  if (text == "self") return call.context.node.GetStatus().agent;
  if (text != "parent") {
    TG_ASSIGN_OR_RETURN(AgentId agent, ParseAgent(text));
    if (agent == kAgentAll) return Status::Invalid("agent 0 is no neighbour; write all for all of them");
    return agent;
  }
  for (const node::LinkStatus& link : call.context.node.GetStatus().links) {
    if (link.is_parent && link.agent != 0) return link.agent;
  }
  return Status::NotFound("this node has no parent that it has ever been connected with");
}

Result<node::LinkSyncRequest> RequestFromBody(std::string_view body) {
  node::LinkSyncRequest request;
  request.pull = true;
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) return request;
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  const std::vector<std::pair<std::string, bool*>> flags = {{"push", &request.push},
                                                            {"pull", &request.pull},
                                                            {"subtree", &request.subtree},
                                                            {"compare", &request.compare},
                                                            {"wait", &request.wait}};
  for (const JsonMember& member : members) {
    bool* flag = nullptr;
    for (const auto& [name, value] : flags) {
      if (name == member.name) flag = value;
    }
    if (flag != nullptr) {
      TG_ASSIGN_OR_RETURN(*flag, JsonToBool(member.value, member.name));
    } else if (member.name == "timeout_ms") {
      TG_ASSIGN_OR_RETURN(request.timeout_ms, TimeoutMsFrom(member));
    } else {
      return UnknownMember(member, {"push", "pull", "subtree", "compare", "wait", "timeout_ms"});
    }
  }
  if (!request.push && !request.pull && !request.compare)
    return Status::Invalid("nothing to do: one of push, pull and compare must be true");
  return request;
}

// The neighbours that a word means; `all` is the node as a whole.
Result<std::vector<AgentId>> SwitchedBy(Call& call, const std::string& text) {
  if (text != "children") {
    TG_ASSIGN_OR_RETURN(AgentId agent, AgentOf(call, text));
    return std::vector<AgentId>{agent};
  }
  std::vector<AgentId> children;
  for (const node::LinkStatus& link : call.context.node.GetStatus().links) {
    if (!link.is_parent && link.agent != 0) children.push_back(link.agent);
  }
  return children;
}

Status Switch(Call& call, bool on) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_RETURN_IF_ERROR(NoBody(call.exchange));
  TG_ASSIGN_OR_RETURN(std::vector<AgentId> agents, SwitchedBy(call, call.args[0]));
  for (AgentId agent : agents) TG_RETURN_IF_ERROR(call.context.node.SwitchLink(agent, on));
  if (agents == std::vector<AgentId>{kAgentAll}) {
    // The node's: whom it concerns of those that are known; one that is off by itself stays off.
    agents.clear();
    for (const node::LinkStatus& link : call.context.node.GetStatus().links) {
      if (link.agent != 0 && (!on || link.state != "off")) agents.push_back(link.agent);
    }
  }
  ArrayWriter switched;
  for (AgentId agent : agents) switched.Raw(std::to_string(agent));
  call.exchange.SendJson(200, ObjectWriter().Raw("agents", switched.Take()).Bool("on", on).Take());
  return Status::Ok();
}

}  // namespace

Status GetLinks(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  ArrayWriter links;
  for (const node::LinkStatus& link : call.context.node.GetStatus().links) links.Raw(LinkToJson(link));
  call.exchange.SendJson(200, ObjectWriter().Raw("links", links.Take()).Take());
  return Status::Ok();
}

Status PostLinkOn(Call& call) { return Switch(call, true); }
Status PostLinkOff(Call& call) { return Switch(call, false); }

Status PostLinkSync(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  const bool children = call.args[0] == "children";
  TG_ASSIGN_OR_RETURN(AgentId agent, AgentOf(call, children ? "all" : call.args[0]));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(node::LinkSyncRequest request, RequestFromBody(body));
  request.agent = agent;
  request.children = children;
  Answer<node::LinkSyncAnswer> waiting;
  call.context.node.SyncLinks(request, waiting.Callback());
  TG_ASSIGN_OR_RETURN(node::LinkSyncAnswer answer, AwaitPatiently(call.exchange, waiting));
  if (!answer.status.ok()) {
    std::string waits;
    for (AgentId neighbour : answer.waits_for) waits += (waits.empty() ? "" : ", ") + std::to_string(neighbour);
    if (waits.empty()) return answer.status;
    return {answer.status.code(), answer.status.message() + "; it waits for agent " + waits};
  }
  call.exchange.SendJson(200, ObjectWriter().Unsigned("agent", agent).Bool("done", request.wait).Take());
  return Status::Ok();
}

namespace {

std::string ReportToJson(AgentId agent, bool repair, const wire::CompareReport& report) {
  ArrayWriter models;
  uint64_t found = 0;
  for (const wire::ModelDifference& model : report.models) {
    found += model.missing_here + model.missing_there + model.differing;
    models.Raw(ObjectWriter()
                   .Text("model", model.model)
                   .Unsigned("missing_here", model.missing_here)
                   .Unsigned("missing_there", model.missing_there)
                   .Unsigned("differing", model.differing)
                   .Unsigned("mended", model.mended)
                   .Take());
  }
  return ObjectWriter()
      .Unsigned("agent", agent)
      .Bool("equal", found == 0)
      .Bool("repair", repair)
      .Raw("models", models.Take())
      .Unsigned("dropped", report.dropped)
      .Unsigned("rows", report.rows)
      .Unsigned("questions", report.questions)
      .Unsigned("ranges", report.ranges)
      .Unsigned("bytes_sent", report.bytes_sent)
      .Unsigned("bytes_received", report.bytes_received)
      .Unsigned("took_ms", report.took_ms)
      .Take();
}

}  // namespace

Status PostLinkVerify(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(AgentId agent, AgentOf(call, call.args[0]));
  if (agent == kAgentAll) return Status::Invalid("verify compares one link: name a neighbour");
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  bool repair = false;
  node::LinkSyncRequest request;
  request.timeout_ms = 600'000;
  if (body.find_first_not_of(" \t\r\n") != std::string::npos) {
    TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
    for (const JsonMember& member : members) {
      if (member.name == "repair") {
        TG_ASSIGN_OR_RETURN(repair, JsonToBool(member.value, "repair"));
      } else if (member.name == "timeout_ms") {
        TG_ASSIGN_OR_RETURN(request.timeout_ms, TimeoutMsFrom(member));
      } else {
        return UnknownMember(member, {"repair", "timeout_ms"});
      }
    }
  }
  request.agent = agent;
  request.push = false;
  request.verify = repair ? 2 : 1;
  request.wait = true;
  Answer<node::LinkSyncAnswer> waiting;
  call.context.node.SyncLinks(request, waiting.Callback());
  TG_ASSIGN_OR_RETURN(node::LinkSyncAnswer answer, AwaitPatiently(call.exchange, waiting));
  TG_RETURN_IF_ERROR(answer.status);
  if (!answer.report) return Status::Internal("a link was compared without a report");
  call.exchange.SendJson(200, ReportToJson(agent, repair, *answer.report));
  return Status::Ok();
}

Status PostClear(Call& call) {
  TG_RETURN_IF_ERROR(call.params.Done({}));
  TG_ASSIGN_OR_RETURN(std::string body, call.exchange.ReadBody());
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, SplitObject(body, "the body"));
  node::ClearRequest request;
  bool has_agent = false;
  for (const JsonMember& member : members) {
    if (member.name == "agent") {
      // A number, or a word for one.
      std::string word(member.value);
      if (word.starts_with('"')) {
        TG_ASSIGN_OR_RETURN(word, JsonToString(member.value, "agent"));
      }
      TG_ASSIGN_OR_RETURN(request.owner, AgentOf(call, word));
      has_agent = true;
    } else if (member.name == "model") {
      TG_ASSIGN_OR_RETURN(request.model, JsonToString(member.value, "model"));
    } else if (member.name == "at") {
      TG_ASSIGN_OR_RETURN(std::string at, JsonToString(member.value, "at"));
      if (at != "hop" && at != "server") return Status::Invalid("at must be hop or server, not \"" + at + "\"");
      request.at = at == "hop" ? node::SyncTarget::kHop : node::SyncTarget::kServer;
    } else {
      return UnknownMember(member, {"agent", "model", "at"});
    }
  }
  if (!has_agent) return Status::Invalid("agent is missing: whose items are to be cleared");
  Answer<node::ClearAnswer> waiting;
  call.context.node.Clear(request, waiting.Callback());
  TG_ASSIGN_OR_RETURN(node::ClearAnswer answer, AwaitPatiently(call.exchange, waiting));
  TG_RETURN_IF_ERROR(answer.status);
  call.exchange.SendJson(200, ObjectWriter().Unsigned("cleared", answer.cleared).Take());
  return Status::Ok();
}

}  // namespace tidegate::api
