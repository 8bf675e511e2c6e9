// The open sessions and what waits to be sent on each: the one state shared between the callers of
// send and close and the loop thread. Every queue is bounded in bytes.
// Thread safety: [any] methods from every thread, [loop] methods from the loop thread only.
// Ownership: frames are copied in and moved out.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "tidegate/cpp/error.h"
#include "tidegate/transport.h"

namespace tidegate::mqtt {

class SessionTable {
 public:
  explicit SessionTable(uint64_t queue_bytes_max) : queue_bytes_max_(queue_bytes_max) {}

  // [loop] Frames of this session go to topic, their header carries the two tags.
  tg_session Open(std::string topic, uint64_t from_tag, uint64_t to_tag);

  // [any] TG_FULL, TG_UNAVAILABLE as in tidegate/transport.h.
  sdk::Status Send(tg_session session, std::string_view frame);
  // [any] What is queued is still sent; then Next reports kFinished.
  sdk::Status Close(tg_session session, std::string_view reason);

  // [loop] False once the host has closed it, or it never was.
  bool IsOpen(tg_session session) const;
  // [loop] Forgets the session and what it has queued. False if it was gone.
  bool Remove(tg_session session);

  struct Outgoing {
    enum Kind { kNothing, kFrame, kFinished } kind = kNothing;
    tg_session session = 0;
    std::string topic;
    std::string payload;  // kFrame: header and frame; kFinished: the reason the host gave
  };
  // [loop] The next thing to do, sessions in turn. A session reported finished is already removed.
  Outgoing Next();
  // [loop] Sessions that were full and have room again; each is named once.
  std::vector<tg_session> TakeWritable();

 private:
  struct Session {
    std::string topic;
    uint64_t from_tag = 0;
    uint64_t to_tag = 0;
    std::deque<std::string> queue;
    uint64_t queue_bytes = 0;
    bool full = false;   // a send was refused
    bool ready = false;  // has its place in ready_
    bool closing = false;
    std::string reason;
  };

  void MakeReady(tg_session id, Session& session);

  const uint64_t queue_bytes_max_;
  mutable std::mutex mutex_;
  tg_session last_ = 0;
  std::map<tg_session, Session> sessions_;
  std::deque<tg_session> ready_;  // sessions with something to do
  std::vector<tg_session> writable_;
};

}  // namespace tidegate::mqtt
