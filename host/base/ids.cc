#include "host/base/ids.h"

#include <charconv>
#include <cstdio>
#include <cstring>

#include "host/base/digest.h"

namespace tidegate {

Result<AgentId> ParseAgent(std::string_view text) {
  AgentId agent = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), agent);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || agent > kAgentMax) {
    return Status::Invalid("'" + std::string(text) + "' is not an agent id: give a whole number from 0 to " +
                           std::to_string(kAgentMax));
  }
  return agent;
}

AgentId AgentFromMachineId(std::string_view machine_id) {
  return 2 + Sha256Prefix(std::string("tidegate-agent\x1f") + std::string(machine_id)) % (kAgentMax - 1);
}

std::string ReplicaId::ToText() const {
  std::string text;
  char digits[3];
  for (uint8_t byte : bytes) {
    std::snprintf(digits, sizeof digits, "%02x", byte);
    text += digits;
  }
  return text;
}

std::string Version::ToText() const {
  char text[52];
  std::snprintf(text, sizeof text, "%016llx-%016llx-%016llx", static_cast<unsigned long long>(hlc),
                static_cast<unsigned long long>(agent), static_cast<unsigned long long>(epoch));
  return text;
}

Watermark Watermark::From(const tg_watermark& w) {
  Watermark result;
  std::memcpy(result.replica.bytes.data(), w.replica, sizeof w.replica);
  result.epoch = w.epoch;
  result.position = w.position;
  result.version = Version::From(w.version);
  return result;
}

tg_watermark Watermark::To() const {
  tg_watermark w{};
  std::memcpy(w.replica, replica.bytes.data(), sizeof w.replica);
  w.epoch = epoch;
  w.position = position;
  w.version = version.To();
  return w;
}

}  // namespace tidegate
