// Monitor: looks into every frame at the moment it is sent and checks it against the true replicas of
// both ends: what is sent is durable and may go that way, what is acknowledged is durable. It also
// plants the network's defects.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "host/wire/frames.h"
#include "tests/sim/random.h"

namespace tidegate::sim {

class SimNode;
class World;

class Monitor {
 public:
  explicit Monitor(World& world);

  void Sent(SimNode& from, AgentId to, const wire::DecodedFrame& frame);
  // Alters a frame as the planted defect wants; false: it is lost.
  bool Tamper(SimNode& from, AgentId to, wire::DecodedFrame* frame);

  static std::string Describe(const wire::DecodedFrame& frame);
  // Its disk went back: what was sent to it or by it before says nothing any more.
  void Rewound(AgentId agent) {
    rewound_ = true;
    std::erase_if(
        sent_, [&](const auto& feed) { return std::get<0>(feed.first) == agent || std::get<1>(feed.first) == agent; });
  }
  uint64_t changes_sent() const { return changes_sent_; }
  uint64_t resent() const { return resent_; }

 private:
  struct SentChange {
    std::string pk, sk;
    AgentId owner = 0;
    Version version;
  };
  struct SentBatch {
    Watermark after;
    std::vector<SentChange> changes;
  };
  using Feed = std::tuple<AgentId, AgentId, uint32_t>;  // from, to, lane

  void CheckChange(SimNode& from, AgentId to, const tg_change& change, bool feed);
  void CheckClaim(SimNode& holder, AgentId sender, uint32_t lane, const Watermark& held);

  World& world_;
  SimRandom random_;
  std::map<Feed, std::vector<SentBatch>> sent_;
  std::map<Feed, uint32_t> begins_;  // that the receiver has not adopted yet
  std::map<Feed, Watermark> lost_;   // kGapAccepted: what the next batch has to hide
  uint64_t changes_sent_ = 0, resent_ = 0;
  bool rewound_ = false;
};

}  // namespace tidegate::sim
