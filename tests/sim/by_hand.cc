#include "tests/sim/by_hand.h"

#include <vector>

#include "tests/sim/world.h"

namespace tidegate::sim {

void ByHand::Plan(uint32_t count, int64_t us) {
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(0, us), [this] { Once(); });
}

void ByHand::Once() {
  struct Listed {
    SimNode* node;
    node::QuarantineEntry entry;
  };
  std::vector<Listed> listed;
  for (const auto& node : world_.nodes()) {
    if (!node->up()) continue;
    for (node::QuarantineEntry& entry : node->quarantine()) listed.push_back({node.get(), std::move(entry)});
  }
  if (listed.empty()) return;
  const Listed& one = listed[random_.Below(listed.size())];
  SimNode& node = *one.node;
  const bool drops = random_.PerMille(400);
  node::QuarantineRequest request;
  request.action = drops ? node::QuarantineAction::kDrop : node::QuarantineAction::kRetry;
  if (random_.PerMille(800)) request.id = one.entry.id;
  world_.trace().Line(world_.now_us(), node.agent(), "%s %s of its quarantine", drops ? "drops" : "retries",
                      request.id.empty() ? "all" : request.id.c_str());
  for (const Listed& other : listed) {
    const bool meant = other.node == &node && (request.id.empty() || request.id == other.entry.id);
    if (meant && drops && !other.entry.ours) world_.oracle().GiveUp(other.entry);
  }
  node.ActOnQuarantine(request, [this, &node](const node::QuarantineAnswer& answer) {
    world_.trace().Line(world_.now_us(), node.agent(), "quarantine: %llu done, %llu not",
                        static_cast<unsigned long long>(answer.done),
                        static_cast<unsigned long long>(answer.failed_count));
  });
}

}  // namespace tidegate::sim
