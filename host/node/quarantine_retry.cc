// Entries of the quarantine that are tried again: a schema has changed, or somebody asked for it.
#include <utility>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

// What is left of transactions of this link, without what was overwritten.
void Node::Impl::PlanQuarantineRetry(AgentId link, const std::set<uint64_t>& runs) {
  std::map<uint64_t, std::vector<std::string>> found;
  Status read =
      deps_.storage.MetaScan(sync::meta::QuarantineOf(link, false), [&](std::string_view key, std::string_view value) {
        wire::QuarantineRecord record;
        // What is held with its transaction comes again with the rest of it.
        if (!wire::DecodeRecord(value, &record).ok() || record.held || !runs.contains(record.run)) return true;
        found[record.run].emplace_back(key);
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
  constexpr int64_t kRetryAfterUs = 5'000'000;
  if (deps_.clock.monotonic_us() >= retry_quarantined_at_us_) {
    retry_quarantined_at_us_ = INT64_MAX;
    PlanQuarantineRetry();
  }
  for (size_t entries = 0; !retry_quarantined_.empty() && entries < kEntriesInACommit;) {
    std::vector<std::string> keys = std::move(retry_quarantined_.front());
    retry_quarantined_.pop_front();
    entries += keys.size();
    // What does not fit yet stays as it is; what could not be committed, on a full disk perhaps, is tried again.
    (void)RetryTogether(keys, false, [this](const Status& status) {
      if (!status.ok()) retry_quarantined_at_us_ = deps_.clock.monotonic_us() + kRetryAfterUs;
    });
  }
}

// Entries that were one transaction. by_hand: what may have been deleted is taken for alive, too. done is called after
// the commit; not if an error is returned: then they stay as they are.
Status Node::Impl::RetryTogether(const std::vector<std::string>& keys, bool by_hand,
                                 std::function<void(const Status&)> done) {
  sync::Link* link = nullptr;
  std::vector<tg_change> changes;
  for (const std::string& key : keys) {
    Result<std::string> bytes = deps_.storage.MetaGet(key);
    wire::QuarantineRecord record;
    if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) continue;
    link = links_.Find(record.link);
    if (link == nullptr)
      return Status::Conflict("agent " + std::to_string(record.link) + ", who sent it, is no neighbour any more");
    TG_ASSIGN_OR_RETURN(wire::DecodedChange decoded, wire::DecodeChange(record.change));
    tg_change change = stage_.arena().Copy(decoded.change);
    TG_RETURN_IF_ERROR(Admit({link->agent(), link->is_parent(), by_hand, by_hand}, &change, &stage_.arena()));
    changes.push_back(change);
  }
  if (changes.empty()) return Status::NotFound("it is not in the quarantine any more");
  if (TouchesShared(changes)) {
    AgentId agent = link->agent();
    TG_RETURN_IF_ERROR(CommitStage());  // it writes the same keys
    link = links_.Find(agent);
    if (link == nullptr) return Status::Unavailable("the link is gone");
  }
  stage_.Begin();
  sync::QuarantineNotes notes;
  for (const tg_change& change : changes) {
    Put({link->agent(), link->is_parent()}, change);
    notes.released.push_back(sync::StageRelease(link, change, &stage_));
  }
  stage_.End([this, agent = link->agent(), notes = std::move(notes), done = std::move(done)](
                 const Status& status, std::span<const core::Effect>) {
    sync::Link* source = links_.Find(agent);
    if (source != nullptr && !status.ok()) links_.RestoreQuarantine(source);
    if (source != nullptr && status.ok()) Tell(source, notes);
    if (done != nullptr) done(status);
  });
  return {};
}

}  // namespace tidegate::node
