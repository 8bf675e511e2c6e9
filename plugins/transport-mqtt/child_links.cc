// The listening side: a session for each child, while this node is the one parent of its prefix.
#include <algorithm>
#include <array>
#include <unordered_map>

#include "frame_header.h"
#include "link.h"

namespace tidegate::mqtt {
namespace {

// What is known of one child on this connection.
struct Child {
  tg_session session = 0;
  uint64_t tag = 0;                      // of the name it has, or had last; 0 = none yet
  bool online = false;                   // by its state; a session waits for us to be active
  std::array<uint64_t, 8> retired = {};  // tags of its former names: nothing of theirs is taken again
  size_t retired_next = 0;

  bool IsRetired(uint64_t t) const { return std::find(retired.begin(), retired.end(), t) != retired.end(); }
  void Retire() {
    online = false;
    if (tag == 0) return;
    retired[retired_next++ % retired.size()] = tag;
    tag = 0;
  }
};

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
    char bye[kFrameHeaderSize];
    EncodeFrameHeader({FrameKind::kBye, tag_, child.tag}, bye);
    io_.Publish(topics_.Down(agent), std::string_view(bye, sizeof bye), false);
    child.session = 0;
    child.Retire();
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
      if (child.online && child.session == 0) Open(agent, child);
    }
  }

  void OnChildState(uint64_t agent, std::string_view payload) {
    const std::optional<State> state = ParseState(payload, false);
    if (!state) return io_.Drop("messages_malformed", topics_.State(agent));
    const uint64_t tag = SessionTag(state->name);
    if (!state->online) {
      const auto it = children_.find(agent);
      if (it == children_.end() || it->second.tag != tag) return;
      Close(it->second, "the child went offline");
      return it->second.Retire();
    }
    Child* child = Get(agent);
    if (child == nullptr || child->IsRetired(tag)) return;
    child->online = true;
    Meet(agent, *child, tag);
  }

  void OnUp(uint64_t agent, std::string_view payload) {
    const std::optional<FrameHeader> header = DecodeFrameHeader(payload);
    if (!header || header->from == 0) return io_.Drop("messages_malformed", topics_.Up(agent));
    // Who knows our name speaks to this connection; anything else was meant for a former one.
    if (!active_ || header->to != tag_) return io_.Drop("frames_stale", topics_.Up(agent));
    Child* child = Get(agent);
    if (child == nullptr) return;
    if (child->IsRetired(header->from)) return io_.Drop("frames_stale", topics_.Up(agent));
    Meet(agent, *child, header->from);
    if (header->kind == FrameKind::kData) {
      io_.DeliverFrame(child->session, payload.substr(kFrameHeaderSize));
    } else {
      Close(*child, "the child closed the session");
      child->Retire();
    }
  }

  // The child has this name now.
  void Meet(uint64_t agent, Child& child, uint64_t tag) {
    if (child.tag != tag) {
      Close(child, "the child connected anew");
      const bool online = child.online;
      child.Retire();
      child.online = online;
      child.tag = tag;
    }
    if (active_ && child.session == 0) Open(agent, child);
  }

  void Open(uint64_t agent, Child& child) {
    child.session = io_.OpenSession(agent, topics_.Down(agent), tag_, child.tag);
    by_session_[child.session] = agent;
  }

  void Close(Child& child, std::string_view reason) {
    if (child.session == 0) return;
    const tg_session session = child.session;
    child.session = 0;
    by_session_.erase(session);
    io_.CloseSession(session, reason);
  }

  void CloseAll(std::string_view reason) {
    for (auto& [agent, child] : children_) Close(child, reason);
  }

  // Null if there are too many.
  Child* Get(uint64_t agent) {
    const auto it = children_.find(agent);
    if (it != children_.end()) return &it->second;
    if (children_.size() >= config_.children_max) {
      std::erase_if(children_, [](const auto& entry) { return entry.second.session == 0; });
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
