// A single writer whose clock or disk went back: what it writes is refused as older than what it once wrote
// itself. It gives its state a new version above that one (docs/replication.md, "A writer that went back").
#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/schema/item.h"

namespace tidegate::node {
namespace {

std::string KeyText(AgentId owner, std::string_view pk, std::string_view sk) {
  std::string text = std::to_string(owner) + '/';
  text.append(pk).append(1, '\x1f').append(sk);
  return text;
}

bool SaysOlder(const wire::RefusedKey& said) { return said.reason.empty() && said.held > said.version; }

}  // namespace

// The neighbour's state is from another life of its writer, and knew nothing of what comes now.
void Node::Impl::JournalOlderLife(sync::Link* link, const tg_change& change) {
  if (link->told_older.empty()) return;
  auto told = link->told_older.find(KeyText(change.key.owner, View(change.key.pk), View(change.key.sk)));
  if (told == link->told_older.end()) return;
  std::optional<tg_change> held = StateOf(change.key);
  if (!held || !(Version::From(held->version) < Version::From(change.version))) return;
  link->told_older.erase(told);
  Journal(*held, Version::From(change.version), link->agent(),
          "its writer, whose clock or storage went back, gave the item another state");
}

void Node::Impl::NoteToldOlder(sync::Link* link, const tg_change& change) {
  if (change.direction == TG_DIRECTION_BOTH) return;
  // What its writer then gives the item takes the place of ours, without a journal.
  if (link->told_older.size() >= sync::Link::kToldMax)
    return deps_.metrics.Add("tidegate_told_older_not_kept_total", 1);
  link->told_older.insert(KeyText(change.key.owner, View(change.key.pk), View(change.key.sk)));
}

// Whether the one who writes items like this is this node.
bool Node::Impl::IsSingleWriter(const tg_change& change) const {
  if (change.direction == TG_DIRECTION_UP) return change.key.owner == options_.agent;
  return change.direction == TG_DIRECTION_DOWN && options_.role == TG_ROLE_SERVER;
}

// Before the group that says that these refusals are durable here: both commit together.
Status Node::Impl::HeedOlder(AgentId neighbour, const wire::Ack& ack, size_t known) {
  for (size_t i = known; i < ack.refused.size(); ++i) {
    const wire::RefusedKey& said = ack.refused[i];
    if (!SaysOlder(said)) continue;
    tg_key key{said.owner, Str(said.pk), Str(said.sk)};
    if (stage_.Touches(key)) TG_RETURN_IF_ERROR(CommitStage());
    sync::Link* link = links_.Find(neighbour);
    if (link == nullptr) return Status::Unavailable("the link is gone");
    std::optional<tg_change> ours = StateOf(key);
    if (!ours) HeedUnknown(link, said);
    if (!ours || !(Version::From(ours->version) < said.held)) continue;
    if (IsSingleWriter(*ours)) {
      if (WaitsForConfirmation(*ours, said.held_kind)) {
        NoteLostBelow(neighbour, said, *ours);
      } else if (std::string text = KeyText(said.owner, said.pk, said.sk); !link->restamped.contains(text)) {
        // It only keeps two from outdoing each other for ever: one that was forgotten may be stamped once more.
        if (link->restamped.size() >= sync::Link::kToldMax) link->restamped.clear();
        link->restamped.insert(std::move(text));
        Restamp(link, said, *ours);
      }
      continue;
    }
    // Its only writer is below, and took this state for the newest: this node had dropped the newer one. It stamps its
    // state anew, as if it had heard so from its own parent.
    sync::Link* source = ours->direction == TG_DIRECTION_UP ? links_.Find(ours->via) : nullptr;
    if (source != nullptr && !source->is_parent() && Version::From(ours->version) == said.version &&
        source->refusals.Forward(said))
      source->ack_due = true;
    // Of an epoch that is not known here the parent tells at hello, unless this is another replica.
    if (said.held.agent == options_.agent && KnowsEpoch(said.held.epoch) &&
        lost_lives_.insert(said.held.epoch).second) {
      // Made here, and not here: no watermark told it, for the neighbour holds none of ours.
      wire::Hello told;
      told.agent = neighbour;
      told.known_epoch = said.held.epoch;
      told.held = {{0, Watermark{{}, 0, 0, said.held}}};
      TG_RETURN_IF_ERROR(BecomeRewound(told));
      link = links_.Find(neighbour);
      if (Session* session = link == nullptr ? nullptr : SessionOf(*link)) HelloAgain(session);
      return Status::Unavailable("this node says hello anew");
    }
    if (ours->direction == TG_DIRECTION_BOTH && Version::From(ours->version) == said.version && !IsJoined(*ours)) {
      // It is still here, and soon will not be: the newer one is on its way.
      stage_.Begin();
      Journal(*ours, said.held, neighbour, "the neighbour holds a newer state that did not know of it");
      stage_.End();
    }
  }
  return {};
}

void Node::Impl::Restamp(sync::Link* link, const wire::RefusedKey& said, const tg_change& ours) {
  std::string text = KeyText(said.owner, said.pk, said.sk);
  tg_change change = ours;
  change.via = 0;
  change.direction = static_cast<uint8_t>(DirectionHere(View(ours.model)).value_or(ours.direction));
  bool deleted_later = said.held_kind == TG_CHANGE_TOMBSTONE && ours.kind == TG_CHANGE_ITEM;
  bool deleted_by_other = false;
  // An operator has said that what the server has is the truth.
  if (deleted_later && options_.role == TG_ROLE_SERVER && ours.direction == TG_DIRECTION_DOWN &&
      said.held.agent == options_.agent && record_.confirmed_fall == record_.fall)
    deleted_later = IsCommandEnded(ours, said.held_kind);
  if (deleted_later && said.held.agent != options_.agent) {
    // Deleted by another node, which was a writer then, too. What this node wrote since it is the only one lives; a
    // parent is believed that the rest is gone, a child is not.
    deleted_by_other = policy_changes_.IsOfFormer(ours);
    if (deleted_by_other && !link->is_parent()) return;
    deleted_later = deleted_by_other;
  }
  const tg_version above =
      Version{versions_.Tick(deps_.clock.unix_ms(), said.held.hlc), options_.agent, deps_.storage.epoch()}.To();
  stage_.Begin();
  if (deleted_later && (deleted_by_other || !IsSinceRewind(Version::From(ours.version)))) {
    // Or in a life that this node has forgotten. What it wrote before that stays deleted.
    Journal(ours, said.held, link->agent(),
            deleted_by_other ? "it was deleted above while others might write it, too"
                             : "it was deleted before this node's storage went back");
    change.kind = TG_CHANGE_TOMBSTONE;
    change.body = change.policy_meta = {};
    change.index_keys = nullptr;
    change.index_key_count = 0;
    change.expires_ms = 0;
    // Another's delete is not this node's to tell. Its own is: a router between may have the state from here.
    change.version = deleted_by_other ? above : said.held.To();
  } else {
    change.version = above;
    auto catalog = deps_.catalog.Get();
    if (const replica::ModelRule* rule = catalog->Find(View(change.model))) IndexItem(*rule->model, &change);
  }
  change.digest = ChangeDigest(change);
  stage_.Put(change, TG_IF_VERSION, Version::From(ours.version));
  stage_.End([this, agent = link->agent(), text](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) {
      deps_.metrics.Add("tidegate_restamped_total", 1);
    } else if (sync::Link* told = links_.Find(agent)) {
      told->restamped.erase(text);
    }
  });
  deps_.log.Write(4, "the neighbour holds a newer state of " + said.model + " " + said.pk + " / " + said.sk +
                         " than its only writer, this node: " +
                         (deleted_by_other ? "it was deleted there before the model went another way"
                                           : "its clock or storage went back"));
}

}  // namespace tidegate::node
