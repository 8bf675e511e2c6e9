// What the parts alone can do between two machines: SQLite -> scan by seq -> NDJSON frames of 500 items,
// zstd 1 -> mosquitto (QoS 0, TCP_NODELAY, eight frames ahead) -> SQLite and watermark in one transaction
// -> ack. Each end is a process of its own, as each daemon is.
// Thread safety: one thread. Ownership: none.
#pragma once

#include <cstdint>
#include <string>

namespace tidegate::bench {

// The two ends; each runs until everything is acknowledged. The sender prints seconds, bytes sent.
int RunBareSender(const std::string& replica, uint16_t port, uint64_t head);
int RunBareReceiver(const std::string& replica, uint16_t port, uint64_t head);

struct PipelineResult {
  double seconds;
  uint64_t payload_bytes;
};
// Runs both as processes of this program.
PipelineResult RunBarePipeline(const std::string& source, const std::string& target, uint16_t port, uint64_t head);

}  // namespace tidegate::bench
