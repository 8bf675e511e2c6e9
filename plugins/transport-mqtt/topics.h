// Topics and retained states, as docs/transport-mqtt.md defines them: text in, checked values out.
// Whatever a stranger can publish comes through here first.
// Thread safety: plain functions; Topics is constant after construction. Ownership: each owns its text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tidegate::mqtt {

enum class TopicKind { kUp, kDown, kState, kParentState };

struct Topic {
  TopicKind kind;
  uint64_t child = 0;  // the agent in the topic; 0 for kParentState
};

class Topics {
 public:
  explicit Topics(std::string prefix) : prefix_(std::move(prefix)) {}

  std::string Up(uint64_t child) const { return Of(child, "/up"); }
  std::string Down(uint64_t child) const { return Of(child, "/down"); }
  std::string State(uint64_t child) const { return Of(child, "/state"); }
  std::string ParentState() const { return prefix_ + "/parent/state"; }
  std::string AllUp() const { return prefix_ + "/+/up"; }
  std::string AllStates() const { return prefix_ + "/+/state"; }

  // Nothing if it is none of ours: another prefix, no agent number, an agent out of range.
  std::optional<Topic> Parse(std::string_view topic) const;

 private:
  std::string Of(uint64_t child, const char* suffix) const { return prefix_ + "/" + std::to_string(child) + suffix; }

  std::string prefix_;
};

// A decimal agent id without leading zero, from min to TG_AGENT_MAX.
std::optional<uint64_t> ParseAgent(std::string_view text, uint64_t min);

// "online NAME" of a child, "online AGENT NAME" of a parent; the same with "offline".
struct State {
  bool online = false;
  uint64_t agent = 0;  // of a parent only
  std::string name;
};

std::string FormatState(bool online, uint64_t agent, std::string_view name);  // agent 0: a child's
std::optional<State> ParseState(std::string_view payload, bool of_parent);

}  // namespace tidegate::mqtt
