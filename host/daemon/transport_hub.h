// TransportHub: the node's sessions over all transports. Gives each session one number, decodes frames
// in the transports' threads, and keeps each transport to the sides it is configured for.
// Thread safety: Send and Close from any thread; the rest from the control thread. Ownership: owns the
// transports; the sink outlives Stop.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "host/core/metrics.h"
#include "host/core/transport.h"
#include "host/node/node.h"
#include "host/wire/codec.h"

namespace tidegate::daemon {

// Where events of sessions go. Calls come from the threads of transports; Frame may wait a while when
// too much is queued.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  virtual void Opened(core::TransportSession session, core::Peer peer) = 0;
  virtual void Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes) = 0;
  virtual void BadFrame(core::TransportSession session, Status status, uint32_t unknown_type) = 0;
  virtual void Closed(core::TransportSession session, std::string reason) = 0;
  virtual void Writable(core::TransportSession session) = 0;
};

class TransportHub : public node::Outbox {
 public:
  explicit TransportHub(core::Log& log);
  ~TransportHub() override;

  void Add(std::string name, std::unique_ptr<core::Transport> transport, bool to_parent, bool to_children);
  Status Start(SessionSink* sink);
  void Stop(uint64_t deadline_ms);

  // Adds what the node cannot know: why a transport has no session. From any thread, between Start and Stop.
  void Complete(node::NodeStatus* status) const;

  Status Send(core::TransportSession session, std::string_view frame) override;
  void Close(core::TransportSession session, std::string_view reason) override;

 private:
  class Port;  // one transport

  core::Log& log_;
  std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace tidegate::daemon
