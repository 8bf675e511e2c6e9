// The one writer of a replica file: a commit is one transaction with one fdatasync.
// Thread safety: the node's writer thread only. Ownership: owns its connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "config.h"
#include "mutation.h"
#include "reserve.h"
#include "row.h"
#include "sql.h"
#include "tidegate/storage.h"

namespace tidegate::sqlite {

class Writer {
 public:
  // Opens the file and begins the epoch.
  Writer(const Config& config, uint64_t epoch);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  // Fills outcomes; throws sdk::Error with nothing applied. After a SyncError, also of a checkpoint, every further
  // commit is refused with it.
  tg_watermark Commit(std::span<const tg_group> groups, std::vector<tg_outcome>& outcomes);

  // No epoch was begun in the file before this one.
  bool first_start() const { return first_start_; }
  uint64_t head() const { return state_.head; }
  const uint8_t* replica() const { return replica_; }
  uint64_t bytes_reserved() const { return bytes_reserved_; }

 private:
  static constexpr int kCheckpointPatienceMs = 100;

  // What the newest commit left; a failed one leaves it as it was.
  struct State {
    uint64_t head = 0;  // last seq given
    uint64_t kept = 0;  // position of the newest kept end
    uint64_t end_epoch = 0;
    uint64_t epoch = 0;
    tg_version version{};
    uint64_t mutations_since_end = 0, bytes_since_end = 0;
  };

  // What a key holds.
  struct Held {
    uint64_t seq = 0;  // 0: nothing
    uint8_t kind = 0, direction = 0, lane = 0;
    tg_version version{};
    std::string model, index_keys;
  };

  struct ScopeDelta {
    int64_t items = 0, tombstones = 0;
  };

  void BeginEpoch(uint64_t epoch);
  void AddEpoch(uint64_t epoch);
  void Undo(const State& before);
  void GiveUp(const sdk::Error& why);
  void Apply(uint64_t index);
  bool Cancelled();
  void ApplyPut(const tg_mutation& m, tg_outcome& outcome, bool alone);
  void ApplyRenumber(const tg_mutation& m, const Held& held, tg_outcome& outcome);
  void ApplyRekey(const tg_change& change, const Held& held);
  void ApplyPurge(const tg_change& key, const Held& held);
  void ApplyOther(const tg_mutation& m);
  void TrimEnds(uint64_t position);

  bool Find(const tg_key& key, Held& held);
  bool Insert(const tg_change& change, std::string_view keys);
  void Delete(const tg_key& key, const Held& held);
  void WriteEntries(Statement& statement, const tg_key& key, std::string_view index_keys);
  void Count(uint64_t owner, std::string_view model, uint8_t kind, int64_t delta);
  void Touch(const tg_change& change);

  void KeepEnd();
  void Flush();
  void Checkpoint();
  tg_watermark Try(std::span<const tg_group> groups);
  void PrepareSpace(uint64_t bulky);
  void UseReserve();
  void ShrinkLog();
  void GiveBack(bool needed = false);
  void LimitPages(bool bulky);
  tg_watermark Head() const;

  Reserve reserve_;  // before anything is written
  Connection connection_;
  Statement begin_, commit_, find_, insert_, delete_, read_, entry_put_, entry_delete_, end_put_;
  RowReader reader_;
  uint8_t replica_[16] = {};
  bool first_start_ = false;
  State state_;
  sdk::Status given_up_;  // not ok: a sync failed

  // Of the commit and group in hand.
  std::vector<const tg_mutation*> mutations_;
  std::span<const tg_mutation* const> group_;
  std::vector<tg_outcome>* outcomes_ = nullptr;
  uint64_t run_first_ = 0, run_last_ = 0;
  std::map<std::pair<uint64_t, std::string>, ScopeDelta, std::less<>> scopes_;
  std::map<std::pair<uint64_t, std::string>, ScopeDelta>::iterator scope_ = scopes_.end();  // last used
  std::map<std::pair<uint8_t, uint64_t>, uint64_t> owner_heads_;
  std::atomic<uint64_t> bytes_reserved_{0};  // read beside the writer
  uint64_t pages_max_ = 0;                   // of the file, as bytes_max says; 0 = no limit
  uint64_t pages_kept_back_ = 0;             // of these, for what is not bulky
  uint64_t pages_limit_ = 0;                 // as it is set now
  uint64_t page_bytes_ = 4096;
  int checkpoint_pages_ = 0;
  int wal_pages_ = 0;       // of the log after the newest commit; set by SQLite's hook
  int patience_pages_ = 0;  // the length of the log at which to wait for readers
};

}  // namespace tidegate::sqlite
