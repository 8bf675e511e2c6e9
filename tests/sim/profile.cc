#include "tests/sim/profile.h"

namespace tidegate::sim {
namespace {

std::vector<Profile> MakeProfiles() {
  Profile mixed{.name = "mixed", .what = "a bit of everything"};
  Profile calm{.name = "calm", .what = "a good network, nodes that crash"};
  calm.breaks = calm.cuts = calm.storms = 1;
  calm.crashes = 12;
  calm.drop_max = calm.twice_max = calm.late_max = 0;
  Profile storm{.name = "storm", .what = "a network that loses, doubles and reorders much"};
  storm.drop_max = 250;
  storm.twice_max = storm.late_max = 200;
  storm.storms = 15;
  Profile chain{.name = "chain", .what = "four routers in a chain"};
  chain.routers_min = chain.routers_max = 4;
  chain.chain = true;
  Profile skew{.name = "skew", .what = "clocks that are off by hours and jump"};
  skew.skew_ms_max = 6 * 3'600'000;
  skew.clock_jumps = 15;
  Profile clocks{.name = "clocks", .what = "clocks without battery, in 2035 or 2099, weeks off; many edits at once"};
  clocks.wild_clocks = clocks.replaces = true;
  clocks.clock_jumps = 10;
  clocks.settings = 300;
  clocks.joined = 400;
  clocks.cuts = 12;
  Profile strict{.name = "strict", .what = "a server whose schema refuses some of what comes up"};
  strict.strict = true;
  strict.by_hand = 20;
  Profile leases{.name = "leases",
                 .what = "months pass: tombstones are purged, nodes are away for longer than a lease"};
  leases.leaps = 14;
  leases.long_downs = 10;
  leases.settings = 250;
  leases.names = 3;
  leases.writes_min = 300;
  leases.writes_max = 400;
  leases.faults_min = 40;
  leases.faults_max = 70;
  Profile seasons = leases;
  seasons.name = "seasons";
  seasons.what = "months pass, and a model goes another way in them";
  seasons.policies = 10;
  Profile tight{.name = "tight", .what = "quotas, items dropped when delivered or without, full disks"};
  tight.tight = tight.loses = true;
  tight.fills = 8;
  Profile policies{.name = "policies", .what = "a model that goes another way, at one node after the other"};
  policies.policies = 16;
  policies.cuts = 10;
  policies.crashes = 10;
  Profile roam{.name = "roam", .what = "devices and routers that move to another parent"};
  roam.routers_min = 2;
  roam.moves = 6;
  Profile rewinds{.name = "rewinds", .what = "disks that go back to a snapshot, at any node"};
  rewinds.rewinds = 14;
  rewinds.skew_ms_max = 0;
  rewinds.clock_jumps = 0;
  Profile clones{.name = "clones", .what = "nodes that are started on a copy of another one's disk, beside it"};
  clones.copies = 2;
  clones.skew_ms_max = 0;
  clones.clock_jumps = 0;
  Profile wide{.name = "wide", .what = "many keys, and a server that comes late: much to compare"};
  wide.names = 400;
  wide.settings = 800;
  wide.server_late = true;
  wide.writes_min = 900;
  wide.writes_max = 1'100;
  wide.seconds_min = 100;
  Profile everything{.name = "everything", .what = "all of these at once, up to fifty nodes on five levels"};
  everything.draws = true;
  everything.routers_min = 2;
  everything.routers_max = 7;
  everything.devices_max = 42;
  everything.writes_max = 500;
  everything.faults_min = 30;
  everything.faults_max = 80;
  everything.settings = 200;
  everything.joined = 150;
  everything.long_downs = 4;
  Profile together = everything;
  together.name = "together";
  together.what = "everything, with changing policies, commands and an operator";
  together.draws_more = true;
  Profile crowded = everything;
  crowded.name = "crowded";
  crowded.what = "everything, where quotas and full disks meet nodes that move";
  crowded.crowds = true;
  Profile commands{.name = "commands", .what = "commands from the server, run at the devices once by key"};
  commands.commands = 40;
  commands.crashes = 12;
  Profile restores{.name = "restores", .what = "commands, and the disks of who runs them go back"};
  restores.commands = 60;
  restores.rewinds = 14;
  restores.skew_ms_max = 0;
  restores.clock_jumps = 0;
  Profile verify{.name = "verify", .what = "links compared by hand and by themselves, disks that lose or spoil rows"};
  verify.verifies = 12;
  verify.rots = 5;
  verify.settings = 150;
  Profile expiry{.name = "expiry", .what = "items with a ttl that ends while links are cut and compared"};
  expiry.ttl = 500;
  expiry.names = 8;
  expiry.verifies = 12;
  expiry.seconds_min = 200;
  expiry.seconds_max = 400;
  expiry.skew_ms_max = 15'000;
  expiry.clock_jumps = 0;
  return {mixed,   calm, storm,   chain,  skew,       clocks,  wide,     strict,   leases, tight,  policies,
          seasons, roam, rewinds, clones, everything, crowded, commands, restores, verify, expiry, together};
}

}  // namespace

// What cannot be told apart from a defect is left out: versions of a disk that went back beneath a clock that did too,
// a quota that what is refused for good has filled, what a lost disk knew of refusals and of items that were dropped.
Profile Drawn(Profile profile, SimRandom& random) {
  if (!profile.draws) return profile;
  profile.strict = random.PerMille(400);
  profile.rewinds = random.PerMille(400) ? 4 : 0;
  profile.moves = random.PerMille(600) ? 3 : 0;
  profile.leaps = random.PerMille(400) ? 3 : 0;
  profile.tight = !profile.strict && profile.moves == 0 && random.PerMille(600);
  if (profile.crowds && !profile.strict) profile.tight = random.PerMille(600);
  profile.fills = profile.tight ? 4 : 0;
  profile.replaces = !profile.strict && !profile.tight && random.PerMille(400);
  profile.wild_clocks = profile.rewinds == 0 && random.PerMille(500);
  if (profile.rewinds != 0) profile.skew_ms_max = profile.clock_jumps = 0;
  if (!profile.draws_more) return profile;
  profile.policies = random.PerMille(600) ? 12 : 0;
  profile.commands = random.PerMille(600) ? 20 : 0;
  profile.by_hand = profile.strict ? 15 : 0;
  return profile;
}

const std::vector<Profile>& AllProfiles() {
  static const std::vector<Profile> profiles = MakeProfiles();
  return profiles;
}

const Profile* ProfileByName(std::string_view name) {
  for (const Profile& profile : AllProfiles())
    if (profile.name == name) return &profile;
  return nullptr;
}

}  // namespace tidegate::sim
