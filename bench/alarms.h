// Urgent items that are written one after the other while something else goes the same way.
// Thread safety: one thread. Ownership: refers to the daemons.
#pragma once

#include <vector>

#include "bench/daemon.h"
#include "bench/options.h"

namespace tidegate::bench {

// Configuration of policy-onetable with which an alarm is urgent.
inline constexpr const char* kUrgentAlarms = "{lanes: {Fault: urgent}}";

// Writes one, which the server will have as this number of this agent.
void WriteAlarm(Daemon& below, int number);

struct AlarmTimes {
  std::vector<double> each;  // seconds from its submission until a watcher of the server has it
  double drained;            // seconds until the server had the backlog
};

// One each 0.2 s until the server has so many items. Dies when fewer than three had anything to overtake.
AlarmTimes AlarmsUntil(Daemon& below, Daemon& server, uint64_t backlog, TimePoint start);

// Readings until the daemon holds about options.many_items; how many it holds now.
uint64_t WriteBacklog(const Options& options, Daemon& below);

}  // namespace tidegate::bench
