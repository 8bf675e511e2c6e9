// Runners: the commands of a seed, which the server sends, and the programs at the devices that run them. A program
// that has answered is never given the same command again, whatever breaks, as long as anybody on its way up to the
// server has its answer.
// Thread safety: none. Ownership: refers to the world.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/random.h"

namespace tidegate::sim {

class SimNode;
class World;

class Runners {
 public:
  Runners(World& world, SimRandom random) : world_(world), random_(random) {}

  // Plans `count` commands at random moments of the next us, and devices that look for them.
  void Plan(uint32_t count, int64_t us);
  // All that is due is run and answered.
  void Finish(int64_t limit_us);
  // Each command to one device has its answer at the server, which has removed the command.
  void CheckAtRest();

 private:
  struct Run {
    uint64_t starts = 0;  // of the node, when the program was started; 0 = it is not running
  };
  using Name = std::pair<uint64_t, std::string>;  // device, command
  // Since when it is seen there without a break; a node that was started anew may have lost it in between.
  struct Seen {
    int64_t since_us = 0;
    uint64_t starts = 0;
  };
  void Send();
  // True if something is due, or not known yet.
  bool Look(SimNode& device);
  void Answer(SimNode& device, const std::string& name, uint64_t starts);
  // What each node on the device's way up has now of its commands.
  void See(SimNode& device);
  // Whether the device has its answer, or somebody on its way up whom it could ask, and who had it before it asked.
  bool IsAnswered(SimNode& device, const std::string& name);
  std::vector<SimNode*> WayUp(const SimNode& device);
  bool Holds(SimNode& node, const char* pk, uint64_t owner, const std::string& name);

  World& world_;
  SimRandom random_;
  uint64_t next_ = 1;
  std::map<Name, Run> runs_;
  std::map<std::pair<uint64_t, Name>, Seen> answers_seen_;  // at a node
  std::map<Name, Seen> commands_seen_;                      // at the device
  std::set<std::pair<uint64_t, std::string>> sent_;         // to one device, acknowledged
};

}  // namespace tidegate::sim
