// Entries of the quarantine that a newer state ends.
#include <utility>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

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

}  // namespace tidegate::node
