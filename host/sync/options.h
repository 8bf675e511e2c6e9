// The settings of replication. Defaults are those of docs/configuration.md.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <array>
#include <cstdint>

#include "host/base/ids.h"
#include "tidegate/types.h"

namespace tidegate::sync {

struct SyncOptions {
  AgentId agent = 0;
  uint32_t role = TG_ROLE_DEVICE;
  uint32_t level = 65535;

  // Sending: triggers, not caps (design section 6).
  int64_t sync_delay_ms = 5'000;
  uint64_t sync_limit_bytes = 10 * 1024;
  uint32_t window_frames = 8;
  uint64_t window_bytes = 4u << 20;       // a lane's bytes in flight to a neighbour
  uint64_t frame_bytes_max = 256u << 10;  // of changes in a batch, before compression
  uint32_t batch_items_max = 1'000;
  int64_t resend_ms = 500;  // first retry; doubles with jitter
  int64_t resend_ms_max = 15'000;
  int64_t hello_ms = 300;  // first retry of a hello; doubles with jitter
  int64_t hello_ms_max = 15'000;
  int64_t keepalive_ms = 10'000;
  int64_t link_timeout_ms = 30'000;
  std::array<uint32_t, TG_LANE_COUNT> lane_weights = {8, 4, 2, 1};

  // A child that was silent for so long is forgotten.
  int64_t route_age_ms = 180ll * 24 * 3'600'000;

  // A link that is up and has acknowledged nothing of what waits for so long is opened anew.
  int64_t progress_timeout_ms = 60'000;
  int64_t sync_period_ms = 0;  // push and pull by the clock; 0 = never
  // A link is compared with the parent by itself: so often, 0 = never by the clock; and after a doubt. So many rows a
  // second are read for it at either end.
  int64_t verify_period_ms = 24ll * 3'600'000;
  bool verify_on_doubt = true;
  uint64_t verify_rows_per_s = 20'000;
  // About so long after a doubt, and no sooner than so long after the last. Not configured.
  int64_t verify_delay_ms = 120'000;
  int64_t verify_rest_ms = 3'600'000;
  uint64_t errands_max = 256;  // asked for by neighbours

  // A comparison reads so many rows between two commits, and keeps a digest of so many. Not configured: tests make
  // them small.
  uint64_t compare_portion_rows = 4'096;
  uint64_t compare_leaf_items = 128;

  // How long a tombstone is kept at least, and a silent neighbour waited for.
  int64_t lease_ms = 30ll * 24 * 3'600'000;
  int64_t clock_drift_ms_max = 5 * 60'000;
  uint64_t quarantine_items_max = 10'000;
  uint64_t sync_exceptions_max = 1'000;  // named in the answer of a wait; the rest is counted
  uint64_t conflict_items_max = 1'000;
  uint64_t conflict_bytes_max = 16u << 20;
};

}  // namespace tidegate::sync
