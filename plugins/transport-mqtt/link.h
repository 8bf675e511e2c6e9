// What differs between the two sides of the protocol of docs/transport-mqtt.md: which topics there
// are, and when a session opens and closes. ParentLink dials a parent, ChildLinks serves children.
// Thread safety: the loop thread only. Ownership: the io outlives its link. A link is made anew for
// each connection to the broker; what it knew belongs to that connection.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "config.h"
#include "tidegate/transport.h"
#include "topics.h"

namespace tidegate::mqtt {

// What a link may do; the loop does it.
class LinkIo {
 public:
  virtual ~LinkIo() = default;
  virtual void Publish(const std::string& topic, std::string_view payload, bool retain) = 0;
  // Opens a session and tells the host. Frames to the peer go to topic.
  virtual tg_session OpenSession(uint64_t agent, const std::string& topic, uint64_t from_tag, uint64_t to_tag) = 0;
  // Closes it, also towards the host. Nothing happens if it is closed already.
  virtual void CloseSession(tg_session session, std::string_view reason) = 0;
  virtual void DeliverFrame(tg_session session, std::string_view frame) = 0;
  // Counts a message that was not used: kind is the name of a counter.
  virtual void Drop(std::string_view kind, std::string_view topic) = 0;
  // last_error and the log.
  virtual void Problem(const std::string& message) = 0;
  // The problem is over.
  virtual void Settled() = 0;
  // Ends this connection to the broker and makes another one, under another name.
  virtual void Reconnect(const std::string& reason) = 0;
};

struct LinkSelf {
  uint64_t agent = 0;
  std::string name;  // of this connection; never used again
};

class Link {
 public:
  virtual ~Link() = default;
  virtual std::vector<std::string> Subscriptions() const = 0;
  virtual std::string StateTopic() const = 0;
  virtual std::string StatePayload(bool online) const = 0;
  // All subscriptions are in place.
  virtual void OnReady() = 0;
  virtual void OnMessage(const Topic& topic, std::string_view payload, bool retained) = 0;
  // The host has closed it; what was queued is sent.
  virtual void OnClosedByHost(tg_session session) = 0;
  // Some seconds after OnReady: what has not happened by now needs an explanation.
  virtual void OnOverdue() = 0;
};

std::unique_ptr<Link> MakeParentLink(const Config& config, LinkSelf self, LinkIo& io);
std::unique_ptr<Link> MakeChildLinks(const Config& config, LinkSelf self, LinkIo& io);

}  // namespace tidegate::mqtt
