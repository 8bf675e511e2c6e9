// What a neighbour refused of ours: listed here, told to whom it concerns, and sent again when it has ended there.
#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

// What one ack said.
struct Node::Impl::HeardRefusals {
  std::vector<wire::RefusedKey> news;              // what concerns others too
  std::vector<wire::RefusedKey> ended;             // what is over
  std::vector<HeardLoss> lost;                     // dropped there, or above, before it had gone on
  std::map<std::string, wire::RefusedKey> listed;  // by this ack, by key
  uint64_t not_listed = 0;                         // for want of room
  wire::SessionId session = 0;
  uint64_t number = 0;  // of its last refusal
  uint64_t list = 0;    // the number that the list begins with which it ends, if it does
};

// What the neighbour refused of ours; confirmed once it is durable here.
void Node::Impl::OnRefusals(sync::Link* link, const wire::Ack& ack) {
  const size_t known = link->refusals.Known(ack);
  const bool whole = link->whole_list.Due(ack);
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
  link = ReadyForRefusals(link->agent(), ack, known);
  if (link == nullptr) return;
  stage_.Begin();
  HeardRefusals heard;
  for (size_t i = known; i < ack.refused.size(); ++i) {
    const bool of_list = whole && ack.refused_number - ack.refused.size() + i + 1 >= ack.refused_from;
    HearRefusal(link, ack.refused[i], of_list, &heard);
  }
  if (ends_list) EndUnnamed(link, &heard.news, &heard.ended);
  link->refusals.Took(ack.refused_number);
  const std::vector<wire::RefusedKey> ended = std::move(heard.ended);
  heard.session = link->session_id;
  heard.number = ack.refused_number;
  heard.list = ends_list ? ack.refused_from : 0;
  stage_.End(
      [this, agent = link->agent(), heard = std::move(heard)](const Status& status, std::span<const core::Effect>) {
        if (sync::Link* told = links_.Find(agent)) RefusalsHeard(told, heard, status);
      });
  if (!link->is_parent()) return;
  SendAgain(ended, TG_DIRECTION_UP);
  // What stayed for that reason alone may go now.
  for (const wire::RefusedKey& name : ended) {
    if (strays_.contains(name.owner)) strays_.Note({name.owner});
  }
}

// Nothing: not now, it is told again; or the link is gone.
sync::Link* Node::Impl::ReadyForRefusals(AgentId neighbour, const wire::Ack& ack, size_t known) {
  if (!HeedOlder(neighbour, ack, known).ok()) return nullptr;
  const sync::Link* link = links_.Find(neighbour);
  if (link == nullptr) return nullptr;
  // An end is about what is listed, and that has to be readable.
  const bool ends = std::any_of(ack.refused.begin() + static_cast<std::ptrdiff_t>(known), ack.refused.end(),
                                [](const wire::RefusedKey& refused) { return refused.reason.empty(); });
  if (ends && !link->refused_ours.empty() && !CommitStage().ok()) return nullptr;
  return links_.Find(neighbour);
}

// Into the open group. of_list: it is part of the list that the neighbour tells as a whole.
void Node::Impl::HearRefusal(sync::Link* link, const wire::RefusedKey& refused, bool of_list, HeardRefusals* heard) {
  if (!refused.lost.empty()) {
    if (link->is_parent()) heard->lost.push_back(StageHeardLost(*link, refused));
    return;
  }
  const AgentId neighbour = link->agent();
  const std::string key = sync::meta::Quarantine(neighbour, true, refused.owner, refused.pk, refused.sk);
  if (of_list) {
    link->whole_list.Begin(link->refused_ours);
    if (!refused.reason.empty()) link->whole_list.Named(key);
  }
  const uint64_t room = refused.reason.empty() ? 0 : QuarantineRoom();
  auto listed = refused.reason.empty() ? ListedOfOurs(*link, refused) : std::nullopt;
  if (auto now = heard->listed.find(key); now != heard->listed.end()) listed = now->second;
  const sync::SaidOfOurs said =
      sync::StageSaidOfOurs(link, refused, deps_.storage, room, deps_.clock.unix_ms(), &stage_);
  if (said == sync::SaidOfOurs::kNoRoom) ++heard->not_listed;
  if (said == sync::SaidOfOurs::kListed) heard->listed[key] = refused;
  if (refused.dropped) {
    // Its writer has to know that it is nowhere above, also if the refusal never got here.
    const bool is_listed = listed && listed->version == refused.version;
    const bool unheard = refused.version.agent == options_.agent && !given_up_.Knows(refused);
    if (said == sync::SaidOfOurs::kEnded || unheard) NoteDropped(*link, refused, is_listed ? *listed : refused);
    StageDroppedBelow(*link, refused);
    // An end that came before in this ack would send it again.
    std::erase_if(heard->ended, [&](const wire::RefusedKey& name) {
      return sync::meta::Quarantine(neighbour, true, name.owner, name.pk, name.sk) == key;
    });
  } else if (said == sync::SaidOfOurs::kEnded) {
    heard->ended.push_back(listed ? std::move(*listed) : refused);
  }
  // Given up there by hand, and taken since: no hop lists it, its writer does.
  const bool taken = link->is_parent() && refused.reason.empty() && !refused.dropped && !refused.version.none() &&
                     refused.held == refused.version && said == sync::SaidOfOurs::kNothing;
  if (taken) given_up_.Taken(refused, &stage_);
  const bool superseded = refused.reason.empty() && refused.held > refused.version;
  if (said != sync::SaidOfOurs::kNothing || superseded || refused.dropped || taken) heard->news.push_back(refused);
}

// After the commit that was to hold them.
void Node::Impl::RefusalsHeard(sync::Link* link, const HeardRefusals& heard, const Status& status) {
  if (!status.ok()) {
    link->refusals.NotRecorded();
    for (const HeardLoss& loss : heard.lost) retention_.TakeBack(loss.counted, 0);
    return links_.RestoreQuarantine(link);
  }
  pairs_due_ = true;  // what was passed with these may be told on now
  for (const HeardLoss& loss : heard.lost) {
    for (const LossNews& one : loss.news) TellLost(one);
  }
  if (heard.not_listed != 0) deps_.metrics.Add("tidegate_quarantine_full_total", heard.not_listed);
  link->not_listed += heard.not_listed;
  for (const wire::RefusedKey& refused : heard.news) {
    if (refused.reason.empty() && refused.held > refused.version) waits_.NoteSuperseded(*link, refused);
    PassOn(*link, refused);
  }
  if (link->session_id != heard.session) return;  // in the new session they are told again
  if (heard.list != 0) link->whole_list.Taken(heard.list);
  link->refusals.Recorded(heard.number);
  link->ack_due = true;
}

// Into the open group. It is given up where it was refused; here it stays, and is not sent again.
void Node::Impl::NoteDropped(const sync::Link& link, const wire::RefusedKey& name, const wire::RefusedKey& listed) {
  const AgentId by = name.by != 0 ? name.by : link.agent();
  given_up_.Stage(listed, by, &stage_);
  deps_.metrics.Add("tidegate_quarantine_dropped_total", 1);
  deps_.log.Write(4, "agent " + std::to_string(by) + " dropped " + name.model + " " + name.pk + " / " + name.sk +
                         " from its quarantine by hand; it stays here");
}

// What was given up here by hand came once more, and was taken: who gave it is told that this is over.
void Node::Impl::TellTaken(const tg_change& change) {
  sync::Link* link = links_.Find(change.via);
  if (link == nullptr || link->is_parent()) return;
  (void)link->refusals.Forward(sync::ReleaseNote(change, Version::From(change.version)));
  link->ack_due = true;
}

// Into the open group: until those who have to hear it have it, too, a crash here must not turn it into an end that
// nobody gave a reason for; they would send the item again.
void Node::Impl::StageDroppedBelow(const sync::Link& told, const wire::RefusedKey& name) {
  const tg_change change = sync::StateNamed(name);
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

}  // namespace tidegate::node
