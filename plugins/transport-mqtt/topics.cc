#include "topics.h"

#include <charconv>

#include "tidegate/types.h"

namespace tidegate::mqtt {
namespace {

constexpr size_t kNameSizeMax = 128;

bool Consume(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool IsName(std::string_view text) {
  if (text.empty() || text.size() > kNameSizeMax) return false;
  for (const char c : text) {
    if (c <= ' ' || c > '~') return false;
  }
  return true;
}

}  // namespace

std::optional<uint64_t> ParseAgent(std::string_view text, uint64_t min) {
  if (text.empty() || text.front() == '0') return std::nullopt;
  uint64_t agent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), agent);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (agent < min || agent > TG_AGENT_MAX) return std::nullopt;
  return agent;
}

std::optional<Topic> Topics::Parse(std::string_view topic) const {
  if (!Consume(topic, prefix_) || !Consume(topic, "/")) return std::nullopt;
  const size_t slash = topic.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view who = topic.substr(0, slash);
  const std::string_view what = topic.substr(slash + 1);
  if (who == "parent") {
    if (what != "state") return std::nullopt;
    return Topic{TopicKind::kParentState, 0};
  }
  // The server is nobody's child.
  const std::optional<uint64_t> child = ParseAgent(who, TG_AGENT_SERVER + 1);
  if (!child) return std::nullopt;
  if (what == "up") return Topic{TopicKind::kUp, *child};
  if (what == "down") return Topic{TopicKind::kDown, *child};
  if (what == "state") return Topic{TopicKind::kState, *child};
  return std::nullopt;
}

std::string FormatState(bool online, uint64_t agent, std::string_view name) {
  std::string text = online ? "online " : "offline ";
  if (agent != 0) text += std::to_string(agent) + " ";
  text += name;
  return text;
}

std::optional<State> ParseState(std::string_view payload, bool of_parent) {
  State state;
  if (Consume(payload, "online ")) {
    state.online = true;
  } else if (!Consume(payload, "offline ")) {
    return std::nullopt;
  }
  if (of_parent) {
    const size_t space = payload.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const std::optional<uint64_t> agent = ParseAgent(payload.substr(0, space), TG_AGENT_SERVER);
    if (!agent) return std::nullopt;
    state.agent = *agent;
    payload.remove_prefix(space + 1);
  }
  if (!IsName(payload)) return std::nullopt;
  state.name = payload;
  return state;
}

}  // namespace tidegate::mqtt
