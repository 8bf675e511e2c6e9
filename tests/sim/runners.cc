#include "tests/sim/runners.h"

#include "host/base/views.h"
#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

using replica::WriteMode;

constexpr uint64_t kFirst = 1'000'000'000;  // of tags and requests: beside those of the workload
constexpr uint64_t kNames = 12;             // so that some are sent again

std::string Properties(const std::string& name, uint64_t tag) {
  return "{\"name\":\"" + name + "\",\"n\":" + std::to_string(tag) + "}";
}

bool MayFail(const Status& status) {
  return status.code() == Code::kIo || status.code() == Code::kFull || status.code() == Code::kUnavailable ||
         status.code() == Code::kConflict;
}

}  // namespace

void Runners::Plan(uint32_t count, int64_t us) {
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(0, us), [this] { Send(); });
  for (const auto& node : world_.nodes()) {
    if (node->role() != TG_ROLE_DEVICE) continue;
    for (int64_t at = 0; at < us; at += random_.Between(200, 4'000) * kMs)
      world_.After(at, [this, device = node.get()] { (void)Look(*device); });
  }
}

void Runners::Send() {
  SimNode& server = world_.node(kAgentServer);
  if (!server.up()) return;
  std::vector<AgentId> devices;
  for (const auto& node : world_.nodes())
    if (node->role() == TG_ROLE_DEVICE) devices.push_back(node->agent());
  const AgentId to = random_.PerMille(150) ? kAgentAll : devices[random_.Below(devices.size())];
  const std::string name = "c" + std::to_string(random_.Below(kNames));
  const uint64_t tag = kFirst + next_++;
  world_.trace().Line(world_.now_us(), server.agent(), "command %s to %llu", name.c_str(),
                      static_cast<unsigned long long>(to));
  world_.oracle().Asked(tag, {tag});
  server.Write({{WriteMode::kUpsert, "Order", Properties(name, tag), {}, to}},
               [this, &server, tag, to, name](const replica::WriteAnswer& answer) {
                 world_.oracle().Answered(server, tag, answer);
                 if (answer.status.ok() && to != kAgentAll) sent_.insert({to, name});
               });
}

bool Runners::Holds(SimNode& node, const char* pk, uint64_t owner, const std::string& name) {
  const std::string sk = pk + name;
  bool item = false;
  Status got = node.truth().Get({owner, Str(pk), Str(sk)}, [&](const tg_change& change) {
    item = change.kind == TG_CHANGE_ITEM;
    return false;
  });
  return got.ok() && item;
}

bool Runners::Look(SimNode& device) {
  See(device);
  if (!device.up()) return false;
  const node::CommandList list = device.commands("Order");
  bool busy = !list.waits_for.empty();
  for (const node::DueCommand& due : list.commands) {
    const std::string name = due.sk.substr(due.sk.find('#') + 1);
    Run& run = runs_[{device.agent(), name}];
    if (IsAnswered(device, name)) {
      world_.Fail("node " + std::to_string(device.agent()) + " is to run command " + name +
                  " again, which it answered");
      return false;
    }
    busy = true;
    if (run.starts == device.starts()) continue;  // the program is at work
    run.starts = device.starts();
    world_.trace().Line(world_.now_us(), device.agent(), "runs command %s", name.c_str());
    world_.After(random_.Between(0, 3'000) * kMs,
                 [this, &device, name, starts = run.starts] { Answer(device, name, starts); });
  }
  return busy;
}

std::vector<SimNode*> Runners::WayUp(const SimNode& device) {
  std::vector<SimNode*> way;
  for (SimNode* node = world_.Find(device.parent()); node != nullptr; node = world_.Find(node->parent()))
    way.push_back(node);
  return way;
}

void Runners::See(SimNode& device) {
  const int64_t now_us = world_.now_us();
  auto note = [&](SimNode& node, bool there, Seen* seen) {
    if (there && seen->starts == node.starts()) return;
    *seen = {now_us, there ? node.starts() : 0};
  };
  const std::vector<SimNode*> way = WayUp(device);
  for (uint64_t i = 0; i < kNames; ++i) {
    const Name name{device.agent(), "c" + std::to_string(i)};
    if (device.up()) {
      const bool there =
          Holds(device, "order#", device.agent(), name.second) || Holds(device, "order#", kAgentAll, name.second);
      note(device, there, &commands_seen_[name]);
    }
    for (SimNode* node : way)
      if (node->up())
        note(*node, Holds(*node, "done#", device.agent(), name.second), &answers_seen_[{node->agent(), name}]);
  }
}

bool Runners::IsAnswered(SimNode& device, const std::string& name) {
  if (Holds(device, "done#", device.agent(), name)) return true;
  const Seen& command = commands_seen_[{device.agent(), name}];
  for (SimNode* node : WayUp(device)) {
    if (!node->up() || !Holds(*node, "done#", device.agent(), name)) continue;
    const Seen& answer = answers_seen_[{node->agent(), {device.agent(), name}}];
    // What a former parent gives late comes after the question; and nobody knows it of a router that moved.
    if (!world_.options().moves || (answer.starts != 0 && answer.since_us < command.since_us &&
                                    (node->agent() == device.parent() || node->role() == TG_ROLE_SERVER)))
      return true;
  }
  return false;
}

void Runners::Answer(SimNode& device, const std::string& name, uint64_t starts) {
  if (!device.up() || device.starts() != starts) return;  // killed while it ran
  const uint64_t tag = kFirst + next_++;
  world_.oracle().Asked(tag, {tag});
  device.Write({{WriteMode::kCreate, "Done", Properties(name, tag), {}, {}}}, [this, &device, tag, name](
                                                                                  const replica::WriteAnswer& answer) {
    world_.oracle().Answered(device, tag, answer);
    runs_[{device.agent(), name}].starts = 0;
    if (!answer.status.ok() && !MayFail(answer.status))
      world_.Fail("node " + std::to_string(device.agent()) + " refused an answer: " + answer.status.message());
  });
}

void Runners::Finish(int64_t limit_us) {
  const int64_t until = world_.now_us() + limit_us;
  int quiet = 0;
  while (!world_.failed() && quiet < 5) {
    bool busy = false;
    for (const auto& node : world_.nodes())
      if (node->role() == TG_ROLE_DEVICE) busy = Look(*node) || busy;
    quiet = busy || !world_.Unrest().empty() ? 0 : quiet + 1;
    if (world_.now_us() >= until) return world_.Fail("commands are not answered within the time: " + world_.Unrest());
    world_.RunFor(2 * kSecond);
  }
}

void Runners::CheckAtRest() {
  SimNode& server = world_.node(kAgentServer);
  for (const auto& [agent, name] : sent_) {
    const std::string which = "command " + name + " to node " + std::to_string(agent);
    // What a disk that went back has forgotten of it is not known.
    if (world_.oracle().lost() == 0 && !Holds(server, "done#", agent, name))
      world_.Fail(which + " has no answer at the server");
    if (world_.oracle().lost() != 0 && !Holds(server, "done#", agent, name)) continue;
    if (Holds(server, "order#", agent, name)) world_.Fail(which + " is answered and still there");
  }
}

}  // namespace tidegate::sim
