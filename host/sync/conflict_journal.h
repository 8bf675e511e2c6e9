// ConflictJournal: states that lost. Where two nodes write one item at once, all keep the same state in the end;
// the other one is kept here, at the node where they met, so that somebody can look at it and put it back.
// Bounded: the oldest make room.
// Thread safety: the writer thread. Ownership: refers to the storage.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <set>
#include <string>
#include <string_view>

#include "host/core/stage.h"
#include "host/core/storage.h"
#include "host/sync/options.h"
#include "host/wire/records.h"

namespace tidegate::sync {

class ConflictJournal {
 public:
  ConflictJournal(const core::Storage& storage, const SyncOptions& options) : storage_(storage), options_(options) {}

  // Reads what is there; also after a commit that failed.
  Status Restore();

  // Into the open group. Returns how many old entries made room. A state that is listed already is not listed twice.
  uint64_t Stage(const tg_change& loser, const Version& winner, AgentId link, std::string reason, int64_t unix_ms,
                 core::Stage* stage);
  void StageRemove(uint64_t number, core::Stage* stage);

  size_t size() const { return entries_.size(); }
  Status ForEach(const std::function<void(uint64_t number, const wire::ConflictRecord&)>& fn) const;
  // kNotFound if there is none of this number.
  Result<wire::ConflictRecord> Find(uint64_t number) const;

 private:
  struct Entry {
    uint64_t number;
    uint64_t bytes;
    std::string state;  // key and version
  };
  static std::string Key(uint64_t number);

  const core::Storage& storage_;
  const SyncOptions& options_;
  std::deque<Entry> entries_;
  std::set<std::string> states_;  // of the entries
  uint64_t bytes_ = 0;
  uint64_t next_ = 1;
};

}  // namespace tidegate::sync
