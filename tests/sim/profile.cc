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
  Profile all = everything;
  all.name = "all";
  all.what = "all faults at once: each kind is in a part of the seeds, whatever else is";
  all.draws_all = true;
  Profile commands{.name = "commands", .what = "commands from the server, run at the devices once by key"};
  commands.commands = 40;
  commands.crashes = 12;
  Profile restores{.name = "restores", .what = "commands, and the disks of who runs them go back"};
  restores.commands = 60;
  restores.rewinds = 14;
  restores.parents_rewind_too = true;
  restores.skew_ms_max = 0;
  restores.clock_jumps = 0;
  Profile movers = restores;
  movers.name = "movers";
  movers.what = "commands, and who runs them goes back and moves to another parent";
  movers.routers_min = 2;
  movers.moves = 6;
  movers.parents_rewind_too = false;
  movers.only_devices_rewind = true;
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
  return {mixed, calm,    storm,  chain,      skew,    clocks,   wide,     strict, leases, tight,  policies, seasons,
          roam,  rewinds, clones, everything, crowded, commands, restores, movers, verify, expiry, together, all};
}

// Each kind in a part of the seeds, whatever else is drawn. What truly cannot be told apart from a defect is left out:
// - versions of a disk that went back beneath a clock that did too: where disks go back, clocks are off, and stay so;
// - copies of nodes that move, go back or are replaced: which of two nodes of one agent id a parent saw first is then
//   no fact of the world;
// - a quota that what is refused for good has filled: in the end such a server takes what it refused.
// And what is known not to pass yet (docs/reliability.md, "Known limits today"): copies beside strict servers, clocks
// that are off and changing policies; schemas that change where nodes move or an operator drops what is refused;
// comparisons beside that or where a strict server meets quotas; changing policies, or a strict server, beside quotas
// and moves; where months pass and nodes move quotas that lose, and an operator; items with a ttl.
Profile DrawnOfAll(Profile profile, SimRandom& random) {
  SimRandom draw = random.Fork();
  auto has = [&](uint64_t per_mille) { return draw.PerMille(per_mille); };
  const bool copies = has(150);
  profile.strict = has(400) && !copies;
  profile.rewinds = has(400) && !copies ? 4 : 0;
  profile.moves = has(500) && !copies ? 3 : 0;
  profile.leaps = has(300) ? 3 : 0;
  profile.tight = has(400) && !(profile.strict && profile.moves != 0);
  const bool months_moved = profile.moves != 0 && profile.leaps != 0;
  profile.loses = has(500) && profile.tight && !months_moved;
  profile.fills = has(400) ? 4 : 0;
  profile.replaces = has(300) && !copies;
  profile.wild_clocks = has(400) && !copies;
  if (has(300) || copies) profile.skew_ms_max = 0;
  profile.policies = has(500) && !copies && !(profile.tight && profile.moves != 0) ? 12 : 0;
  profile.commands = has(500) ? 20 : 0;
  profile.schemas = (has(600) || profile.tight) && profile.strict && profile.moves == 0 ? 5 : 0;
  profile.by_hand = has(700) && profile.strict && profile.schemas == 0 && !months_moved ? 15 : 0;
  profile.verifies = has(400) && !(profile.strict && profile.tight) && profile.by_hand == 0 ? 12 : 0;
  profile.rots = has(400) && profile.verifies != 0 ? 4 : 0;
  profile.copies = copies ? 2 : 0;
  if (profile.rewinds != 0 || copies) profile.clock_jumps = 0;
  return profile;
}

}  // namespace

// What cannot be told apart from a defect is left out: versions of a disk that went back beneath a clock that did too,
// a quota that what is refused for good has filled, what a lost disk knew of refusals and of items that were dropped.
Profile Drawn(Profile profile, SimRandom& random) {
  if (!profile.draws) return profile;
  if (profile.draws_all) return DrawnOfAll(profile, random);
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
