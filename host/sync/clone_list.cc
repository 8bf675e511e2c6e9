#include "host/sync/clone_list.h"

#include <algorithm>
#include <charconv>

#include "host/sync/meta_keys.h"

namespace tidegate::sync {

Status CloneList::Restore(const core::Storage& storage) {
  epochs_.clear();
  return storage.MetaScan(meta::kClonePrefix, [&](std::string_view key, std::string_view) {
    std::string_view name = key.substr(meta::kClonePrefix.size());
    size_t end = name.find('/');
    Epoch epoch = 0;
    if (end == std::string_view::npos) return true;
    Result<AgentId> agent = ParseAgent(name.substr(0, end));
    std::from_chars(name.data() + end + 1, name.data() + name.size(), epoch, 16);
    if (agent.ok() && epoch != 0) epochs_[agent.value()].push_back(epoch);
    return true;
  });
}

bool CloneList::Knows(AgentId agent, const std::vector<wire::EpochStart>& epochs) const {
  auto known = epochs_.find(agent);
  if (known == epochs_.end()) return false;
  return std::any_of(epochs.begin(), epochs.end(), [&](const wire::EpochStart& e) {
    return std::find(known->second.begin(), known->second.end(), e.epoch) != known->second.end();
  });
}

void CloneList::StageAdd(AgentId agent, Epoch epoch, core::Stage* stage) const {
  auto known = epochs_.find(agent);
  if (known != epochs_.end() && known->second.size() >= kEpochsMax)
    stage->MetaDelete(meta::Clone(agent, known->second.front()));
  stage->MetaPut(meta::Clone(agent, epoch), "");
}

bool CloneList::Add(AgentId agent, Epoch epoch) {
  std::vector<Epoch>& epochs = epochs_[agent];
  if (std::find(epochs.begin(), epochs.end(), epoch) != epochs.end()) return true;
  const bool full = epochs.size() >= kEpochsMax;
  if (full) epochs.erase(epochs.begin());
  epochs.push_back(epoch);
  return !full;
}

void CloneList::StageForget(AgentId agent, core::Stage* stage) const {
  auto known = epochs_.find(agent);
  if (known == epochs_.end()) return;
  for (Epoch epoch : known->second) stage->MetaDelete(meta::Clone(agent, epoch));
}

void CloneList::Forget(AgentId agent) {
  epochs_.erase(agent);
  refused_us_.erase(agent);
}

}  // namespace tidegate::sync
