// WayUp: what has arrived of what goes up. Whatever drops something asks here first.
// Thread safety: the writer thread. Ownership: an interface.
#pragma once

#include <cstdint>

#include "host/node/service.h"
#include "host/wire/frames.h"
#include "tidegate/storage.h"

namespace tidegate::node {

// Up to where everything of ours is at the parent, and at the server.
struct Passed {
  uint64_t hop = 0;
  uint64_t server = 0;
};

// Whom to tell that something was lost; named: else the child reads all that it has to be told from the disk.
struct LossNews {
  AgentId child = 0;  // 0 = nobody
  bool named = false;
  wire::RefusedKey name;
};

class WayUp {
 public:
  virtual ~WayUp() = default;
  virtual Passed PassedUpwards() = 0;
  // Whether a change that goes up is there, where everything up to `passed` is.
  virtual bool HasArrived(const tg_change& change, uint64_t passed, SyncTarget where) const = 0;
  // Whether dropping it here loses nothing.
  virtual bool IsAbove(const tg_change& change, const Passed& passed) const = 0;
  // Whether it says that a command which is still here has run.
  virtual bool KeepsAnswer(const tg_change& change) = 0;
  // What is dropped before it has gone on, in the open group with its removal, and after the commit: who gave it is to
  // know. Why, as in the list of losses.
  virtual LossNews StageLost(const tg_change& change, const char* why) = 0;
  virtual void TellLost(const LossNews& news) = 0;
};

}  // namespace tidegate::node
