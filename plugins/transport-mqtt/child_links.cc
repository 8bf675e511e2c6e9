// The listening side: a session for each child, while this node is the one parent of its prefix.
#include <algorithm>
#include <array>
#include <charconv>
#include <unordered_map>
#include <vector>

#include "frame_header.h"
#include "link.h"

namespace tidegate::mqtt {
namespace {

// One connection of a child.
struct Name {
  uint64_t tag = 0;
  std::string text;  // "" until its state said it
  tg_session session = 0;
  bool online = false;  // by its state; a session waits for us to be active
};

// What is known of one child on this connection. Two processes may call themselves this child, copies of one replica:
// each keeps its session, and which of them is refused the node decides.
struct Child {
  static constexpr size_t kNamesMax = 4;
  std::vector<Name> names;               // the newest last
  std::array<uint64_t, 8> retired = {};  // tags of its former names: nothing of theirs is taken again
  size_t retired_next = 0;

  bool IsRetired(uint64_t t) const { return std::find(retired.begin(), retired.end(), t) != retired.end(); }
  Name* Find(uint64_t tag) {
    auto found = std::find_if(names.begin(), names.end(), [&](const Name& name) { return name.tag == tag; });
    return found == names.end() ? nullptr : &*found;
  }
  bool HasSession() const {
    return std::any_of(names.begin(), names.end(), [](const Name& name) { return name.session != 0; });
  }
  void Retire(uint64_t tag) {
    retired[retired_next++ % retired.size()] = tag;
    std::erase_if(names, [&](const Name& name) { return name.tag == tag; });
  }
};

// Whether the tag is of a later connection of the process that had this name: "EPOCH-NUMBER".
bool IsLaterOf(const std::string& name, uint64_t tag) {
  constexpr uint64_t kConnectionsMissedMax = 16;
  const size_t dash = name.rfind('-');
  uint64_t number = 0;
  if (dash == std::string::npos) return false;
  const char* end = name.data() + name.size();
  if (std::from_chars(name.data() + dash + 1, end, number).ptr != end) return false;
  for (uint64_t i = 1; i <= kConnectionsMissedMax; ++i) {
    if (SessionTag(name.substr(0, dash + 1) + std::to_string(number + i)) == tag) return true;
  }
  return false;
}

class ChildLinks : public Link {
 public:
  ChildLinks(const Config& config, LinkSelf self, LinkIo& io)
      : config_(config), self_(std::move(self)), io_(io), topics_(config.prefix), tag_(SessionTag(self_.name)) {}

  // The states include our own, prefix/parent/state.
  std::vector<std::string> Subscriptions() const override { return {topics_.AllStates(), topics_.AllUp()}; }
  std::string StateTopic() const override { return topics_.ParentState(); }
  std::string StatePayload(bool online) const override { return FormatState(online, self_.agent, self_.name); }

  void OnReady() override { Announce(); }

  void OnMessage(const Topic& topic, std::string_view payload, bool retained) override {
    if (topic.kind == TopicKind::kParentState) return OnParentState(payload, retained);
    if (topic.kind == TopicKind::kDown || topic.child == self_.agent) {
      return io_.Drop("messages_malformed", "a topic with the agent id of this node");
    }
    if (topic.kind == TopicKind::kState) return OnChildState(topic.child, payload);
    OnUp(topic.child, payload);
  }

  void OnClosedByHost(tg_session session) override {
    const auto owner = by_session_.find(session);
    if (owner == by_session_.end()) return;
    const uint64_t agent = owner->second;
    by_session_.erase(owner);
    Child& child = children_[agent];
    const auto name =
        std::find_if(child.names.begin(), child.names.end(), [&](const Name& one) { return one.session == session; });
    if (name == child.names.end()) return;
    char bye[kFrameHeaderSize];
    EncodeFrameHeader({FrameKind::kBye, tag_, name->tag}, bye);
    io_.Publish(topics_.Down(agent), std::string_view(bye, sizeof bye), false);
    child.Retire(name->tag);
  }

  void OnOverdue() override {
    if (active_ || displaced_) return;
    io_.Problem("the broker at " + config_.Address() + " does not give '" + topics_.ParentState() +
                "' back: let this client write and read everything below '" + config_.prefix +
                "/' in the broker's access control list");
  }

 private:
  void Announce() { io_.Publish(StateTopic(), StatePayload(true), true); }

  // This node serves as long as the last announcement that the broker passed on is its own.
  void OnParentState(std::string_view payload, bool retained) {
    const std::optional<State> state = ParseState(payload, true);
    if (!state) return io_.Drop("messages_malformed", topics_.ParentState());
    if (state->name == self_.name) {
      if (!state->online) return Announce();
      if (!active_) Activate();
      return;
    }
    if (retained) return;  // who was parent before: we have announced ourselves since
    if (state->online) {
      if (!active_) return;  // its announcement was before ours
      active_ = false;
      displaced_ = true;
      CloseAll("another parent announced itself");
      io_.Problem("agent " + std::to_string(state->agent) + " (session " + state->name +
                  ") announced itself as parent at '" + topics_.ParentState() + "' after this node did: a prefix has " +
                  "one parent and the newest serves; stop one of the two or give it another prefix");
    } else if (displaced_) {
      io_.Reconnect("the other parent went offline");
    } else {
      Announce();  // a late will of another connection has overwritten our retained state
    }
  }

  void Activate() {
    active_ = true;
    io_.Settled();
    for (auto& [agent, child] : children_) {
      for (Name& name : child.names) {
        if (name.online && name.session == 0) Open(agent, name);
      }
    }
  }

  void OnChildState(uint64_t agent, std::string_view payload) {
    const std::optional<State> state = ParseState(payload, false);
    if (!state) return io_.Drop("messages_malformed", topics_.State(agent));
    const uint64_t tag = SessionTag(state->name);
    if (!state->online) {
      const auto it = children_.find(agent);
      Name* gone = it == children_.end() ? nullptr : it->second.Find(tag);
      if (gone == nullptr) return;
      Close(*gone, "the child went offline");
      return it->second.Retire(tag);
    }
    Child* child = Get(agent);
    if (child == nullptr || child->IsRetired(tag)) return;
    Name& name = Meet(*child, tag);
    name.online = true;
    name.text = state->name;
    if (active_ && name.session == 0) Open(agent, name);
  }

  void OnUp(uint64_t agent, std::string_view payload) {
    const std::optional<FrameHeader> header = DecodeFrameHeader(payload);
    if (!header || header->from == 0) return io_.Drop("messages_malformed", topics_.Up(agent));
    // Who knows our name speaks to this connection; anything else was meant for a former one.
    if (!active_ || header->to != tag_) return io_.Drop("frames_stale", topics_.Up(agent));
    Child* child = Get(agent);
    if (child == nullptr) return;
    if (child->IsRetired(header->from)) return io_.Drop("frames_stale", topics_.Up(agent));
    Name& name = Meet(*child, header->from);
    if (name.session == 0) Open(agent, name);
    if (header->kind == FrameKind::kData) {
      io_.DeliverFrame(name.session, payload.substr(kFrameHeaderSize));
    } else {
      Close(name, "the child closed the session");
      child->Retire(header->from);
    }
  }

  // The child has this name now, and perhaps others still.
  Name& Meet(Child& child, uint64_t tag) {
    if (Name* known = child.Find(tag)) return *known;
    for (size_t i = 0; i < child.names.size();) {
      const bool full = i == 0 && child.names.size() >= Child::kNamesMax;
      if (!full && !IsLaterOf(child.names[i].text, tag)) {
        ++i;
        continue;
      }
      const uint64_t former = child.names[i].tag;
      Close(child.names[i], full ? "too many connections of this child" : "the child connected anew");
      child.Retire(former);
    }
    child.names.push_back({tag, {}, 0, false});
    return child.names.back();
  }

  void Open(uint64_t agent, Name& name) {
    name.session = io_.OpenSession(agent, topics_.Down(agent), tag_, name.tag);
    by_session_[name.session] = agent;
  }

  void Close(Name& name, std::string_view reason) {
    if (name.session == 0) return;
    const tg_session session = name.session;
    name.session = 0;
    by_session_.erase(session);
    io_.CloseSession(session, reason);
  }

  void CloseAll(std::string_view reason) {
    for (auto& [agent, child] : children_) {
      for (Name& name : child.names) Close(name, reason);
    }
  }

  // Null if there are too many.
  Child* Get(uint64_t agent) {
    const auto it = children_.find(agent);
    if (it != children_.end()) return &it->second;
    if (children_.size() >= config_.children_max) {
      std::erase_if(children_, [](const auto& entry) { return !entry.second.HasSession(); });
    }
    if (children_.size() >= config_.children_max) {
      io_.Drop("children_refused", topics_.State(agent));
      return nullptr;
    }
    return &children_[agent];
  }

  const Config& config_;
  const LinkSelf self_;
  LinkIo& io_;
  const Topics topics_;
  const uint64_t tag_;
  bool active_ = false;     // the last announcement is ours
  bool displaced_ = false;  // it was, and another one came after
  std::unordered_map<uint64_t, Child> children_;
  std::unordered_map<tg_session, uint64_t> by_session_;
};

}  // namespace

std::unique_ptr<Link> MakeChildLinks(const Config& config, LinkSelf self, LinkIo& io) {
  return std::make_unique<ChildLinks>(config, std::move(self), io);
}

}  // namespace tidegate::mqtt
