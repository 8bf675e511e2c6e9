// Joined models: in the end every replica holds the join of all that was ever written.
#include "host/base/views.h"
#include "tests/sim/model_truth.h"
#include "tests/sim/oracle.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

tg_change Oracle::Joined::Change() const {
  tg_change change{};
  change.struct_size = sizeof change;
  change.kind = written.kind;
  change.model = Str(model);
  change.version = written.version.To();
  change.body = Bytes(body);
  change.policy_meta = Bytes(meta);
  return change;
}

void Oracle::Join(const std::string& key, const tg_change& change, const Written& written) {
  auto [found, fresh] = joined_.try_emplace(key);
  Joined& truth = found->second;
  if (fresh) {
    truth = {written, std::string(View(change.model)), std::string(View(change.body)),
             std::string(View(change.policy_meta))};
    return;
  }
  auto joined = GoodPolicy().Merge({}, truth.Change(), change);
  if (!joined) return world_.Fail("the policy cannot join " + Describe(change));
  if (truth.written.version < written.version) truth.written = written;
  truth.body = std::move(joined->body);
  truth.meta = std::move(joined->policy_meta);
  truth.written.kind = truth.body.empty() ? TG_CHANGE_TOMBSTONE : TG_CHANGE_ITEM;
  truth.written.body_hash = StateHash(truth.Change());
}

// A joined state is made of written ones: the join of all of them has nothing to learn from it.
void Oracle::RemoteJoined(SimNode& node, const tg_change& change) {
  auto truth = joined_.find(KeyText(change.key));
  if (truth == joined_.end()) return Fail(node, "a joined state of nothing", change);
  auto joined = GoodPolicy().Merge({}, truth->second.Change(), change);
  if (!joined || joined->body != truth->second.body || joined->policy_meta != truth->second.meta)
    Fail(node, "a joined state that says what nobody wrote", change);
}

}  // namespace tidegate::sim
