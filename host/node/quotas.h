// Quotas: how much of each model with a limit is stored here, and which of them have no room (docs/replication.md,
// "Retention"). Who is told to wait is the caller's business: TakeNews says what has changed.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "host/core/stage.h"
#include "host/node/node.h"

namespace tidegate::node {

// Up to where a lane was looked through for what may be dropped, and from where on something was passed over.
struct DropCursor {
  uint64_t at = 0;
  uint64_t skipped = UINT64_MAX;
};

// What the replica holds of a model with limits.
struct Usage {
  tg_retain rule{};
  uint32_t lane = 0;
  uint32_t direction = 0;
  bool drops = false;  // when full, the oldest go; else nothing more comes in
  uint64_t items = 0;
  uint64_t bytes = 0;
  uint64_t staged_items = 0;  // that the next commit brings
  uint64_t staged_bytes = 0;
  int64_t counted_us = 0;
  bool held = false;   // neighbours are told to wait
  bool stuck = false;  // nothing is left that may be dropped
  std::array<DropCursor, TG_LANE_COUNT> oldest{};
  bool second_look = false;  // at what was kept as the latest of its pk

  bool Over() const;
  // No room for one more, with what else is to come.
  bool Full(uint64_t more_items, uint64_t more_bytes) const;
  // An eighth is free again: a hold that ends must be worth the while.
  bool Roomy() const;
};

class Quotas {
 public:
  // A model began to have no room, or has room again.
  struct News {
    std::string model;
    uint32_t direction;
    bool held;
    std::string message;
  };

  Quotas(const NodeOptions& options, const Dependencies& deps) : options_(options), deps_(deps) {}

  // Counts anew what the models of the catalog with limits hold.
  Status Count();

  bool empty() const { return usage_.empty(); }
  std::map<std::string, Usage, std::less<>>& models() { return usage_; }
  const std::map<std::string, Usage, std::less<>>& models() const { return usage_; }

  void NoteStaged(const tg_change& change);
  void NoteCommitted(const core::Effect& effect);

  // After a commit. Returns whether a model that drops its oldest has more than it may.
  bool EndCommit();

  // A batch is taken whole: what would not fit any more is held from here on. Holds only ever begin here.
  void HoldWhatIsFull();

  // Nothing of the model is left that may be dropped: from now on it is refused.
  void Stick(Usage* usage);

  std::vector<News> TakeNews() { return std::exchange(news_, {}); }
  // Of models held now: why.
  std::string NoRoomMessage(const Usage& usage) const;

  // Back-pressure ends at the program that writes: something new finds no room (kFull), an edit or a removal does.
  Status RoomFor(const replica::Transaction& transaction) const;

  void Show(NodeStatus* status) const;

 private:
  Status CountModel(const std::string& model, Usage* usage);
  void Tell(const std::string& model, const Usage& usage);

  const NodeOptions& options_;
  const Dependencies& deps_;
  std::map<std::string, Usage, std::less<>> usage_;
  bool moved_ = false;
  std::vector<News> news_;
};

// What a change counts for against retain.bytes_max.
uint64_t StoredBytes(const tg_change& change);

const char* WhenFullName(uint32_t when_full);

}  // namespace tidegate::node
