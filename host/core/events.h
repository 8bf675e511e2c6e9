// Events: who is told what happens on links and to items, and may say no. The same calls as tg.events
// (docs in sdk/include/tidegate/events.h).
// Thread safety: every call from the writer thread; start and stop are the owner's. Ownership: arguments are
// views for the call.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "host/base/status.h"
#include "tidegate/events.h"

namespace tidegate::core {

class Events {
 public:
  enum Interest : uint32_t {
    kConnecting = 1u << 0,
    kConnected = 1u << 1,
    kDisconnected = 1u << 2,
    kChanging = 1u << 3,
    kChanged = 1u << 4,
    kReceived = 1u << 5,
    kAcked = 1u << 6,
  };

  virtual ~Events() = default;
  // The calls that anybody wants; the others need not be made. Constant.
  virtual uint32_t interests() const = 0;
  bool wants(Interest interest) const { return (interests() & interest) != 0; }

  // kRefused with the reason of the veto, or ok.
  virtual Status Connecting(const tg_link_event& link) = 0;
  virtual Status Changing(const tg_change_event& event) = 0;
  virtual void Connected(const tg_link_event& link) = 0;
  virtual void Disconnected(const tg_link_event& link) = 0;
  virtual void Changed(const tg_change_event& event) = 0;
  virtual void Received(const tg_receive_event& event) = 0;
  virtual void Acked(const tg_ack_event& event) = 0;
};

// Those of the configuration, in order: the first veto decides, everything else reaches all.
class EventChain : public Events {
 public:
  EventChain() = default;
  explicit EventChain(std::vector<std::unique_ptr<Events>> links);

  uint32_t interests() const override { return interests_; }
  Status Connecting(const tg_link_event& link) override;
  Status Changing(const tg_change_event& event) override;
  void Connected(const tg_link_event& link) override;
  void Disconnected(const tg_link_event& link) override;
  void Changed(const tg_change_event& event) override;
  void Received(const tg_receive_event& event) override;
  void Acked(const tg_ack_event& event) override;

 private:
  std::vector<std::unique_ptr<Events>> links_;
  uint32_t interests_ = 0;
};

}  // namespace tidegate::core
