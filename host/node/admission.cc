// Admission of what a neighbour sends: direction and owner at every hop (law 8); whether the item is
// valid only at its destination (law 10).
#include "host/base/digest.h"
#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/schema/item.h"

namespace tidegate::node {

namespace {

// What no storage takes would fail the whole commit, and come again for ever.
Status CheckForm(const NodeOptions& options, tg_change* change) {
  if (change->model.size == 0) return Status::Refused("the change names no model");
  if (Version::From(change->version).none()) return Status::Refused("the change has no version");
  if (change->version.agent > kAgentMax) return Status::Refused("its version is of no agent");
  uint64_t bytes = change->body.size + change->key.pk.size + change->key.sk.size;
  if (bytes > options.item_bytes_max) {
    change->body = {};  // it stays with its sender; what is listed here is bounded too
    return Status::Refused("the item has " + std::to_string(bytes) + " bytes; limits.item_bytes_max is " +
                           std::to_string(options.item_bytes_max));
  }
  return {};
}

// Law 8: up is written by the owner only, down by the server only.
Status CheckWriter(const tg_change& change) {
  AgentId writer = change.version.agent;
  if (change.direction == TG_DIRECTION_UP && writer != change.key.owner) {
    return Status::Refused("writer: agent " + std::to_string(writer) + " wrote an up item of agent " +
                           std::to_string(change.key.owner) + "; only its owner may");
  }
  if (change.direction == TG_DIRECTION_DOWN && writer != kAgentServer) {
    return Status::Refused("writer: agent " + std::to_string(writer) + " wrote a down item; only the server may");
  }
  return {};
}

}  // namespace

Status Node::Impl::AdmitOwner(const sync::Inbound& from, const tg_change& change) const {
  AgentId owner = change.key.owner;
  if (from.from_parent) {
    if (owner == kAgentAll || owner == options_.agent || links_.routes().IsBelow(owner)) return {};
    if (links_.routes().HasLeft(owner)) return {};  // sent before our parent knew; it is swept up
    return Status::Refused("owner " + std::to_string(owner) + " is neither this node nor below it");
  }
  const sync::Link* link = links_.Find(from.neighbour);
  if (owner == kAgentAll && change.direction == TG_DIRECTION_BOTH) return {};
  if (link != nullptr && links_.Reaches(*link, owner)) return {};
  // A router goes on giving what it got from a child that has moved away, by the way that is still its own; the
  // version decides. What is ours alone nobody below can have.
  if (link != nullptr && link->record.role == TG_ROLE_ROUTER && owner != options_.agent) return {};
  return Status::Refused("owner " + std::to_string(owner) + " is not below agent " + std::to_string(from.neighbour));
}

// Direction is the model's: what the writer believed counts for nothing where the model is known, by a schema
// or, at a router without it, by the parent's table (law 10). What does not fit waits as a whole.
Status Node::Impl::AdmitModel(const sync::Inbound& from, uint32_t needed, const replica::ModelRule* rule,
                              tg_change* change) {
  sync::Link* link = links_.Find(from.neighbour);
  if (link == nullptr) return Status::Internal("a change of nobody");
  std::string_view model = View(change->model);
  if (!link->holds.empty() && link->holds.Holds(*change))
    return Status(sync::kHeld, link->holds.Find(model)->record.hold.message);
  std::optional<uint32_t> direction = rule != nullptr ? rule->direction : DirectionFromAbove(model);
  if (direction.has_value() && (*direction & needed) != 0) {
    change->direction = static_cast<uint8_t>(*direction);
    return {};
  }
  std::string message = direction.has_value()
                            ? "here the model does not go " + std::string(from.from_parent ? "down" : "up") +
                                  ": give all nodes the same schema"
                            : "the schemas of this node have no such model: add it";
  HoldModel(link, model, direction.has_value() ? wire::HoldReason::kDirection : wire::HoldReason::kSchema, message);
  return Status(sync::kHeld, message);
}

bool Node::Impl::IsDestination(const tg_change& change) const {
  if (options_.role == TG_ROLE_SERVER) return (change.direction & TG_DIRECTION_UP) != 0;
  return change.key.owner == options_.agent || (change.key.owner == kAgentAll && options_.role == TG_ROLE_DEVICE);
}

Status Node::Impl::Admit(const sync::Inbound& from, tg_change* change, core::ChangeArena* arena) {
  change->via = from.neighbour;
  TG_RETURN_IF_ERROR(CheckForm(options_, change));
  uint32_t needed = from.from_parent ? TG_DIRECTION_DOWN : TG_DIRECTION_UP;
  if (from.from_parent && IsOwnAnswer(*change)) {
    needed = TG_DIRECTION_UP;
    change->via = 0;  // it is ours again: should it be lost above, it goes up once more
  }
  if ((change->direction & needed) == 0) {
    return Status::Refused(std::string("direction: the change does not go ") + (from.from_parent ? "down" : "up"));
  }
  auto catalog = deps_.catalog.Get();
  const replica::ModelRule* rule = catalog->Find(View(change->model));
  TG_RETURN_IF_ERROR(AdmitModel(from, needed, rule, change));
  TG_RETURN_IF_ERROR(AdmitOwner(from, *change));
  TG_RETURN_IF_ERROR(CheckWriter(*change));
  TG_RETURN_IF_ERROR(CheckHorizon(from, *change));
  int64_t now_ms = deps_.clock.unix_ms();
  if (!versions_.Observe(change->version.hlc, now_ms, options_.clock_drift_ms_max))
    deps_.metrics.Add("tidegate_versions_from_the_future_total", 1);

  if (rule != nullptr) {
    if (change->kind == TG_CHANGE_ITEM) {
      Envelope envelope{change->src, change->dst, change->key.owner};
      Result<Admitted> admitted =
          tidegate::Admit(*rule->model, View(change->body), View(change->key.pk), View(change->key.sk), envelope);
      if (admitted.ok()) {
        tg_index_key* keys = arena->IndexKeys(admitted->index_keys.size());
        for (size_t i = 0; i < admitted->index_keys.size(); ++i) {
          const IndexKey& key = admitted->index_keys[i];
          keys[i] = {arena->Copy(Str(key.index)), arena->Copy(Str(key.hash)), arena->Copy(Str(key.sort))};
        }
        change->index_keys = keys;
        change->index_key_count = static_cast<uint32_t>(admitted->index_keys.size());
        if (admitted->expires_ms != 0) change->expires_ms = admitted->expires_ms;
      } else if (IsDestination(*change)) {
        return admitted.status();
      }
    }
  } else if (IsDestination(*change)) {
    return Status::Refused("no model '" + std::string(View(change->model)) + "' in the schemas of this node");
  }
  change->digest = ChangeDigest(*change);
  TG_RETURN_IF_ERROR(AskChanging(from, *change));
  if (!quotas_.empty()) quotas_.NoteStaged(*change);
  AgentId owner = change->key.owner;
  if (options_.role == TG_ROLE_ROUTER && (change->direction & TG_DIRECTION_DOWN) != 0 && owner != kAgentAll &&
      owner != options_.agent && !links_.routes().IsBelow(owner))
    strays_.Admitted(owner);
  return {};
}

}  // namespace tidegate::node
