#include "tests/sim/copies.h"

#include <algorithm>

#include "host/node/offline.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

constexpr int64_t kMeetUs = 90 * kSecond;  // a session that is dead and does not know it, and two back-offs

bool IsUp(const SimNode& node) {
  if (!node.up()) return false;
  const auto links = node.status().links;
  return std::any_of(links.begin(), links.end(),
                     [&](const node::LinkStatus& link) { return link.is_parent && link.state == "up"; });
}

}  // namespace

// ---- the node and its world ----

void SimNode::Renew(AgentId agent) {
  world_.trace().Line(world_.now_us(), place(), "is to be agent %llu", static_cast<unsigned long long>(agent));
  renewed_from_ = options_.agent;
  options_.agent = place_ = agent;
}

void SimNode::TakeNewId() {
  if (renewed_from_ == 0) return;
  const Status noted = node::NoteRenewed(*storage_, renewed_from_, role(), agent());
  if (!noted.ok()) world_.Fail("no new agent id: " + noted.message());
  renewed_from_ = 0;
}

SimNode& World::AddCopy(const SimNode& of, AgentId parent) {
  const AgentId place = kFirstCopy + copies_.size();
  copies_.push_back(std::make_unique<SimNode>(*this, of.options(), parent, place));
  SimNode& copy = *copies_.back();
  by_place_[place] = &copy;
  copy.CopyDisk(of);
  trace_.Line(now_us_, place, "is a copy of node %llu, parent %llu", static_cast<unsigned long long>(of.agent()),
              static_cast<unsigned long long>(parent));
  return copy;
}

// Sessions of its former place may still pass by, so that stays known.
void World::Renew(SimNode& copy, AgentId agent) {
  auto found = std::find_if(copies_.begin(), copies_.end(), [&](const auto& one) { return one.get() == &copy; });
  nodes_.push_back(std::move(*found));
  by_place_[agent] = &copy;
  if (auto direction = directions_.find(copy.agent()); direction != directions_.end()) {
    directions_[agent] = direction->second;
    changing_catalogs_[agent] = std::make_unique<replica::CatalogHolder>(Changing(agent, direction->second));
  }
  copy.Renew(agent);
}

// ---- the fault ----

void Copies::Plan(uint32_t count, int64_t us) {
  end_us_ = world_.now_us() + us;
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(2 * kSecond, us / 2), [this] { Begin(); });
}

// The image is made of a node that is switched off; so both begin an epoch of their own, and the original first. Both
// have one parent, which therefore knows that: a common node above two parents hears of no start.
void Copies::Begin() {
  std::vector<SimNode*> devices;
  for (const auto& node : world_.nodes()) {
    const bool copied =
        std::any_of(pairs_.begin(), pairs_.end(), [&](const Pair& pair) { return pair.original == node.get(); });
    if (node->role() == TG_ROLE_DEVICE && IsUp(*node) && !copied) devices.push_back(node.get());
  }
  if (devices.empty()) return;
  SimNode& original = *devices[random_.Below(devices.size())];
  original.Crash("to be copied");
  SimNode& copy = world_.AddCopy(original, original.parent());
  pairs_.push_back({&original, &copy});
  const uint64_t starts = original.starts();
  world_.After(random_.Between(20, 2'000) * kMs, [&original] { original.Start(); });
  AwaitOriginal(pairs_.back(), starts);
}

void Copies::AwaitOriginal(const Pair& pair, uint64_t starts) {
  world_.After(500 * kMs, [this, pair, starts] {
    if (pair.original->starts() == starts || !IsUp(*pair.original)) return AwaitOriginal(pair, starts);
    world_.After(random_.Between(100, 20'000) * kMs, [this, pair] { StartCopy(pair); });
  });
}

void Copies::StartCopy(const Pair& pair) {
  SimNode* copy = pair.copy;
  copy->clock().SetSkew(pair.original->clock().skew_ms());
  copy->Start();
  const int64_t left_us = std::max(end_us_ - world_.now_us(), kSecond);
  for (int64_t writes = random_.Between(4, 16); writes > 0; --writes)
    world_.After(random_.Between(0, left_us), [this, copy] { Write(*copy); });
  for (int64_t starts = random_.Between(0, 3); starts > 0; --starts) {
    world_.After(random_.Between(0, left_us), [this, copy] {
      copy->Crash("now");
      world_.After(random_.Between(20, 8'000) * kMs, [copy] { copy->Start(); });
    });
  }
}

void Copies::Write(SimNode& copy) {
  if (!copy.up()) return;
  const char* models[] = {"Reading", "Gauge", "Gauge", "Status", "Setting", "Setting"};
  const std::string model = models[random_.Below(6)];
  replica::Write write;
  write.model = model;
  write.mode = model == "Reading"      ? replica::WriteMode::kCreate
               : random_.PerMille(200) ? replica::WriteMode::kRemove
                                       : replica::WriteMode::kUpsert;
  const bool named = model == "Gauge" || model == "Setting";
  std::string fields = named ? "\"name\":\"n" + std::to_string(random_.Below(4)) + "\"" : "";
  if (write.mode != replica::WriteMode::kRemove)
    fields += std::string(fields.empty() ? "" : ",") + "\"n\":" + std::to_string(next_tag_++);
  write.properties = "{" + fields + "}";
  copy.Write({write}, [this, &copy](const replica::WriteAnswer& answer) {
    const Code code = answer.status.code();
    if (!answer.status.ok() && code != Code::kNotFound && code != Code::kIo && code != Code::kFull)
      world_.Fail("a copy refused a lawful write: " + answer.status.message());
  });
}

void Copies::Meet() {
  if (pairs_.empty()) return;
  for (const Pair& pair : pairs_) {
    // Of a pair whose image was made late the copy waits for its original.
    for (int i = 0; i < 200 && pair.copy->starts() == 0 && !world_.failed(); ++i) world_.RunFor(kSecond);
    pair.copy->Start();
  }
  world_.RunFor(kMeetUs);
}

void Copies::CheckRefused() {
  for (const Pair& pair : pairs_)
    if (!world_.failed()) world_.oracle().CheckRefused(*pair.copy, *pair.original);
}

void Copies::Finish(int64_t settle_us) {
  if (pairs_.empty()) return;
  CheckRefused();
  // No start makes another node of it, nor of who refuses it.
  for (const Pair& pair : pairs_) {
    if (world_.failed()) return;
    SimNode& parent = world_.node(pair.copy->parent());
    pair.copy->Crash("to start anew");
    parent.Crash("to start anew");
    if (random_.PerMille(500)) pair.original->Crash("to start anew");
    for (SimNode* node : {pair.copy, &parent, pair.original}) node->Start();
  }
  world_.RunFor(kMeetUs);
  if (!world_.Settle(settle_us) && !world_.failed()) world_.Fail("no rest beside a copy: " + world_.Unrest());
  CheckRefused();
  if (world_.failed()) return;
  // A refused node asks less and less often, and its original is left alone.
  uint64_t rewinds = 0;
  for (const Pair& pair : pairs_) rewinds += pair.original->rewinds();
  const uint64_t hellos = world_.oracle().hellos_of_copies();
  world_.RunFor(120 * kSecond);
  for (const Pair& pair : pairs_) rewinds -= pair.original->rewinds();
  if (rewinds != 0) world_.Fail("an original finds itself rewound for ever");
  constexpr uint64_t kHellosMax = 16;  // of one copy: half of its longest back-off lies between two of them
  if (world_.oracle().hellos_of_copies() - hellos > kHellosMax * pairs_.size())
    world_.Fail("copies said hello " + std::to_string(world_.oracle().hellos_of_copies() - hellos) + " times in 120 s");
  CheckRefused();

  AgentId next = 900;
  for (const Pair& pair : pairs_) {
    pair.copy->Crash("for good");
    if (!random_.PerMille(600) || world_.failed()) continue;
    world_.oracle().CopyRenewed(*pair.copy, next);
    world_.Renew(*pair.copy, next++);
    pair.copy->Start();
  }
  if (world_.failed()) return;
  if (!world_.Settle(settle_us) && !world_.failed())
    world_.Fail("no rest after a copy was renewed: " + world_.Unrest());
  if (!world_.failed()) world_.oracle().CheckRenewed();
  if (!world_.failed()) world_.oracle().CheckAtRest();
}

}  // namespace tidegate::sim
