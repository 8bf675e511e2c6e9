// WatchBuffer: changes that wait for one watching client, copied from the node's views. Bounded: when
// the client reads too slowly the buffer closes, and the client is told, instead of slowing the node.
// Thread safety: Push from the writer thread, Pop from the connection's. Ownership: owns its copies.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "host/base/ids.h"
#include "host/base/mutex.h"
#include "tidegate/change.h"

namespace tidegate::api {

// A tg_change with its own texts, as far as a watcher needs it.
struct WatchedChange {
  explicit WatchedChange(const tg_change& change);
  tg_change View() const;  // points into this
  size_t bytes() const { return model.size() + pk.size() + sk.size() + body.size() + sizeof(*this); }

  tg_change fixed{};  // the numbers; its views are not valid
  std::string model, pk, sk, body;
};

class WatchBuffer {
 public:
  WatchBuffer(std::string model, std::optional<AgentId> owner, uint64_t changes_max, uint64_t bytes_max)
      : model_(std::move(model)), owner_(owner), changes_max_(changes_max), bytes_max_(bytes_max) {}

  void Push(const tg_change& change);

  // Moves out all that waits; waits for something for at most `time`. overrun: nothing follows any more.
  std::vector<WatchedChange> Pop(std::chrono::milliseconds time, bool* overrun);

 private:
  const std::string model_;  // empty = all
  const std::optional<AgentId> owner_;
  const uint64_t changes_max_;
  const uint64_t bytes_max_;

  Mutex mutex_;
  CondVar filled_;
  std::vector<WatchedChange> waiting_ TG_GUARDED_BY(mutex_);
  uint64_t bytes_ TG_GUARDED_BY(mutex_) = 0;
  bool overrun_ TG_GUARDED_BY(mutex_) = false;
};

}  // namespace tidegate::api
