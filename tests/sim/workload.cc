#include "tests/sim/workload.h"

#include <ctime>
#include <set>

#include "tests/sim/world.h"

namespace tidegate::sim {
namespace {

using replica::WriteMode;

std::string IdIn(const std::string& item) {
  constexpr std::string_view kName = "\"id\":\"";
  const size_t at = item.find(kName);
  if (at == std::string::npos) return {};
  const size_t begin = at + kName.size();
  return item.substr(begin, item.find('"', begin) - begin);
}

// What tells two keys of a transaction apart, owners aside; a new reading is always another key.
std::string KeyPart(const replica::Write& write) {
  const ModelTruth& model = *FindModel(write.model);
  if (model.form == KeyForm::kSingle) return write.model;
  size_t end = write.properties.find(",\"n\"");
  if (end == std::string::npos) end = write.properties.size() - 1;
  return write.model + write.properties.substr(0, end);
}

// As programs write a date.
std::string DateText(int64_t unix_ms) {
  const std::time_t seconds = unix_ms / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S.000Z", &utc);
  return text;
}

bool MayFailSo(const Status& status) {
  switch (status.code()) {
    case Code::kConflict:  // create of what is there
    case Code::kNotFound:  // update or remove of what is not
    case Code::kIo:        // the simulated disk
    case Code::kFull:
    case Code::kUnavailable:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Workload::Plan(uint32_t count, int64_t us) {
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(0, us), [this] { Once(0); });
}

void Workload::WriteAnew(SimNode& node) {
  std::vector<std::pair<std::string, std::string>> items = {{"Status", ""}};
  for (uint32_t i = 0; i < profile_.names; ++i) {
    std::string name = "\"name\":\"n" + std::to_string(i) + "\",";
    items.emplace_back("Gauge", name);
    items.emplace_back("Setting", name);
    items.emplace_back("Profile", name);
  }
  for (const auto& [model, name] : items) {
    if (random_.PerMille(300)) continue;
    const uint64_t tag = next_tag_++, request = next_request_++;
    ++asked_;
    replica::Write write{WriteMode::kUpsert, model, "{" + name + "\"n\":" + std::to_string(tag) + "}", {}, {}};
    world_.oracle().Asked(request, {tag});
    node.Write({write}, [this, &node, request](const replica::WriteAnswer& answer) {
      if (!answer.status.ok() && !MayFailSo(answer.status))
        world_.Fail("node " + std::to_string(node.agent()) + " refused a lawful write: " + answer.status.message());
      world_.oracle().Answered(node, request, answer);
    });
  }
}

void Workload::PlanSyncs(uint32_t count, int64_t us) {
  for (uint32_t i = 0; i < count; ++i) world_.After(random_.Between(0, us), [this] { SyncOnce(); });
}

SimNode* Workload::AnyNodeUp() {
  std::vector<SimNode*> up;
  for (const auto& node : world_.nodes())
    if (node->up()) up.push_back(node.get());
  return up.empty() ? nullptr : up[random_.Below(up.size())];
}

AgentId Workload::AnyBelow(SimNode& node) {
  std::vector<AgentId> below;
  for (const auto& other : world_.nodes())
    if (other->agent() != node.agent() && world_.IsAtOrAbove(node.agent(), other->agent()))
      below.push_back(other->agent());
  return below.empty() ? node.agent() : below[random_.Below(below.size())];
}

void Workload::ChooseOwner(SimNode& node, const ModelTruth& model, replica::Write* write) {
  const bool edits = write->mode == WriteMode::kUpdate || write->mode == WriteMode::kRemove;
  const uint32_t direction = world_.Direction(node.agent(), model);
  const bool down = (direction & TG_DIRECTION_DOWN) != 0;
  if (node.role() == TG_ROLE_SERVER && down) {
    const AgentId whose = random_.PerMille(400) ? kAgentAll : AnyBelow(node);
    (edits ? write->owner : write->to) = whose;
  } else if (direction == TG_DIRECTION_BOTH && edits) {
    // Others' items can be edited where they are held, not made.
    const uint64_t dice = random_.Below(10);
    if (dice < 4)
      write->owner = node.agent();
    else if (dice < 7)
      write->owner = kAgentAll;
    else if (node.role() == TG_ROLE_ROUTER)
      write->owner = AnyBelow(node);
  }
}

replica::Write Workload::MakeWrite(SimNode& node, bool* illegal) {
  const uint64_t dice = random_.Below(100);
  const char* name = nullptr;
  if (node.role() == TG_ROLE_SERVER) {
    name = dice < 50 ? "Config" : dice < 85 ? "Setting" : "Note";
  } else {
    *illegal = dice < 2;
    name = dice < 2    ? "Config"
           : dice < 30 ? "Reading"
           : dice < 50 ? "Gauge"
           : dice < 62 ? "Status"
           : dice < 88 ? "Setting"
                       : "Note";
  }
  if (!*illegal && random_.PerMille(profile_.settings)) name = "Setting";
  if (profile_.joined != 0 && !*illegal && random_.PerMille(profile_.joined)) name = "Profile";
  const ModelTruth& model = *FindModel(name);
  replica::Write write;
  write.model = name;
  const uint64_t mode = random_.Below(100);
  write.mode = mode < 15   ? WriteMode::kCreate
               : mode < 60 ? WriteMode::kUpsert
               : mode < 82 ? WriteMode::kUpdate
                           : WriteMode::kRemove;
  const std::vector<std::string>& readings = readings_[node.agent()];
  std::string fields;
  if (model.form == KeyForm::kGenerated) {
    if (mode < 85 || readings.empty()) {
      write.mode = WriteMode::kCreate;
    } else {
      fields = "\"id\":\"" + readings[random_.Below(readings.size())] + "\"";
      write.mode = mode < 93 ? WriteMode::kUpdate : WriteMode::kRemove;
    }
  } else if (model.form == KeyForm::kNamed) {
    fields = "\"name\":\"n" + std::to_string(random_.Below(profile_.names)) + "\"";
  }
  if (!*illegal) ChooseOwner(node, model, &write);
  if (write.mode != WriteMode::kRemove) {
    fields += (fields.empty() ? "\"n\":" : ",\"n\":") + std::to_string(next_tag_++);
    if (model.joined) {
      // Some fields, now and then one is taken away.
      for (const char* field : {"a", "b"}) {
        if (random_.PerMille(500)) continue;
        bool gone = write.mode == WriteMode::kUpdate && random_.PerMille(250);
        fields += ",\"" + std::string(field) + "\":" + (gone ? "null" : std::to_string(random_.Below(100)));
      }
    }
    if (profile_.ttl != 0 && !model.joined && random_.PerMille(profile_.ttl)) {
      // Soon; some never while it is looked at, and some before it was written.
      const uint64_t soon = random_.Below(10);
      const int64_t after_ms = soon < 7 ? random_.Between(1'000, 60'000) : soon < 9 ? 10 * 86'400'000 : -10'000;
      fields += ",\"until\":\"" + DateText(kStartUnixMs + world_.now_us() / 1000 + after_ms) + "\"";
    }
    if (random_.PerMille(300)) fields += ",\"text\":\"" + std::string(random_.Below(400), 'x') + "\"";
  }
  write.properties = "{" + fields + "}";
  return write;
}

bool Workload::MakeChangingWrite(SimNode& node, replica::Write* write) {
  const ModelTruth& model = *FindModel("Memo");
  if (world_.Direction(node.agent(), model) == TG_DIRECTION_DOWN && node.role() != TG_ROLE_SERVER) return false;
  write->model = model.name;
  const uint64_t mode = random_.Below(100);
  write->mode = mode < 65 ? WriteMode::kUpsert : mode < 82 ? WriteMode::kUpdate : WriteMode::kRemove;
  std::string fields = "\"name\":\"n" + std::to_string(random_.Below(profile_.names)) + "\"";
  ChooseOwner(node, model, write);
  if (write->mode != WriteMode::kRemove) fields += ",\"n\":" + std::to_string(next_tag_++);
  write->properties = "{" + fields + "}";
  return true;
}

void Workload::Once(int tries) {
  SimNode* node = AnyNodeUp();
  if (node == nullptr) {
    if (tries < 200) world_.After(500 * kMs, [this, tries] { Once(tries + 1); });
    return;
  }
  replica::Transaction transaction;
  std::vector<uint64_t> tags;
  std::set<std::string> keys;
  bool illegal = false;
  if (profile_.policies != 0 && random_.PerMille(500)) {
    replica::Write write;
    const uint64_t tag = next_tag_;
    if (MakeChangingWrite(*node, &write)) {
      tags.push_back(write.mode == replica::WriteMode::kRemove ? 0 : tag);
      transaction.push_back(std::move(write));
    }
  }
  const uint64_t wanted = !transaction.empty() ? 0 : random_.PerMille(250) ? 2 + random_.Below(4) : 1;
  for (uint64_t i = 0; i < wanted; ++i) {
    bool this_illegal = false;
    const uint64_t tag = next_tag_;
    replica::Write write = MakeWrite(*node, &this_illegal);
    // One key once in a transaction: what two writes of it mean is not the subject here.
    if (!keys.insert(KeyPart(write)).second) continue;
    illegal = illegal || this_illegal;
    tags.push_back(write.mode == replica::WriteMode::kRemove ? 0 : tag);
    transaction.push_back(std::move(write));
  }
  const uint64_t request = next_request_++;
  ++asked_;
  for (const replica::Write& write : transaction)
    world_.trace().Line(world_.now_us(), node->agent(), "write %llu: %d %s %s owner %lld to %lld",
                        static_cast<unsigned long long>(request), static_cast<int>(write.mode), write.model.c_str(),
                        write.properties.substr(0, 60).c_str(), write.owner ? static_cast<long long>(*write.owner) : -1,
                        write.to ? static_cast<long long>(*write.to) : -1);
  world_.oracle().Asked(request, tags);
  node->Write(transaction, [this, node, request, illegal, transaction](const replica::WriteAnswer& answer) {
    world_.trace().Line(world_.now_us(), node->agent(), "write %llu answered: %s",
                        static_cast<unsigned long long>(request),
                        answer.status.ok() ? "ok" : answer.status.message().c_str());
    if (illegal && answer.status.ok()) world_.Fail("node " + std::to_string(node->agent()) + " took a down item");
    if (!illegal && !answer.status.ok() && !MayFailSo(answer.status))
      world_.Fail("node " + std::to_string(node->agent()) +
                  " refused a lawful write: " + CodeName(answer.status.code()) + ": " + answer.status.message());
    world_.oracle().Answered(*node, request, answer);
    if (!answer.status.ok()) return;
    for (size_t i = 0; i < transaction.size() && i < answer.written.size(); ++i) {
      if (transaction[i].model != "Reading" || transaction[i].mode != replica::WriteMode::kCreate) continue;
      std::string id = IdIn(answer.written[i].item);
      if (id.empty()) world_.Fail("the answer to a create has no id: " + answer.written[i].item);
      readings_[node->agent()].push_back(std::move(id));
    }
  });
}

void Workload::SyncOnce() {
  SimNode* node = AnyNodeUp();
  if (node == nullptr || node->parent() == 0) return;
  node::SyncRequest request;
  request.wait = random_.PerMille(500) ? node::SyncTarget::kServer : node::SyncTarget::kHop;
  request.timeout_ms = random_.Between(100, 60'000);
  auto check = world_.oracle().ExpectSync(*node, request.wait);
  node->Sync(request, [this, node, target = request.wait, check](const node::SyncAnswer& answer) {
    world_.trace().Line(world_.now_us(), node->agent(), "sync to %s: %s",
                        target == node::SyncTarget::kServer ? "server" : "hop",
                        answer.status.ok() ? "done" : answer.status.message().c_str());
    check(answer);
  });
}

}  // namespace tidegate::sim
