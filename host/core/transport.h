// Transport: sessions with neighbours and the frames that cross them. The same promises as
// tg.transport: none about delivery.
// Thread safety: Send and Close from any thread; events come from the transport's own threads.
// Ownership: frames are copied by Send; views given to events live during the call.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "host/base/ids.h"
#include "host/base/status.h"

namespace tidegate::core {

using TransportSession = uint64_t;

enum class Side : uint32_t { kParent = 1, kChild = 2 };  // what the peer is to us

struct Peer {
  Side side = Side::kParent;
  AgentId agent = 0;  // 0 = the transport cannot tell
  bool authenticated = false;
  std::string address;
};

class TransportEvents {
 public:
  virtual ~TransportEvents() = default;
  virtual void Opened(TransportSession session, const Peer& peer) = 0;
  virtual void Frame(TransportSession session, std::string_view frame) = 0;
  virtual void Closed(TransportSession session, std::string_view reason) = 0;
  virtual void Writable(TransportSession session) = 0;
};

struct TransportInfo {
  bool listens = false;
  bool dials = false;
  uint64_t frame_bytes_max = 0;
};

struct TransportStats {
  bool connected = false;
  uint64_t bytes_sent = 0;
  uint64_t bytes_received = 0;
  uint64_t connects = 0;
  std::string last_error;
};

class Transport {
 public:
  virtual ~Transport() = default;
  virtual TransportInfo info() const = 0;
  // Connects in the background and goes on trying until Stop. events outlives Stop.
  virtual Status Start(TransportEvents* events) = 0;
  virtual Status Stop(uint64_t deadline_ms) = 0;
  // kFull: wait for Writable; kUnavailable: the session is gone.
  virtual Status Send(TransportSession session, std::string_view frame) = 0;
  virtual Status Close(TransportSession session, std::string_view reason) = 0;
  virtual TransportStats stats() const = 0;
};

}  // namespace tidegate::core
