#include "tests/sim/network.h"

#include <algorithm>

#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

// The longest that an end may not know that its peer is gone.
constexpr int64_t kUnawareUsMax = 40 * kSecond;

}  // namespace

Network::Network(World& world, SimRandom random)
    : world_(world), random_(random), weather_(world.options().weather), monitor_(world) {}

Network::~Network() = default;

Network::LinkPtr Network::Current(AgentId child) {
  auto found = by_child_.find(child);
  return found == by_child_.end() ? nullptr : found->second;
}

void Network::Cut(AgentId child, bool cut) {
  world_.trace().Line(world_.now_us(), child, cut ? "link cut" : "link healed");
  if (cut) {
    cut_.insert(child);
  } else {
    cut_.erase(child);
  }
}

void Network::HealAll() {
  while (!cut_.empty()) Cut(*cut_.begin(), false);
  weather_ = Weather{};
}

bool Network::AnyHalfOpen() const {
  return std::any_of(by_child_.begin(), by_child_.end(), [](const auto& entry) {
    const Link& link = *entry.second;
    return !link.gone && (link.deaf_child || link.deaf_parent || link.no_batches);
  });
}

void Network::NodeUp(SimNode& node) {
  if (node.parent() != 0) Dial(node.place(), random_.Between(1, 200) * kMs);
}

void Network::NodeDown(SimNode& node) {
  // Its own sessions are gone at once; the peers learn it soon, late, or (a child behind a broker) never.
  std::vector<LinkPtr> links;
  for (const auto& [session, link] : sessions_)
    if ((link->child == node.place() && session == link->child_session) ||
        (link->parent == node.place() && session == link->parent_session))
      links.push_back(link);
  for (const LinkPtr& link : links) {
    const bool child_died = link->child == node.place();
    auto& own = child_died ? link->child_session : link->parent_session;
    sessions_.erase(own);
    own = 0;
    if (child_died) {
      link->gone = true;
      CloseEnd(link, false, random_.PerMille(700) ? random_.Between(1, 500) * kMs : random_.Between(1, kUnawareUsMax),
               "the child is gone");
    } else if (random_.PerMille(600)) {
      link->gone = true;
      CloseEnd(link, true, random_.Between(1, 2000) * kMs, "the parent is gone");
    }  // else: the broker keeps the child's end, and a restarted parent gets its frames
  }
}

void Network::Dial(AgentId child, int64_t delay_us) {
  if (!dialing_.insert(child).second) return;
  world_.After(delay_us, [this, child] {
    dialing_.erase(child);
    SimNode* node = world_.Find(child);
    if (node == nullptr || !node->up() || node->parent() == 0) return;
    LinkPtr now = Current(child);
    if (now && now->child_session != 0 && now->parent == node->parent()) return;
    SimNode* parent = world_.Find(node->parent());
    if (parent == nullptr || !parent->up() || IsCut(child)) return Dial(child, random_.Between(100, 1000) * kMs);

    auto link = std::make_shared<Link>();
    link->child = child;
    link->parent = node->parent();
    link->child_session = next_session_++;
    sessions_[link->child_session] = link;
    by_child_[child] = link;
    world_.trace().Line(world_.now_us(), child, "session %llu opened to %llu",
                        static_cast<unsigned long long>(link->child_session),
                        static_cast<unsigned long long>(link->parent));
    node->Opened(link->child_session, {core::Side::kParent, link->parent, true, "sim"});
    // The parent's end, if the first frame does not open it before.
    world_.After(random_.Between(0, 100) * kMs, [this, link] {
      if (!link->gone) OpenParentEnd(link);
    });
  });
}

void Network::OpenParentEnd(const LinkPtr& link) {
  SimNode* parent = world_.Find(link->parent);
  if (link->parent_session != 0 || parent == nullptr || !parent->up()) return;
  link->parent_session = next_session_++;
  sessions_[link->parent_session] = link;
  world_.trace().Line(world_.now_us(), link->parent, "session %llu opened from %llu",
                      static_cast<unsigned long long>(link->parent_session),
                      static_cast<unsigned long long>(link->child));
  const AgentId agent = world_.node(link->child).agent();
  parent->Opened(link->parent_session, {core::Side::kChild, agent, true, "sim"});
}

void Network::CloseEnd(const LinkPtr& link, bool child_end, int64_t delay_us, const char* why) {
  const core::TransportSession session = child_end ? link->child_session : link->parent_session;
  if (session == 0) return;
  world_.After(delay_us, [this, link, child_end, session, why] {
    core::TransportSession& end = child_end ? link->child_session : link->parent_session;
    if (end != session || !sessions_.contains(session)) return;
    end = 0;
    sessions_.erase(session);
    const AgentId place = child_end ? link->child : link->parent;
    world_.trace().Line(world_.now_us(), place, "session %llu closed: %s", static_cast<unsigned long long>(session),
                        why);
    if (SimNode* node = world_.Find(place); node != nullptr && node->up()) node->Closed(session, why);
    if (child_end) Dial(link->child, random_.Between(50, 1500) * kMs);
  });
}

void Network::BreakSession(AgentId child, Break how) {
  LinkPtr link = Current(child);
  if (!link || link->gone) return;
  world_.trace().Line(world_.now_us(), child, "session %llu breaks, way %d",
                      static_cast<unsigned long long>(link->child_session), static_cast<int>(how));
  if (how >= Break::kDeafChild) {
    link->deaf_child = how == Break::kDeafChild;
    link->deaf_parent = how == Break::kDeafParent;
    link->no_batches = how == Break::kNoBatches;
    return;
  }
  link->gone = true;
  const int64_t soon = random_.Between(0, 300) * kMs;
  const int64_t late = random_.Between(kSecond, kUnawareUsMax);
  if (how != Break::kSilent) {
    CloseEnd(link, true, how == Break::kParentFirst ? late : soon, "broken");
    CloseEnd(link, false, how == Break::kChildFirst ? late : random_.Between(0, 300) * kMs, "broken");
  }
}

void Network::CloseFrom(SimNode& from, core::TransportSession session) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return;
  LinkPtr link = found->second;
  const bool child_end = link->child == from.place() && link->child_session == session;
  world_.trace().Line(world_.now_us(), from.place(), "closes session %llu", static_cast<unsigned long long>(session));
  link->gone = true;
  CloseEnd(link, child_end, random_.Between(0, 5) * kMs, "closed here");
  CloseEnd(link, !child_end, random_.PerMille(900) ? random_.Between(1, 500) * kMs : kUnawareUsMax, "closed there");
}

Status Network::Send(SimNode& from, core::TransportSession session, std::string_view bytes) {
  auto found = sessions_.find(session);
  if (found == sessions_.end()) return Status::Unavailable("the session is gone");
  LinkPtr link = found->second;
  const bool to_child = link->parent == from.place() && link->parent_session == session;
  const AgentId to = to_child ? link->child : link->parent;
  if (random_.PerMille(weather_.full)) {
    world_.After(random_.Between(1, 50) * kMs, [this, place = from.place(), session] {
      SimNode* node = world_.Find(place);
      if (node != nullptr && node->up() && sessions_.contains(session)) node->Writable(session);
    });
    return Status::Full("the queue is full");
  }
  ++frames_;
  bytes_ += bytes.size();

  uint32_t unknown_type = 0;
  auto frame = wire::Decode(bytes, wire::DecodeLimits{}, &unknown_type);
  if (!frame.ok()) {
    world_.Fail("node " + std::to_string(from.agent()) +
                " sent a frame that does not decode: " + frame.status().message());
    return {};
  }
  world_.trace().Line(world_.now_us(), from.place(), "sends to %llu %s, %zu bytes, hash %016llx",
                      static_cast<unsigned long long>(to), Monitor::Describe(*frame).c_str(), bytes.size(),
                      static_cast<unsigned long long>(HashText(bytes)));
  if (link->child >= World::kFirstCopy) {
    world_.oracle().CopyTalks(from, world_.node(to), *frame);
  } else {
    monitor_.Sent(from, to, *frame);
  }
  if (!monitor_.Tamper(from, to, &*frame)) return {};

  const bool swallowed = (to_child ? link->deaf_child : link->deaf_parent) ||
                         (link->no_batches && std::holds_alternative<wire::Batch>(frame->body));
  const bool lost = swallowed || link->gone || IsCut(link->child) || random_.PerMille(weather_.drop) ||
                    (filter_ && !filter_(from.agent(), to, frame->body));
  const int copies = lost ? 0 : random_.PerMille(weather_.twice) ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const int64_t delay = random_.PerMille(weather_.late)
                              ? random_.Between(weather_.delay_us_max, weather_.late_us_max)
                              : random_.Between(weather_.delay_us_min, weather_.delay_us_max);
    world_.After(delay, [this, link, to_child, of = to_child ? link->child_session : link->parent_session,
                         copy = *frame, size = bytes.size()] { Deliver(link, to_child, of, copy, size); });
  }
  return {};
}

void Network::Deliver(const LinkPtr& link, bool to_child, core::TransportSession of, const wire::DecodedFrame& frame,
                      uint64_t bytes) {
  SimNode* node = world_.Find(to_child ? link->child : link->parent);
  if (link->gone || IsCut(link->child) || node == nullptr || !node->up()) return;
  if (!to_child) OpenParentEnd(link);
  const core::TransportSession session = to_child ? link->child_session : link->parent_session;
  if (session == 0 || (to_child && session != of)) return;
  if (link->child >= World::kFirstCopy && to_child) world_.oracle().CopyHears(*node, frame);
  if (link->child < World::kFirstCopy) world_.oracle().Heard(to_child ? link->parent : link->child, node->agent());
  node->Frame(session, frame, bytes);
}

}  // namespace tidegate::sim
