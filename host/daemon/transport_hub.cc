#include "host/daemon/transport_hub.h"

#include <algorithm>

#include "tidegate/services.h"

namespace tidegate::daemon {

class TransportHub::Port : public core::TransportEvents {
 public:
  Port(std::string name, std::unique_ptr<core::Transport> transport, bool to_parent, bool to_children, uint64_t index,
       core::Log& log)
      : name_(std::move(name)),
        transport_(std::move(transport)),
        to_parent_(to_parent),
        to_children_(to_children),
        index_(index),
        log_(log) {}

  // count: of all ports. Session s of port i is known to the node as s * count + i.
  Status Start(SessionSink* sink, uint64_t count) {
    sink_ = sink;
    count_ = count;
    return transport_->Start(this);
  }
  Status Stop(uint64_t deadline_ms) { return transport_->Stop(deadline_ms); }

  core::Transport& transport() { return *transport_; }
  bool to_parent() const { return to_parent_; }
  const std::string& name() const { return name_; }

  void Opened(core::TransportSession session, const core::Peer& peer) override {
    bool allowed = peer.side == core::Side::kParent ? to_parent_ : to_children_;
    if (!allowed) {
      const char* side = peer.side == core::Side::kParent ? "parent" : "child";
      log_.Write(TG_LOG_WARNING, name_ + ": a session with a " + side + " at " + peer.address +
                                     " is closed: this transport's sides do not name it");
      (void)transport_->Close(session, "not a side of this transport");
      return;
    }
    sink_->Opened(Numbered(session), peer);
  }
  void Frame(core::TransportSession session, std::string_view bytes) override {
    uint32_t unknown_type = 0;
    Result<wire::DecodedFrame> frame = wire::Decode(bytes, limits_, &unknown_type);
    if (frame.ok()) {
      sink_->Frame(Numbered(session), std::move(frame).value(), bytes.size());
    } else {
      sink_->BadFrame(Numbered(session), frame.status(), unknown_type);
    }
  }
  void Closed(core::TransportSession session, std::string_view reason) override {
    sink_->Closed(Numbered(session), std::string(reason));
  }
  void Writable(core::TransportSession session) override { sink_->Writable(Numbered(session)); }

 private:
  core::TransportSession Numbered(core::TransportSession session) const { return session * count_ + index_; }

  const std::string name_;
  std::unique_ptr<core::Transport> transport_;
  const bool to_parent_;
  const bool to_children_;
  const uint64_t index_;
  core::Log& log_;
  const wire::DecodeLimits limits_;
  SessionSink* sink_ = nullptr;
  uint64_t count_ = 1;
};

TransportHub::TransportHub(core::Log& log) : log_(log) {}
TransportHub::~TransportHub() = default;

void TransportHub::Add(std::string name, std::unique_ptr<core::Transport> transport, bool to_parent, bool to_children) {
  ports_.push_back(
      std::make_unique<Port>(std::move(name), std::move(transport), to_parent, to_children, ports_.size(), log_));
}

Status TransportHub::Start(SessionSink* sink) {
  for (auto& port : ports_) TG_RETURN_IF_ERROR(port->Start(sink, ports_.size()));
  return Status::Ok();
}

void TransportHub::Stop(uint64_t deadline_ms) {
  for (auto& port : ports_) {
    Status status = port->Stop(deadline_ms);
    if (!status.ok()) log_.Write(TG_LOG_WARNING, status.message());
  }
}

namespace {

// The link to the parent, and the problem that it is down, with the reason why.
void TellOfParent(const std::string& error, node::NodeStatus* status) {
  auto parent = std::find_if(status->links.begin(), status->links.end(),
                             [](const node::LinkStatus& link) { return link.is_parent; });
  if (parent == status->links.end()) {
    parent = status->links.emplace(status->links.end());
    parent->is_parent = true;
    parent->state = "connecting";
  }
  if (parent->state == "up" || parent->state == "refused" || parent->state == "off") return;
  parent->last_error = error;
  parent->last_error_unix_ms = status->unix_ms;
  constexpr std::string_view kProblem = "the parent is not connected";
  std::erase_if(status->problems, [&](const std::string& problem) { return problem.starts_with(kProblem); });
  status->problems.push_back(std::string(kProblem) + ": " + error);
}

}  // namespace

void TransportHub::Complete(node::NodeStatus* status) const {
  for (const auto& port : ports_) {
    core::TransportStats stats = port->transport().stats();
    if (stats.last_error.empty()) continue;
    if (port->to_parent()) {
      TellOfParent(port->name() + ": " + stats.last_error, status);
    } else if (!stats.connected) {
      status->problems.push_back(port->name() + ": " + stats.last_error);
    }
  }
  status->healthy = status->problems.empty();
}

Status TransportHub::Send(core::TransportSession session, std::string_view frame) {
  if (ports_.empty()) return Status::Unavailable("there is no transport");
  return ports_[session % ports_.size()]->transport().Send(session / ports_.size(), frame);
}

void TransportHub::Close(core::TransportSession session, std::string_view reason) {
  if (ports_.empty()) return;
  // A session that is gone already is as closed as it can be.
  (void)ports_[session % ports_.size()]->transport().Close(session / ports_.size(), reason);
}

}  // namespace tidegate::daemon
