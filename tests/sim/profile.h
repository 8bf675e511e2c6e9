// Profile: what kind of world a seed makes. Within it the seed draws the tree, the settings, the weather
// and which faults happen how often (each seed leaves some kinds out, so that rare combinations occur).
// Thread safety: constant. Ownership: static.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "tests/sim/random.h"

namespace tidegate::sim {

struct Profile {
  const char* name;
  const char* what;
  uint32_t routers_min = 1, routers_max = 3;
  uint32_t devices_min = 3, devices_max = 5;
  uint32_t names = 4;        // of items with a name, each model and owner
  uint32_t settings = 0;     // per mille of the writes that are of the model that goes both ways, beside its share
  uint32_t joined = 0;       // per mille of the writes that are of the model that is joined, beside its share
  bool draws = false;        // each seed draws which of the kinds below it has
  bool draws_more = false;   // of changing policies, commands and an operator too
  bool draws_all = false;    // each kind whatever else is drawn
  bool crowds = false;       // draws: quotas also where nodes move
  bool replaces = false;     // in the end a device gets a new disk, a clock of 1970, and writes what it wrote before
  bool wild_clocks = false;  // years off, not only minutes
  bool server_late = false;  // much is there before the first contact
  bool strict = false;       // the server refuses some of what comes up
  bool tight = false;        // quotas and retention at routers and devices
  bool loses = false;        // and what has not gone on is dropped for want of room, or for its age
  bool chain = false;        // every router below the one before
  uint32_t writes_min = 200, writes_max = 280;
  uint32_t faults_min = 20, faults_max = 40;
  int64_t seconds_min = 60, seconds_max = 200;
  // Weights of the kinds of faults; 0 = never.
  uint32_t breaks = 10, cuts = 6, crashes = 8, long_downs = 1, disk_errors = 6, storms = 4, clock_jumps = 2, moves = 0,
           fills = 0;
  uint32_t levels = 3;   // levels of routers that change in half of the seeds: so many at most
  uint32_t copies = 0;   // nodes that are started on a copy of another one's disk, beside it
  uint32_t rewinds = 0;  // snapshots that are made of disks, and put back
  bool only_devices_rewind = false;
  bool parents_rewind_too = false;  // with a device, in most cases
  uint32_t half_opens = 3;          // sessions that become half-open in half of the seeds: so many at most
  uint32_t policies = 0;            // so many times at most the direction of a model changes, at one node or at all
  uint32_t schemas = 0;   // so many times the schema of a strict server changes; then it may end as another one
  uint32_t by_hand = 0;   // so many times an operator retries or drops what is in quarantine
  uint32_t commands = 0;  // that the server sends, and the devices run
  uint32_t verifies = 0;  // links that are compared by hand, and all by themselves
  uint32_t rots = 0;      // rows that a disk loses or spoils
  uint32_t ttl = 0;       // per mille of the writes that give their item an end, mostly within a minute
  uint32_t leaps = 0;     // days and weeks in which nothing happens; nodes that are down miss several of them
  int64_t skew_ms_max = 60'000;
  uint64_t drop_max = 30, twice_max = 30, late_max = 60;  // of every frame, per mille
};

// The profile of one seed.
Profile Drawn(Profile profile, SimRandom& random);

const std::vector<Profile>& AllProfiles();
const Profile* ProfileByName(std::string_view name);

}  // namespace tidegate::sim
