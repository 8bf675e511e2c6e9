#include "host/node/clearings.h"

#include <utility>
#include <vector>

#include "host/base/views.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kRowsInACommit = 500;

}  // namespace

Status Clearings::Judge(const ClearRequest& request) const {
  if (options_.role == TG_ROLE_SERVER)
    return Status::Refused("what goes up has arrived here: the server clears nothing");
  if (!request.model.empty() && deps_.catalog.Get()->Find(request.model) == nullptr)
    return Status::NotFound("no model '" + request.model + "' in the schemas of this node");
  if (links_.parent() == nullptr)
    return Status::Unavailable("this node has never been connected with a parent: nothing of it has arrived anywhere");
  if (!marks_.empty())
    return Status::Unavailable("not everything is compared with the parent yet: what has arrived is not known; " +
                               std::to_string(marks_.size()) + " scopes are left");
  return {};
}

void Clearings::Add(const ClearRequest& request, std::function<void(ClearAnswer)> done) {
  Clearing clearing;
  clearing.request = request;
  clearing.arrived = request.at == SyncTarget::kHop ? links_.parent()->PassedHop(end_.position)
                                                    : links_.parent()->PassedDelivered(end_.position);
  clearing.done = std::move(done);
  clearings_.push_back(std::move(clearing));
}

// Only items that go up and nowhere else: any other is this node's to have.
bool Clearings::MayClear(const Clearing& clearing, const tg_change& change) const {
  return change.kind == TG_CHANGE_ITEM && change.direction == TG_DIRECTION_UP &&
         way_up_.HasArrived(change, clearing.arrived, clearing.request.at);
}

void Clearings::Run() {
  if (clearings_.empty()) return;
  Clearing& clearing = clearings_.front();
  if (clearing.over) {
    auto done = std::move(clearing.done);
    ClearAnswer answer{clearing.failure, clearing.cleared};
    clearings_.pop_front();
    return done(answer);
  }
  tg_query query{};
  query.struct_size = sizeof query;
  query.flags = TG_QUERY_KEYS_ONLY;
  if (clearing.request.owner != kAgentAll) query.flags |= TG_QUERY_OWNER;
  query.owner = clearing.request.owner;
  query.model = Str(clearing.request.model);
  query.limit = kRowsInACommit;
  query.cursor = Bytes(clearing.cursor);
  std::vector<tg_change> found;
  core::ChangeArena& arena = stage_.arena();
  Result<std::string> next = deps_.storage.Query(query, [&](const tg_change& change) {
    if (MayClear(clearing, change) && !stage_.Touches(change.key)) found.push_back(arena.Copy(change));
    return true;
  });
  if (!next.ok()) {
    clearing.failure = next.status();
    clearing.over = true;
    return;
  }
  clearing.cursor = std::move(next).value();
  clearing.over = clearing.cursor.empty();
  std::erase_if(found, [this](const tg_change& change) { return way_up_.KeepsAnswer(change); });
  // Each alone: one that was edited in the same commit stays, the others go.
  for (const tg_change& change : found) {
    stage_.Begin();
    stage_.Purge(change, Version::From(change.version));
    stage_.End([this, owner = clearing.request.owner](const Status& status, std::span<const core::Effect> effects) {
      if (clearings_.empty() || clearings_.front().request.owner != owner) return;
      Clearing& now = clearings_.front();
      if (!status.ok()) {
        now.failure = status;
        now.over = true;
      } else if (!effects.empty() && effects[0].applied()) {
        ++now.cleared;
      }
    });
  }
}

}  // namespace tidegate::node
