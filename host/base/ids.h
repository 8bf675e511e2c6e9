// Ids of the fleet: agents, replicas, epochs, and the versions that order states.
// Thread safety: plain values. Ownership: none.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "tidegate/types.h"

namespace tidegate {

using AgentId = uint64_t;
inline constexpr AgentId kAgentAll = TG_AGENT_ALL;
inline constexpr AgentId kAgentServer = TG_AGENT_SERVER;
inline constexpr AgentId kAgentMax = TG_AGENT_MAX;

// Decimal text of an agent id, 0 .. kAgentMax.
Result<AgentId> ParseAgent(std::string_view text);

// The agent id of this machine: a hash of the text of /etc/machine-id, in 2 .. kAgentMax.
AgentId AgentFromMachineId(std::string_view machine_id);

using Epoch = uint64_t;

struct ReplicaId {
  std::array<uint8_t, 16> bytes{};
  auto operator<=>(const ReplicaId&) const = default;
  bool empty() const { return *this == ReplicaId{}; }
  std::string ToText() const;  // 32 hex digits
};

// See tg_version. Total order; the default value means "no state" and is below every real version.
struct Version {
  uint64_t hlc = 0;
  AgentId agent = 0;
  Epoch epoch = 0;
  auto operator<=>(const Version&) const = default;

  static Version From(const tg_version& v) { return {v.hlc, v.agent, v.epoch}; }
  tg_version To() const { return {hlc, agent, epoch}; }
  bool none() const { return hlc == 0 && agent == 0 && epoch == 0; }
  int64_t unix_ms() const { return static_cast<int64_t>(hlc >> 16); }
  // "<hlc>-<agent>-<epoch>" in lower-case hex, 16 digits each, so that the text sorts as the value.
  std::string ToText() const;
};

// See tg_watermark. Opaque: only the storage that made one may judge or order it.
struct Watermark {
  ReplicaId replica;
  Epoch epoch = 0;
  uint64_t position = 0;
  Version version;
  bool operator==(const Watermark&) const = default;

  static Watermark From(const tg_watermark& w);
  tg_watermark To() const;
  bool none() const { return position == 0 && replica.empty(); }
};

}  // namespace tidegate
