// The settings of the API. Defaults are those of docs/configuration.md.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace tidegate::api {

struct ApiOptions {
  std::string socket = "/run/tidegate/api.sock";
  mode_t mode = 0660;
  uint64_t request_bytes_max = 16u << 20;  // of a body

  uint32_t connections_max = 64;    // each costs a thread; a further one is answered 503
  uint32_t streams_max = 16;        // of connections, those that watch
  int64_t idle_ms_max = 60'000;     // between the requests of a connection
  int64_t receive_ms_max = 10'000;  // that a started request may stand still
  int64_t send_ms_max = 30'000;     // that an answer may stand still

  uint64_t page_items = 100;  // of a find that does not say
  uint64_t page_items_max = 1'000;
  uint64_t chunk_items = 1'000;  // of a bulk write, handed to the node at once
  uint64_t chunk_bytes = 4u << 20;
  uint64_t failed_lines_max = 1'000;  // listed in the answer to a bulk write

  uint64_t watch_changes_max = 10'000;  // waiting for one watcher
  uint64_t watch_bytes_max = 8u << 20;
  int64_t heartbeat_ms = 15'000;
};

}  // namespace tidegate::api
