// The figures, each against what it is compared with, in one run.
// Thread safety: one thread. Ownership: none.
#pragma once

#include "bench/options.h"
#include "bench/report.h"

namespace tidegate::bench {

// What SQLite, zstd and mosquitto do here without Tidegate. Part of the figures below; alone by --only bare.
void MeasureBare(const Options& options, Report* report);
// Durable writes through the API against the bare SQLite loop.
void MeasureIngest(const Options& options, Report* report);
// A backlog from a gateway to the cloud against the bare pipeline; bytes at the socket.
void MeasureCatchUp(const Options& options, Report* report);
// One write at a device until the server has it on disk, two hops away.
void MeasureLatency(const Options& options, Report* report);
// Memory of a router, idle and with many items; how fast it starts with them.
void MeasureMemory(const Options& options, Report* report);
// An urgent item that is written while a backlog of many items drains, until the server has it.
void MeasureAlarm(const Options& options, Report* report);
// Two equal replicas compared, and two of which a hundred items differ: bytes and time.
void MeasureVerify(const Options& options, Report* report);
// A model with many items goes from none to up while the daemons run: until the server has them.
void MeasurePolicy(const Options& options, Report* report);
// What a router with a thousand children spends on a broadcast, on a child that is silent, on one batch of one child.
void MeasureChildren(const Options& options, Report* report);

}  // namespace tidegate::bench
