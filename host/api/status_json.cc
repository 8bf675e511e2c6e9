#include "host/api/status_json.h"

#include "host/api/json_text.h"

namespace tidegate::api {
namespace {

std::string HoldToJson(const node::HoldStatus& hold) {
  return ObjectWriter()
      .Text("model", hold.model)
      .Bool("ours", hold.ours)
      .Unsigned("by", hold.by)
      .Text("reason", hold.reason)
      .Text("message", hold.message)
      .Bool("released", hold.released)
      .Signed("since_unix_ms", hold.since_unix_ms)
      .Take();
}

std::string HoldsToJson(const std::vector<node::HoldStatus>& holds) {
  ArrayWriter array;
  for (const node::HoldStatus& hold : holds) array.Raw(HoldToJson(hold));
  return array.Take();
}

const char* CauseName(uint32_t cause) { return cause == 1 ? "period" : cause == 2 ? "doubt" : "asked"; }

std::string LastVerifyToJson(const wire::CompareReport& report) {
  uint64_t here = 0, there = 0, differing = 0, mended = 0;
  for (const wire::ModelDifference& model : report.models) {
    here += model.missing_here;
    there += model.missing_there;
    differing += model.differing;
    mended += model.mended;
  }
  return ObjectWriter()
      .Signed("ended_unix_ms", report.ended_unix_ms)
      .Text("cause", CauseName(report.cause))
      .Text("reason", report.reason)
      .Bool("equal", here + there + differing == 0)
      .Unsigned("missing_here", here)
      .Unsigned("missing_there", there)
      .Unsigned("differing", differing)
      .Unsigned("mended", mended)
      .Unsigned("dropped", report.dropped)
      .Unsigned("rows", report.rows)
      .Unsigned("questions", report.questions)
      .Unsigned("bytes_sent", report.bytes_sent)
      .Unsigned("bytes_received", report.bytes_received)
      .Unsigned("took_ms", report.took_ms)
      .Take();
}

std::string VerifyToJson(const node::VerifyStatus& verify) {
  ObjectWriter object;
  object.Text("state", verify.state);
  if (!verify.state.empty()) {
    object.Text("cause", CauseName(verify.cause))
        .Text("reason", verify.reason)
        .Unsigned("rows", verify.rows)
        .Unsigned("owners", verify.owners)
        .Unsigned("owners_done", verify.owners_done);
  }
  object.Signed("next_in_ms", verify.next_in_ms);
  if (verify.last) object.Raw("last", LastVerifyToJson(*verify.last));
  return object.Take();
}

}  // namespace

std::string LinkToJson(const node::LinkStatus& link) {
  ArrayWriter lanes;
  for (const node::LaneStatus& lane : link.lanes) {
    lanes.Raw(ObjectWriter()
                  .Unsigned("lane", lane.lane)
                  .Unsigned("acked", lane.acked)
                  .Unsigned("delivered", lane.delivered)
                  .Unsigned("held", lane.held)
                  .Take());
  }
  return ObjectWriter()
      .Unsigned("agent", link.agent)
      .Bool("is_parent", link.is_parent)
      .Text("role", link.role)
      .Unsigned("level", link.level)
      .Text("state", link.state)
      .Text("replica", link.replica)
      .Text("address", link.address)
      .Bool("authenticated", link.authenticated)
      .Raw("lanes", lanes.Take())
      .Unsigned("pending_changes", link.pending_changes)
      .Unsigned("pending_bytes", link.pending_bytes)
      .Bool("pending_exact", link.pending_exact)
      .Signed("oldest_pending_age_ms", link.oldest_pending_age_ms)
      .Signed("last_progress_age_ms", link.last_progress_age_ms)
      .Unsigned("unsettled_scopes", link.unsettled_scopes)
      .Signed("lease_until_unix_ms", link.lease_until_unix_ms)
      .Bool("lease_over", link.lease_over)
      .Unsigned("frames_sent", link.frames_sent)
      .Unsigned("frames_received", link.frames_received)
      .Unsigned("bytes_sent", link.bytes_sent)
      .Unsigned("bytes_received", link.bytes_received)
      .Unsigned("plain_bytes_sent", link.plain_bytes_sent)
      .Unsigned("plain_bytes_received", link.plain_bytes_received)
      .Unsigned("resends", link.resends)
      .Unsigned("quarantined", link.quarantined)
      .Raw("holds", HoldsToJson(link.holds))
      .Signed("clock_ahead_ms", link.clock_ahead_ms)
      .Text("last_error", link.last_error)
      .Signed("last_error_unix_ms", link.last_error_unix_ms)
      .Signed("up_age_ms", link.up_age_ms)
      .Unsigned("connects", link.connects)
      .Bool("stalled", link.stalled)
      .Unsigned("stalls", link.stalls)
      .Text("last_disconnect", link.last_disconnect)
      .Signed("last_disconnect_unix_ms", link.last_disconnect_unix_ms)
      .Raw("verify", VerifyToJson(link.verify))
      .Take();
}

namespace {

std::string ExceptionToJson(const node::SyncException& exception) {
  ObjectWriter object;
  object.Text("model", exception.model)
      .Unsigned("owner", exception.owner)
      .Text("pk", exception.pk)
      .Text("sk", exception.sk)
      .Text("version", exception.version.ToText())
      .Unsigned("by", exception.by);
  if (!exception.held.none()) object.Text("held", exception.held.ToText());
  if (!exception.reason.empty()) object.Text("reason", exception.reason);
  return object.Take();
}

}  // namespace

std::string SyncToJson(const node::SyncAnswer& answer) {
  ArrayWriter quarantined, dropped, superseded, apart, unknown;
  for (const node::SyncUnknown& one : answer.unknown)
    unknown.Raw(ObjectWriter().Unsigned("agent", one.agent).Unsigned("items", one.items).Take());
  for (const node::SyncException& exception : answer.quarantined) quarantined.Raw(ExceptionToJson(exception));
  for (const node::SyncException& exception : answer.dropped) dropped.Raw(ExceptionToJson(exception));
  for (const node::SyncException& exception : answer.superseded) superseded.Raw(ExceptionToJson(exception));
  for (const node::SyncException& exception : answer.apart) apart.Raw(ExceptionToJson(exception));
  return ObjectWriter()
      .Unsigned("pending_changes", answer.pending_changes)
      .Bool("complete", answer.status.ok() && answer.complete())
      .Raw("quarantined", quarantined.Take())
      .Unsigned("quarantined_count", answer.quarantined_count)
      .Unsigned("not_listed", answer.not_listed)
      .Raw("dropped", dropped.Take())
      .Unsigned("dropped_count", answer.dropped_count)
      .Raw("superseded", superseded.Take())
      .Unsigned("superseded_count", answer.superseded_count)
      .Raw("apart", apart.Take())
      .Unsigned("apart_count", answer.apart_count)
      .Unsigned("unsettled_scopes", answer.unsettled_scopes)
      .Raw("held", HoldsToJson(answer.held))
      .Raw("unknown_agents", unknown.Take())
      .Take();
}

std::string StatusToJson(const node::NodeStatus& status) {
  ArrayWriter quotas;
  for (const node::QuotaStatus& quota : status.quotas) {
    quotas.Raw(ObjectWriter()
                   .Text("model", quota.model)
                   .Unsigned("items", quota.items)
                   .Unsigned("items_max", quota.items_max)
                   .Unsigned("bytes", quota.bytes)
                   .Unsigned("bytes_max", quota.bytes_max)
                   .Text("when_full", quota.when_full)
                   .Bool("full", quota.full)
                   .Take());
  }
  ArrayWriter losses;
  for (const node::LossStatus& loss : status.losses) {
    losses.Raw(ObjectWriter()
                   .Text("model", loss.model)
                   .Unsigned("owner", loss.owner)
                   .Text("reason", loss.reason)
                   .Unsigned("items", loss.items)
                   .Unsigned("bytes", loss.bytes)
                   .Text("first", loss.first)
                   .Text("last", loss.last)
                   .Signed("since_unix_ms", loss.since_unix_ms)
                   .Take());
  }
  ArrayWriter problems;
  for (const std::string& problem : status.problems) problems.Raw(Quoted(problem));
  ArrayWriter links;
  for (const node::LinkStatus& link : status.links) links.Raw(LinkToJson(link));
  ArrayWriter models;
  for (const std::string& model : status.models) models.Raw(Quoted(model));
  return ObjectWriter()
      .Unsigned("agent", status.agent)
      .Text("role", status.role)
      .Unsigned("level", status.level)
      .Unsigned("level_configured", status.level_configured)
      .Bool("links_off", status.links_off)
      .Text("replica", status.replica)
      .Text("epoch", status.epoch)
      .Bool("healthy", status.healthy)
      .Raw("problems", problems.Take())
      .Bool("disk_full", status.disk_full)
      .Raw("quotas", quotas.Take())
      .Raw("losses", losses.Take())
      .Unsigned("head", status.head)
      .Unsigned("items", status.items)
      .Unsigned("tombstones", status.tombstones)
      .Signed("purge_horizon_unix_ms", status.purge_horizon_unix_ms)
      .Bool("purge_suspended", status.purge_suspended)
      .Unsigned("storage_bytes", status.storage_bytes)
      .Unsigned("quarantined", status.quarantined)
      .Unsigned("conflicts", status.conflicts)
      .Unsigned("commands_asked", status.commands_asked)
      .Signed("restored_unix_ms", status.restored_unix_ms)
      .Bool("losses_unconfirmed", status.losses_unconfirmed)
      .Signed("unix_ms", status.unix_ms)
      .Raw("links", links.Take())
      .Raw("models", models.Take())
      .Take();
}

std::string QuarantineToJson(const node::QuarantineEntry& entry) {
  ObjectWriter json;
  json.Text("id", entry.id)
      .Unsigned("link", entry.link)
      .Bool("ours", entry.ours)
      .Unsigned("by", entry.by)
      .Text("model", entry.model)
      .Unsigned("owner", entry.owner)
      .Text("pk", entry.pk)
      .Text("sk", entry.sk)
      .Text("version", entry.version)
      .Unsigned("writer", entry.writer)
      .Bool("delete", entry.deletes)
      .Bool("held", entry.held)
      .Text("reason", entry.reason)
      .Signed("since_unix_ms", entry.since_unix_ms);
  if (!entry.item.empty()) json.Raw("item", entry.item);
  return json.Take();
}

std::string ConflictToJson(const node::ConflictEntry& entry) {
  ObjectWriter json;
  json.Unsigned("number", entry.number)
      .Unsigned("link", entry.link)
      .Text("model", entry.model)
      .Unsigned("owner", entry.owner)
      .Text("pk", entry.pk)
      .Text("sk", entry.sk)
      .Unsigned("writer", entry.writer)
      .Text("version", entry.version)
      .Text("winner", entry.winner)
      .Text("reason", entry.reason)
      .Signed("since_unix_ms", entry.since_unix_ms);
  if (!entry.item.empty()) json.Raw("item", entry.item);
  return json.Take();
}

}  // namespace tidegate::api
