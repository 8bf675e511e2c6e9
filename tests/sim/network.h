// Network: sessions between children and parents, with everything that may happen to frames on the way:
// loss, delay, doubling, reordering, sessions that break at one end first or die without a word.
// Frames are really encoded and decoded; the monitor sees each one at the moment it is sent.
// Thread safety: none. Ownership: refers to the world; owns the connections.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>

#include "host/core/transport.h"
#include "host/wire/codec.h"
#include "tests/sim/monitor.h"
#include "tests/sim/random.h"

namespace tidegate::sim {

class SimNode;
class World;

// Chances in per mille of each frame.
struct Weather {
  uint64_t drop = 0;
  uint64_t twice = 0;
  uint64_t late = 0;  // delayed up to late_us_max, so that it comes after newer frames
  uint64_t full = 0;  // send says kFull once
  int64_t delay_us_min = 500;
  int64_t delay_us_max = 20'000;
  int64_t late_us_max = 3'000'000;
};

// How a session ends.
enum class Break : uint8_t {
  kBoth,        // both ends learn it soon, each at its own time
  kChildFirst,  // the parent learns it much later
  kParentFirst,
  kSilent,  // no end learns it: frames vanish
  // Half-open, and no end of the faults mends it: only another session does.
  kDeafChild,   // accepts what the child sends and returns nothing
  kDeafParent,  // the other way round
  kNoBatches,   // everything passes but batches: connected, and not moving
};

// Nodes are named by their places.
class Network {
 public:
  Network(World& world, SimRandom random);
  ~Network();

  Weather& weather() { return weather_; }
  Monitor& monitor() { return monitor_; }
  uint64_t frames() const { return frames_; }
  uint64_t bytes() const { return bytes_; }

  // The child's link to its parent passes nothing while cut.
  void Cut(AgentId child, bool cut);
  bool IsCut(AgentId child) const { return cut_.contains(child); }
  void HealAll();
  // A session passes one way only, or no batches; until there is another one.
  bool AnyHalfOpen() const;
  // Asked for every frame; false: it is lost. For scenarios.
  using Filter = std::function<bool(AgentId from, AgentId to, const wire::Body& body)>;
  void SetFilter(Filter filter) { filter_ = std::move(filter); }
  void BreakSession(AgentId child, Break how);

  // A node came up or died; a link's parent was changed.
  void NodeUp(SimNode& node);
  void NodeDown(SimNode& node);

  Status Send(SimNode& from, core::TransportSession session, std::string_view frame);
  void CloseFrom(SimNode& from, core::TransportSession session);

 private:
  // One connection made by a child. The parent's end is made when the first frame arrives, as behind a broker.
  struct Link {
    AgentId child = 0, parent = 0;
    core::TransportSession child_session = 0, parent_session = 0;  // 0 = that end is closed
    bool gone = false;                                             // passes nothing any more
    bool deaf_child = false, deaf_parent = false, no_batches = false;
  };
  using LinkPtr = std::shared_ptr<Link>;

  void Dial(AgentId child, int64_t delay_us);
  void OpenParentEnd(const LinkPtr& link);
  void CloseEnd(const LinkPtr& link, bool child_end, int64_t delay_us, const char* why);
  void Deliver(const LinkPtr& link, bool to_child, core::TransportSession of, const wire::DecodedFrame& frame,
               uint64_t bytes);
  LinkPtr Current(AgentId child);

  World& world_;
  SimRandom random_;
  Weather weather_;
  Monitor monitor_;
  core::TransportSession next_session_ = 1;
  uint64_t frames_ = 0, bytes_ = 0;
  std::map<core::TransportSession, LinkPtr> sessions_;  // both ends' numbers
  std::map<AgentId, LinkPtr> by_child_;                 // the newest of each child
  std::set<AgentId> cut_, dialing_;
  Filter filter_;
};

}  // namespace tidegate::sim
