// The dialling side: one session, with the parent whose retained state says "online".
#include "frame_header.h"
#include "link.h"

namespace tidegate::mqtt {
namespace {

class ParentLink : public Link {
 public:
  ParentLink(const Config& config, LinkSelf self, LinkIo& io)
      : config_(config), self_(std::move(self)), io_(io), topics_(config.prefix), tag_(SessionTag(self_.name)) {}

  // The parent's state first: it is to be known before anything comes down.
  std::vector<std::string> Subscriptions() const override { return {topics_.ParentState(), topics_.Down(self_.agent)}; }
  std::string StateTopic() const override { return topics_.State(self_.agent); }
  std::string StatePayload(bool online) const override { return FormatState(online, 0, self_.name); }

  void OnReady() override { io_.Publish(StateTopic(), StatePayload(true), true); }

  void OnMessage(const Topic& topic, std::string_view payload, bool) override {
    if (topic.kind == TopicKind::kParentState) {
      OnParentState(payload);
    } else if (topic.kind == TopicKind::kDown && topic.child == self_.agent) {
      OnDown(payload);
    } else {
      io_.Drop("messages_malformed", "a topic not subscribed to");
    }
  }

  void OnClosedByHost(tg_session session) override {
    if (session != session_) return;
    session_ = 0;
    // A new name tells the parent, and brings the next session.
    io_.Reconnect("the node closed the session");
  }

  void OnOverdue() override {
    if (session_ != 0) return;
    io_.Problem("no parent has announced itself at '" + topics_.ParentState() + "' of the broker at " +
                config_.Address() +
                ": start it, or let this client read that topic in the broker's access control list");
  }

 private:
  void OnParentState(std::string_view payload) {
    const std::optional<State> state = ParseState(payload, true);
    if (!state) return io_.Drop("messages_malformed", topics_.ParentState());
    const bool same = session_ != 0 && state->name == parent_name_;
    if (!state->online) {
      if (same) Close("the parent went offline");
      return;
    }
    if (same) return;
    if (session_ != 0) Close("the parent connected anew");
    parent_name_ = state->name;
    parent_tag_ = SessionTag(state->name);
    io_.Settled();  // before the event: whoever sees the session sees no error of before
    session_ = io_.OpenSession(state->agent, topics_.Up(self_.agent), tag_, parent_tag_);
    // The late will of a former connection may have overwritten our state: say it again.
    io_.Publish(StateTopic(), StatePayload(true), true);
  }

  void OnDown(std::string_view payload) {
    const std::optional<FrameHeader> header = DecodeFrameHeader(payload);
    if (!header) return io_.Drop("messages_malformed", topics_.Down(self_.agent));
    if (session_ == 0 || header->from != parent_tag_ || header->to != tag_) {
      return io_.Drop("frames_stale", topics_.Down(self_.agent));
    }
    if (header->kind == FrameKind::kData) return io_.DeliverFrame(session_, payload.substr(kFrameHeaderSize));
    Close("the parent closed the session");
    io_.Reconnect("the parent closed the session");
  }

  void Close(std::string_view reason) {
    const tg_session session = session_;
    session_ = 0;
    io_.CloseSession(session, reason);
  }

  const Config& config_;
  const LinkSelf self_;
  LinkIo& io_;
  const Topics topics_;
  const uint64_t tag_;
  tg_session session_ = 0;
  std::string parent_name_;
  uint64_t parent_tag_ = 0;
};

}  // namespace

std::unique_ptr<Link> MakeParentLink(const Config& config, LinkSelf self, LinkIo& io) {
  return std::make_unique<ParentLink>(config, std::move(self), io);
}

}  // namespace tidegate::mqtt
