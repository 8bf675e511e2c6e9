// What a FakeNode answers about itself: the same to every question, but for what tests turned.
#include "host/api/fake_data.h"

namespace tidegate::api {

using fake::kSelf;

node::NodeStatus FakeNode::GetStatus() {
  MutexLock lock(data_->mutex);
  node::NodeStatus status;
  status.agent = kSelf;
  status.role = "router";
  status.level = data_->level;
  status.level_configured = 2;
  status.links_off = data_->links_off;
  status.replica = "000102030405060708090a0b0c0d0e0f";
  status.epoch = "0000000000000001";
  status.healthy = data_->healthy;
  status.unix_ms = 1'700'000'090'000;
  status.restored_unix_ms = 1'700'000'000'000;
  if (!data_->healthy) status.problems.push_back("the disk is full");
  status.head = data_->seq;
  status.items = data_->items.size();
  status.purge_horizon_unix_ms = 1'700'000'000'000;
  status.models = {"Reading up history"};
  node::LinkStatus parent;
  parent.agent = 1;
  parent.is_parent = true;
  parent.role = "server";
  parent.level = 1;
  parent.state = "up";
  parent.lanes.push_back({2, 41, 40, 12});
  parent.pending_changes = 1'234;
  parent.pending_bytes = 250'000;
  parent.oldest_pending_age_ms = 65'000;
  parent.last_progress_age_ms = 1'500;
  parent.last_error = "broker \"gone\" at 10:00";
  parent.last_error_unix_ms = 1'700'000'000'000;
  parent.verify.next_in_ms = 3'600'000;
  parent.verify.last = {{{"Reading", 0, 2, 0, 2}, {"Config", 1, 0, 0, 0}}, 0, 1'234'567, 5, 6, 700, 300, 90};
  parent.verify.last->cause = 2;
  parent.verify.last->reason = "it was not stopped in order";
  parent.verify.last->ended_unix_ms = status.unix_ms - 90'000;
  status.links.push_back(parent);
  node::LinkStatus child;
  child.agent = 9;
  child.role = "device";
  child.level = 65535;
  child.state = data_->child_off ? "off" : "down";
  child.stalled = !data_->healthy;
  child.bytes_sent = 1'000;
  child.plain_bytes_sent = 4'500;
  child.bytes_received = 2'000;
  child.plain_bytes_received = 7'500;
  child.last_disconnect = "nothing heard for 30 s";
  child.last_disconnect_unix_ms = 1'700'000'000'000;
  child.lease_until_unix_ms = status.unix_ms + 3 * 86'400'000;
  status.links.push_back(child);
  return status;
}

Result<std::vector<node::QuarantineEntry>> FakeNode::Quarantine() {
  node::QuarantineEntry entry;
  entry.link = 9;
  entry.model = "Fault";
  entry.owner = 9;
  entry.pk = "device#9";
  entry.sk = "fault#1";
  entry.reason = "severity: must be one of low, high";
  entry.since_unix_ms = 1'700'000'000'000;
  entry.id = "0123456789ab";
  node::QuarantineEntry other = entry;
  other.id = "ba9876543210";
  other.model = "Setting";
  other.sk = "setting#2";
  other.ours = true;
  other.by = 1;
  other.reason = "maybe_deleted";
  return std::vector<node::QuarantineEntry>{entry, other};
}

Result<node::QuarantineEntry> FakeNode::Quarantined(const std::string& id) {
  std::vector<node::QuarantineEntry> entries = Quarantine().value();
  for (node::QuarantineEntry& entry : entries) {
    if (entry.id != id) continue;
    entry.item = R"({"severity":"odd"})";
    return entry;
  }
  return Status::NotFound("no entry " + id + " in the quarantine of this node");
}

void FakeNode::ActOnQuarantine(node::QuarantineRequest request, std::function<void(node::QuarantineAnswer)> done) {
  node::QuarantineAnswer answer;
  if (!request.id.empty()) answer.status = Quarantined(request.id).status();
  std::vector<node::QuarantineEntry> entries = Quarantine().value();
  for (const node::QuarantineEntry& entry : entries) {
    if (!request.id.empty() && entry.id != request.id) continue;
    if (!request.model.empty() && entry.model != request.model) continue;
    if (entry.ours) {
      ++answer.failed_count;
      answer.failed.push_back({entry.id, "only agent 9 writes this item"});
    } else {
      ++answer.done;
    }
  }
  done(std::move(answer));
}

Result<std::vector<node::ConflictEntry>> FakeNode::Conflicts() {
  node::ConflictEntry entry;
  entry.number = 3;
  entry.link = 9;
  entry.model = "Setting";
  entry.owner = 9;
  entry.pk = "s#";
  entry.sk = "s#x";
  entry.writer = 9;
  entry.version = "1-9-1";
  entry.winner = "2-1-1";
  entry.reason = "a newer state that did not know of it took its place";
  entry.since_unix_ms = 1'700'000'000'000;
  return std::vector<node::ConflictEntry>{entry};
}

Result<node::ConflictEntry> FakeNode::Conflict(uint64_t number) {
  if (number != 3) return Status::NotFound("no conflict " + std::to_string(number) + " in the journal");
  node::ConflictEntry entry = Conflicts().value()[0];
  entry.item = R"({"name":"x","value":"7"})";
  return entry;
}

Result<node::CommandList> FakeNode::Commands(const std::string& model) {
  node::CommandList list;
  if (model == "Later") list.waits_for = "nothing is compared yet";
  if (model == "Bare") {
    list.answer_model = "Nod";
    list.answer_lacks = {"code", "output"};
    return list;
  }
  if (model != "Order") return list.waits_for.empty() ? Status::Invalid(model + " is no command") : Result(list);
  // Until it is answered.
  MutexLock lock(data_->mutex);
  if (!data_->items.contains(Data::Key{"Done", kSelf, "\"7\""}))
    list.commands = {{R"({"id":"7","what":"blink"})", "Done", R"({"id":"7"})", 42, "o#", "o#7"}};
  return list;
}

Status FakeNode::RestoreConflict(uint64_t number) { return Conflict(number).status(); }

Status FakeNode::ConfirmLosses() {
  MutexLock lock(data_->mutex);
  if (std::exchange(data_->confirmed, true)) return Status::NotFound("there is nothing to confirm");
  return Status::Ok();
}

Result<std::vector<node::LossEntry>> FakeNode::Losses() {
  node::LossEntry feed;
  feed.agent = 9;
  feed.lane = "history";
  feed.from_unix_ms = 1'700'000'000'000;
  feed.to_unix_ms = 1'700'000'060'000;
  feed.since_unix_ms = 1'700'000'090'000;
  node::LossEntry item = feed;
  item.is_item = true;
  item.lane = "";
  item.model = "Config";
  item.owner = 42;
  item.pk = "config#";
  item.sk = "config#a";
  return std::vector<node::LossEntry>{feed, item};
}

Status FakeNode::Adopt(AgentId agent) {
  return agent == 9 ? Status::Ok() : Status::NotFound("no child of agent " + std::to_string(agent) + " is waiting");
}

Status FakeNode::SetLevel(uint32_t level) {
  if (level == 1) return Status::Conflict("level 1 is not above the parent's: agent 1 has level 1");
  MutexLock lock(data_->mutex);
  data_->level = level == 0 ? 2 : level;
  return Status::Ok();
}

Status FakeNode::Backup(const std::string& path) {
  return path == "/full" ? Status::Full("no space left for " + path) : Status::Ok();
}

}  // namespace tidegate::api
