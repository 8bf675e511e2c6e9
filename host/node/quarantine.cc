// Quarantine: what is refused is listed at both ends, told until it is durable there, and tried again when
// the schemas change (design laws 6 and 7).
#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/held_state.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
uint64_t Node::Impl::QuarantineCount() const {
  uint64_t count = 0;
  for (const auto& [agent, link] : links_.still()) count += link->quarantined.size() + link->refused_ours.size();
  for (const auto& [agent, keys] : links_.left_listed()) count += keys.size();
  return count;
}

uint64_t Node::Impl::QuarantineRoom() const {
  return options_.quarantine_items_max - std::min(QuarantineCount(), options_.quarantine_items_max);
}

// Counted only where it is wanted: hardly a batch has anything that is refused.
uint64_t Node::Impl::QuarantineRoom(const sync::StagedChanges& staged) const {
  return staged.refused.empty() ? 0 : QuarantineRoom();
}

// After the commit that holds them.
void Node::Impl::Tell(sync::Link* link, const sync::QuarantineNotes& notes) {
  if (!link->quarantined.empty()) listing_.insert(link->agent());
  for (const wire::RefusedKey& refused : notes.refused) {
    // What is known here already may have been refused above: for the neighbour it is.
    const bool known = refused.reason.empty() && refused.held == refused.version && !refused.dropped;
    auto above = known ? RefusedAbove(refused, *link) : std::nullopt;
    link->refusals.Add(above ? std::move(*above) : refused);
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
  bool whole = link->whole_list.Due(ack);
  // All of the list that it tells as a whole is in this ack, or was in those before.
  bool ends_list = whole && std::max(ack.refused_number, link->refusals.recorded()) >= ack.refused_to;
  if (ends_list && known == ack.refused.size() && link->whole_list.NamesAll(link->refused_ours)) {
    link->whole_list.Taken(ack.refused_from);  // as it mostly is
    ends_list = false;
  }
  if (known == ack.refused.size() && !ends_list) {
    if (known != 0) link->ack_due = true;  // the confirmation was lost
    return;
  }
  AgentId neighbour = link->agent();
  if (!HeedOlder(neighbour, ack, known).ok()) return;  // it is told again
  link = links_.Find(neighbour);
  if (link == nullptr) return;
  // An end is about what is listed, and that has to be readable.
  const bool ends = std::any_of(ack.refused.begin() + static_cast<std::ptrdiff_t>(known), ack.refused.end(),
                                [](const wire::RefusedKey& refused) { return refused.reason.empty(); });
  if (ends && !link->refused_ours.empty() && !CommitStage().ok()) return;
  link = links_.Find(neighbour);
  if (link == nullptr) return;
  stage_.Begin();
  uint64_t not_listed = 0;
  std::vector<wire::RefusedKey> news;   // what concerns others too
  std::vector<wire::RefusedKey> ended;  // what is over
  std::vector<HeardLoss> lost;          // dropped there, or above, before it had gone on
  std::map<std::string, wire::RefusedKey> listed_now;
  for (size_t i = known; i < ack.refused.size(); ++i) {
    const wire::RefusedKey& refused = ack.refused[i];
    if (!refused.lost.empty()) {
      if (link->is_parent()) lost.push_back(StageHeardLost(*link, refused));
      continue;
    }
    const std::string key = sync::meta::Quarantine(neighbour, true, refused.owner, refused.pk, refused.sk);
    if (whole && ack.refused_number - ack.refused.size() + i + 1 >= ack.refused_from) {
      link->whole_list.Begin(link->refused_ours);
      if (!refused.reason.empty()) link->whole_list.Named(key);
    }
    uint64_t room = refused.reason.empty() ? 0 : QuarantineRoom();
    auto listed = refused.reason.empty() ? ListedOfOurs(*link, refused) : std::nullopt;
    if (auto now = listed_now.find(key); now != listed_now.end()) listed = now->second;
    sync::SaidOfOurs said = sync::StageSaidOfOurs(link, refused, deps_.storage, room, deps_.clock.unix_ms(), &stage_);
    if (said == sync::SaidOfOurs::kNoRoom) ++not_listed;
    if (said == sync::SaidOfOurs::kListed) listed_now[key] = refused;
    // Its writer has to know that it is nowhere above, also if the refusal never got here.
    const bool is_listed = listed && listed->version == refused.version;
    const bool unheard = refused.version.agent == options_.agent && !given_up_.Knows(refused);
    if (refused.dropped && (said == sync::SaidOfOurs::kEnded || unheard))
      NoteDropped(*link, refused, is_listed ? *listed : refused);
    if (refused.dropped) {
      StageDroppedBelow(*link, refused);
      // An end that came before in this ack would send it again.
      std::erase_if(ended, [&](const wire::RefusedKey& name) {
        return sync::meta::Quarantine(neighbour, true, name.owner, name.pk, name.sk) == key;
      });
    }
    if (said == sync::SaidOfOurs::kEnded && !refused.dropped) ended.push_back(listed ? std::move(*listed) : refused);
    bool superseded = refused.reason.empty() && refused.held > refused.version;
    if (said != sync::SaidOfOurs::kNothing || superseded || refused.dropped) news.push_back(refused);
  }
  if (ends_list) EndUnnamed(link, &news, &ended);
  link->refusals.Took(ack.refused_number);
  stage_.End([this, agent = link->agent(), id = link->session_id, number = ack.refused_number, not_listed,
              list = ends_list ? ack.refused_from : 0, news = std::move(news),
              lost = std::move(lost)](const Status& status, std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    if (told == nullptr) return;
    if (!status.ok()) {
      told->refusals.NotRecorded();
      for (const HeardLoss& loss : lost) retention_.TakeBack(loss.counted, 0);
      return links_.RestoreQuarantine(told);
    }
    pairs_due_ = true;  // what was passed with these may be told on now
    for (const HeardLoss& loss : lost) {
      for (const LossNews& one : loss.news) TellLost(one);
    }
    if (not_listed != 0) deps_.metrics.Add("tidegate_quarantine_full_total", not_listed);
    told->not_listed += not_listed;
    for (const wire::RefusedKey& refused : news) {
      if (refused.reason.empty() && refused.held > refused.version) waits_.NoteSuperseded(*told, refused);
      PassOn(*told, refused);
    }
    if (told->session_id != id) return;  // in the new session they are told again
    if (list != 0) told->whole_list.Taken(list);
    told->refusals.Recorded(number);
    told->ack_due = true;
  });
  if (!link->is_parent()) return;
  SendAgain(ended, TG_DIRECTION_UP);
  // What stayed for that reason alone may go now.
  for (const wire::RefusedKey& name : ended) {
    if (strays_.contains(name.owner)) strays_.Note({name.owner});
  }
}

// Into the open group. It is given up where it was refused; here it stays, and is not sent again.
void Node::Impl::NoteDropped(const sync::Link& link, const wire::RefusedKey& name, const wire::RefusedKey& listed) {
  const AgentId by = name.by != 0 ? name.by : link.agent();
  given_up_.Stage(listed, by, &stage_);
  deps_.metrics.Add("tidegate_quarantine_dropped_total", 1);
  deps_.log.Write(4, "agent " + std::to_string(by) + " dropped " + name.model + " " + name.pk + " / " + name.sk +
                         " from its quarantine by hand; it stays here");
}

// Into the open group: until those who have to hear it have it, too, a crash here must not turn it into an end that
// nobody gave a reason for; they would send the item again.
void Node::Impl::StageDroppedBelow(const sync::Link& told, const wire::RefusedKey& name) {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = TG_CHANGE_ITEM;
  change.model = Str(name.model);
  change.key = {name.owner, Str(name.pk), Str(name.sk)};
  change.version = name.version.To();
  for (AgentId listener : ListenersOf(told, name)) {
    const sync::Link* link = links_.Look(listener);
    if (link != nullptr) sync::StageDropped(*link, change, name.by != 0 ? name.by : told.agent(), &stage_);
  }
}

// The entry of ours that a neighbour's word is about, if there is one.
std::optional<wire::RefusedKey> Node::Impl::ListedOfOurs(const sync::Link& link, const wire::RefusedKey& said) const {
  if (link.refused_ours.empty()) return std::nullopt;
  std::string key = sync::meta::Quarantine(link.agent(), true, said.owner, said.pk, said.sk);
  return link.refused_ours.contains(key) ? sync::NameOfEntry(deps_.storage, key) : std::nullopt;
}

// Into the open group: what the neighbour's whole list does not name any more has ended while it could not tell.
void Node::Impl::EndUnnamed(sync::Link* link, std::vector<wire::RefusedKey>* news,
                            std::vector<wire::RefusedKey>* ended) {
  link->whole_list.Begin(link->refused_ours);
  for (const std::string& key : link->whole_list.unnamed()) {
    if (link->refused_ours.erase(key) == 0) continue;
    ++link->refusals_ended;
    auto name = sync::NameOfEntry(deps_.storage, key);
    stage_.MetaDelete(key);
    if (!name) continue;
    ended->push_back(*name);
    name->reason.clear();
    name->held = name->version;
    news->push_back(std::move(*name));
  }
}

// Into the open group: a new parent knows nothing of what the former one refused, and will say anew what it refuses.
// Until then it is undelivered, so that nobody takes its absence above for a delete. Returns what has ended.
std::vector<wire::RefusedKey> Node::Impl::EndRefusedBy(sync::Link* former) {
  std::vector<wire::RefusedKey> ended;
  for (const std::string& key : former->refused_ours) {
    if (auto name = sync::NameOfEntry(deps_.storage, key)) ended.push_back(std::move(*name));
    stage_.MetaDelete(key);
  }
  former->refused_ours.clear();
  return ended;
}

// What a child has in this state and was refused above, as it is to be told.
std::optional<wire::RefusedKey> Node::Impl::RefusedAbove(const wire::RefusedKey& name, const sync::Link& child) {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || child.is_parent()) return std::nullopt;
  auto listed = ListedOfOurs(*parent, name);
  if (!listed || listed->version != name.version) return std::nullopt;
  if (listed->by == 0) listed->by = parent->agent();
  ToldBelow(*listed, child);
  return listed;
}

// A child sends what is here already and was refused above: that came by another way, and so did its refusal.
void Node::Impl::TellRefusedAbove(const tg_change& change) {
  const sync::Link* parent = links_.parent();
  if (parent == nullptr || parent->refused_ours.empty()) return;
  sync::Link* source = links_.Find(change.via);
  auto listed = source == nullptr ? std::nullopt : RefusedAbove(sync::NameOf(change), *source);
  if (!listed) return;
  (void)source->refusals.Forward(std::move(*listed));  // no room: the list is read again
  source->ack_due = true;
}

// Tells those below that what was refused above has ended, for now.
void Node::Impl::TellEnded(const sync::Link& parent, std::vector<wire::RefusedKey> ended) {
  for (wire::RefusedKey& name : ended) {
    name.reason.clear();
    name.held = name.version;
    PassOn(parent, std::move(name));
  }
}

// What was refused is overwritten by a newer state that came another way: its sender gets that, ends its own entry
// then, and will never send the old one again.
void Node::Impl::NoteOverwritten(const core::Effect& effect) {
  const tg_change& change = *effect.change;
  if (effect.outcome.seq == 0) return;
  const bool joined = change.seq == 0 && Version::From(effect.outcome.held) == Version::From(change.version);
  auto look = [&](const sync::Link* link) {
    bool ours = link->agent() == change.via;  // it refused ours, and now sends a newer one
    if (ours && joined) return;               // or what it made of ours, which is refused as before
    const std::set<std::string>& listed = ours ? link->refused_ours : link->quarantined;
    if (listed.empty()) return;
    if (!listed.contains(
            sync::meta::Quarantine(link->agent(), ours, change.key.owner, View(change.key.pk), View(change.key.sk))))
      return;
    overwritten_.emplace_back(link->agent(), sync::NameOf(change));
  };
  if (const sync::Link* parent = links_.parent()) look(parent);
  for (const sync::Link* child : links_.ChildrenOf(change.key.owner)) look(child);
  // Where its owner came from before it moved.
  for (const auto& [agent, keys] : links_.left_listed()) {
    if (!keys.contains(
            sync::meta::Quarantine(agent, false, change.key.owner, View(change.key.pk), View(change.key.sk))))
      continue;
    overwritten_.emplace_back(agent, sync::NameOf(change));
  }
  for (AgentId agent : listing_) {
    if (const sync::Link* link = links_.Look(agent); link != nullptr && !link->is_parent()) look(link);
  }
}

// The same of a neighbour that is forgotten: there is nobody to tell.
void Node::Impl::ReleaseLeft(AgentId agent, const wire::RefusedKey& newer) {
  std::string listed = sync::meta::Quarantine(agent, false, newer.owner, newer.pk, newer.sk);
  auto name = sync::NameOfEntry(deps_.storage, listed);
  if (!name || name->version > newer.version) return;
  stage_.Begin();
  JournalRefused(listed, newer.version);
  stage_.MetaDelete(listed);
  stage_.End([this, agent, listed](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) links_.DropLeft(agent, listed);
  });
}

// The refused state has lost, and its writer takes it for known here: this node keeps it aside.
void Node::Impl::JournalRefused(const std::string& entry, const Version& winner) {
  Result<std::string> bytes = deps_.storage.MetaGet(entry);
  wire::QuarantineRecord record;
  if (!bytes.ok() || !wire::DecodeRecord(bytes.value(), &record).ok()) return;
  auto refused = wire::DecodeChange(record.change);
  if (!refused.ok() || IsJoined(refused->change)) return;
  Version version = Version::From(refused->change.version);
  if (version >= winner || (version.agent == winner.agent && version.epoch == winner.epoch)) return;
  Journal(refused->change, winner, record.link, "it was refused, and a newer state came another way");
}

void Node::Impl::ReleaseOverwritten() {
  for (const auto& [agent, key] : std::exchange(overwritten_, {})) {
    sync::Link* link = links_.Find(agent);
    if (link == nullptr) {
      ReleaseLeft(agent, key);
      continue;
    }
    tg_change change{};
    change.struct_size = sizeof change;
    change.model = Str(key.model);
    change.key = {key.owner, Str(key.pk), Str(key.sk)};
    change.version = key.version.To();
    sync::StagedChanges staged;
    std::string listed = sync::meta::Quarantine(agent, false, key.owner, key.pk, key.sk);
    if (link->quarantined.contains(listed)) staged.replacing.push_back(change);
    stage_.Begin();
    if (!staged.replacing.empty()) JournalRefused(listed, key.version);
    sync::QuarantineNotes notes = sync::StageQuarantine(link, staged, deps_.storage, 0, 0, &stage_);
    wire::RefusedKey newer = key;
    newer.held = key.version;
    const bool ended = sync::StageSaidOfOurs(link, newer, deps_.storage, 0, 0, &stage_) == sync::SaidOfOurs::kEnded;
    stage_.End([this, of = agent, ended, newer, notes = std::move(notes)](const Status& status,
                                                                          std::span<const core::Effect>) {
      sync::Link* source = links_.Find(of);
      if (source == nullptr) return;
      if (!status.ok()) return links_.RestoreQuarantine(source);
      Tell(source, notes);
      if (ended) PassOn(*source, newer);
    });
  }
}

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
  for (size_t entries = 0; !retry_quarantined_.empty() && entries < kEntriesInACommit;) {
    std::vector<std::string> keys = std::move(retry_quarantined_.front());
    retry_quarantined_.pop_front();
    entries += keys.size();
    (void)RetryTogether(keys, false, nullptr);  // what does not fit yet stays as it is
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
