// Two states of one version with different digests: a row was changed behind its daemon. The state of the side that is
// nearer to the writer of that version stays, so that every hop decides the same. Decision 0142.
#include <algorithm>

#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {

std::string Node::Impl::AlikeName(const tg_key& key, const Version& version) {
  std::string name = std::to_string(key.owner) + '/';
  name.append(View(key.pk)).append(1, '\x1f').append(View(key.sk)).append(1, '\x1f');
  return name + version.ToText();
}

// Its stored digest is that of the row as it is.
bool Node::Impl::IsSound(const tg_change& row) { return ChangeDigest(row) == row.digest; }

// Whether the writer of this version is on the side of the link's child, from where a state can go up.
bool Node::Impl::IsNearer(const sync::Link& link, const tg_change& change) const {
  const AgentId writer = change.version.agent;
  if ((DirectionHere(View(change.model)).value_or(change.direction) & TG_DIRECTION_UP) == 0) return false;
  if (link.is_parent()) return writer == options_.agent || links_.routes().IsBelow(writer);
  return links_.Reaches(link, writer);
}

// name: that of the state. Of too many those that have not come are forgotten: the next comparison finds them again.
static void NoteGivesWay(sync::Link* link, std::string name, core::Metrics& metrics) {
  if (link->gives_way.size() >= sync::Link::kToldMax) {
    metrics.Add("tidegate_mends_put_off_total", link->gives_way.size());
    link->gives_way.clear();
  }
  link->gives_way.insert(std::move(name));
}

// At a parent. unsound: rows here whose digest has to be made anew.
sync::Alike Node::Impl::JudgeAlike(sync::Link* link, bool look, const tg_change& ours, const wire::KeyVersion& theirs,
                                   std::vector<tg_change>* unsound, core::ChangeArena* arena) const {
  // An evict is no state of its own: what is there comes down again.
  if (ours.kind == TG_CHANGE_EVICT || theirs.kind == TG_CHANGE_EVICT) return sync::Alike::kOurs;
  const uint64_t digest = ChangeDigest(ours);
  const bool sound = digest == ours.digest;
  if (!sound && !look) unsound->push_back(arena->Copy(ours));
  if (!sound && digest == theirs.digest) return look ? sync::Alike::kUnknown : sync::Alike::kOurs;
  const bool may_come = (ours.direction & TG_DIRECTION_UP) != 0;
  if (IsNearer(*link, ours) || (!sound && may_come)) {
    if (!look) NoteGivesWay(link, AlikeName(ours.key, Version::From(ours.version)), deps_.metrics);
    return sync::Alike::kTheirs;
  }
  // What is known to be wrong here is not given on, where somebody above knows better.
  return sound || options_.role == TG_ROLE_SERVER ? sync::Alike::kOurs : sync::Alike::kUnknown;
}

// The neighbour's state is about to come.
void Node::Impl::GiveWay(sync::Link* link, const tg_change& state) {
  NoteGivesWay(link, AlikeName(state.key, Version::From(state.version)), deps_.metrics);
}

// Into the open group: the state that came, in the place of one of the same version. What is lost with that one is
// journaled.
bool Node::Impl::TakesPlace(sync::Link* link, const tg_change& change) {
  const Version version = Version::From(change.version);
  auto awaited = link->gives_way.find(AlikeName(change.key, version));
  if (awaited == link->gives_way.end() || stage_.Touches(change.key)) return false;
  std::optional<tg_change> held = StateOf(change.key);
  if (!held || Version::From(held->version) != version || held->digest == change.digest || IsJoined(change)) {
    link->gives_way.erase(awaited);  // also after the commit that took it
    return false;
  }
  if (View(held->body) != View(change.body))
    Journal(*held, version, link->agent(), "another state of the same version, nearer to its writer, took its place");
  tg_change state = change;
  state.seq = 0;  // news, though the version is the same
  stage_.Put(state, TG_IF_VERSION, version);
  deps_.metrics.Add("tidegate_altered_rows_mended_total", 1);
  return true;
}

// The same row with the digest of what it says, so that a comparison sees it as it is.
void Node::Impl::StageSound(tg_change row, AgentId via) {
  if (stage_.Touches(row.key)) return;
  deps_.log.Write(4, "the digest of " + std::string(View(row.model)) + " " + std::string(View(row.key.pk)) + " / " +
                         std::string(View(row.key.sk)) +
                         " is not that of its row: the storage was changed behind this daemon");
  const Version version = Version::From(row.version);
  row.digest = ChangeDigest(row);
  row.via = via;
  row.seq = 0;
  stage_.Begin();
  stage_.Put(row, TG_IF_VERSION, version);
  stage_.End();
  deps_.metrics.Add("tidegate_altered_rows_mended_total", 1);
}

}  // namespace tidegate::node
