// Quarantine: what is refused is listed at both ends, told until it is durable there, and tried again when
// the schemas change (design laws 6 and 7).
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

uint64_t Node::Impl::QuarantineCount() const {
  uint64_t count = 0;
  for (const auto& [agent, link] : links_.still()) count += link->quarantined.size() + link->refused_ours.size();
  return count;
}

uint64_t Node::Impl::QuarantineRoom() const {
  return options_.quarantine_items_max - std::min(QuarantineCount(), options_.quarantine_items_max);
}

// After the commit that holds them.
void Node::Impl::Tell(sync::Link* link, const sync::QuarantineNotes& notes) {
  for (const wire::RefusedKey& refused : notes.refused) {
    link->refusals.Add(refused);
    link->ack_due = true;
    if (refused.reason.empty()) continue;
    deps_.metrics.Add("tidegate_quarantined_total", 1);
    deps_.log.Write(4, "quarantined " + refused.model + " " + refused.pk + " / " + refused.sk + " from agent " +
                           std::to_string(link->agent()) + ": " + refused.reason);
  }
  for (const wire::RefusedKey& released : notes.released) {
    link->refusals.Add(released);
    link->ack_due = true;
  }
  if (!notes.loosened.empty()) PlanQuarantineRetry(link->agent(), notes.loosened);
  if (notes.not_listed != 0) deps_.metrics.Add("tidegate_quarantine_full_total", notes.not_listed);
}

// What the neighbour refused of ours; confirmed once it is durable here.
void Node::Impl::OnRefusals(sync::Link* link, const wire::Ack& ack) {
  size_t known = link->refusals.Known(ack);
  if (known == ack.refused.size()) {
    if (known != 0) link->ack_due = true;  // the confirmation was lost
    return;
  }
  AgentId neighbour = link->agent();
  if (!HeedOlder(neighbour, ack, known).ok()) return;  // it is told again
  link = links_.Find(neighbour);
  stage_.Begin();
  uint64_t not_listed = 0;
  std::vector<wire::RefusedKey> news;  // what concerns others too
  for (size_t i = known; i < ack.refused.size(); ++i) {
    const wire::RefusedKey& refused = ack.refused[i];
    uint64_t room = refused.reason.empty() ? 0 : QuarantineRoom();
    sync::SaidOfOurs said = sync::StageSaidOfOurs(link, refused, deps_.storage, room, deps_.clock.unix_ms(), &stage_);
    if (said == sync::SaidOfOurs::kNoRoom) ++not_listed;
    bool superseded = refused.reason.empty() && refused.held > refused.version;
    if (said != sync::SaidOfOurs::kNothing || superseded) news.push_back(refused);
  }
  stage_.End([this, agent = link->agent(), id = link->session_id, number = ack.refused_number, not_listed,
              news = std::move(news)](const Status& status, std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    if (told == nullptr) return;
    if (!status.ok()) return links_.RestoreQuarantine(told);
    pairs_due_ = true;  // what was passed with these may be told on now
    if (not_listed != 0) deps_.metrics.Add("tidegate_quarantine_full_total", not_listed);
    told->not_listed += not_listed;
    for (const wire::RefusedKey& refused : news) {
      if (refused.reason.empty() && refused.held > refused.version) NoteSuperseded(*told, refused);
      PassOn(*told, refused);
    }
    if (told->session_id != id) return;  // in the new session they are told again
    told->refusals.Recorded(number);
    told->ack_due = true;
  });
}

// What is left of transactions of this link, without what was overwritten.
void Node::Impl::PlanQuarantineRetry(AgentId link, const std::set<uint64_t>& runs) {
  std::map<uint64_t, std::vector<std::string>> found;
  Status read =
      deps_.storage.MetaScan(sync::meta::QuarantineOf(link, false), [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        if (wire::DecodeRecord(value, &record).ok() && runs.contains(record.run)) found[record.run].emplace_back(key);
        return true;
      });
  if (!read.ok()) deps_.log.Write(3, "cannot read the quarantine: " + read.message());
  for (auto& [run, keys] : found) retry_quarantined_.push_back(std::move(keys));
}

// Finds what may fit now. Transactions are tried as a whole.
void Node::Impl::PlanQuarantineRetry() {
  retry_quarantined_.clear();
  std::map<std::pair<AgentId, uint64_t>, std::vector<std::string>> runs;
  Status read =
      deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        if (!wire::DecodeRecord(value, &record).ok() || record.ours || record.held) return true;
        if (record.run == 0) {
          retry_quarantined_.push_back({std::string(key)});
        } else {
          runs[{record.link, record.run}].emplace_back(key);
        }
        return true;
      });
  if (!read.ok()) deps_.log.Write(3, "cannot read the quarantine: " + read.message());
  for (auto& [run, keys] : runs) retry_quarantined_.push_back(std::move(keys));
}

void Node::Impl::RetryQuarantined() {
  constexpr size_t kEntriesInACommit = 256;
  for (size_t entries = 0; !retry_quarantined_.empty() && entries < kEntriesInACommit;) {
    std::vector<std::string> keys = std::move(retry_quarantined_.front());
    retry_quarantined_.pop_front();
    entries += keys.size();
    RetryTogether(keys);
  }
}

void Node::Impl::RetryTogether(const std::vector<std::string>& keys) {
  sync::Link* link = nullptr;
  std::vector<tg_change> changes;
  for (const std::string& key : keys) {
    Result<std::string> bytes = deps_.storage.MetaGet(key);
    wire::QuarantineRecord record;
    if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) continue;
    link = links_.Find(record.link);
    auto decoded = wire::DecodeChange(record.change);
    if (link == nullptr || !decoded.ok()) return;
    tg_change change = stage_.arena().Copy(decoded->change);
    if (!Admit({link->agent(), link->is_parent()}, &change, &stage_.arena()).ok()) return;
    changes.push_back(change);
  }
  if (changes.empty()) return;
  if (TouchesShared(changes)) {
    retry_quarantined_.push_back(keys);  // after the commit that writes the same keys
    return;
  }
  stage_.Begin();
  sync::QuarantineNotes notes;
  for (const tg_change& change : changes) {
    Put({link->agent(), link->is_parent()}, change);
    notes.released.push_back(sync::StageRelease(link, change, &stage_));
  }
  stage_.End(
      [this, agent = link->agent(), notes = std::move(notes)](const Status& status, std::span<const core::Effect>) {
        sync::Link* source = links_.Find(agent);
        if (source == nullptr) return;
        if (!status.ok()) return links_.RestoreQuarantine(source);
        Tell(source, notes);
      });
}

Result<std::vector<QuarantineEntry>> Node::Impl::Quarantine() const {
  std::vector<QuarantineEntry> entries;
  TG_RETURN_IF_ERROR(
      deps_.storage.MetaScan(sync::meta::kQuarantinePrefix, [&](std::string_view, std::string_view value) {
        wire::QuarantineRecord record;
        if (!wire::DecodeRecord(value, &record).ok()) return true;
        QuarantineEntry entry;
        entry.link = record.link;
        entry.ours = record.ours;
        entry.by = !record.ours ? options_.agent : record.by != 0 ? record.by : record.link;
        entry.reason = record.reason;
        entry.since_unix_ms = record.since_unix_ms;
        if (auto change = wire::DecodeChange(record.change); change.ok()) {
          entry.model = View(change->change.model);
          entry.owner = change->change.key.owner;
          entry.pk = View(change->change.key.pk);
          entry.sk = View(change->change.key.sk);
          entry.version = Version::From(change->change.version).ToText();
        }
        entries.push_back(std::move(entry));
        return true;
      }));
  return entries;
}

}  // namespace tidegate::node
