// Errand: what one "move it now" still has to do at this node: asked by a program, by a neighbour that passes
// it on, or by the clock. See docs/replication.md, "On demand".
// Thread safety: the writer thread. Ownership: plain values.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "host/node/service.h"
#include "host/wire/frames.h"

namespace tidegate::node {

struct Errand {
  // What concerns one neighbour.
  struct Leg {
    AgentId neighbour = 0;
    uint64_t position = 0;  // of our changes: it has to have them first
    bool asks = false;      // then it is asked to go on by itself
    AgentId about = 0;      // whom that is about
    bool done = false;
    wire::SessionId asked_in = 0;  // the session in which it was asked last
    int64_t ask_again_us = 0;
    int64_t ask_wait_ms = 0;
  };

  uint64_t number = 0;
  wire::SyncAsk what;
  bool children = false;  // of all neighbours only those below
  std::vector<Leg> legs;
  uint64_t verify = 0;                             // Impl::IsVerified; 0 = none
  std::optional<wire::CompareReport> report = {};  // of the child that was asked
  uint64_t mark = 0;                               // unsettled marks up to this one have to be settled; 0 = none
  int64_t deadline_us = INT64_MAX;

  // Who wants to know.
  AgentId asker = 0;  // 0 = a program of this node, or nobody
  wire::SessionId asker_session = 0;
  bool gives_back = false;  // what it pulled is on its way to the asker
  uint64_t back_position = 0;
  std::function<void(LinkSyncAnswer)> done;

  bool legs_done() const {
    for (const Leg& leg : legs) {
      if (!leg.done) return false;
    }
    return true;
  }
};

}  // namespace tidegate::node
