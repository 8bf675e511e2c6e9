// LocalWriter: turns what local programs write into staged changes: checks, key, version, direction,
// lane, owner. A transaction is one group of the commit: all or none, one run of seq.
// Thread safety: the writer thread. Ownership: refers to its dependencies; callbacks are called by the
// stage after the commit.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "host/base/hybrid_clock.h"
#include "host/base/ulid.h"
#include "host/core/clock.h"
#include "host/core/events.h"
#include "host/core/policy.h"
#include "host/core/stage.h"
#include "host/core/storage.h"
#include "host/replica/catalog.h"
#include "host/replica/preparer.h"
#include "host/replica/requests.h"
#include "host/replica/submission.h"
#include "host/replica/writer_options.h"

namespace tidegate::replica {

class LocalWriter {
 public:
  LocalWriter(const WriterOptions& options, core::Storage& storage, core::Stage& stage, const CatalogHolder& catalog,
              const core::Policy& policy, core::Clock& clock, core::Random& random, HybridClock& versions,
              core::Events* events = nullptr);
  ~LocalWriter();

  // Stages the transaction; its submission stays in place until done is called. kUnavailable: a key of it is
  // written by the stage already; commit, then call again. Any other error is the transaction's own and done is
  // not called.
  Status Stage(Submission& submission);

  // Those whose guess about the held state was wrong: stage them again after the commit.
  std::vector<Submission*> TakeRetries() { return std::exchange(retries_, {}); }

  // While true every write looks at the held state first: for retries.
  void set_looking(bool looking) { looking_ = looking; }

  // Told, within its group, of each write in a model that goes nowhere that takes the place of another state.
  using OverFn = std::function<void(const tg_change& written, const Version& held)>;
  void set_over(OverFn over) { over_ = std::move(over); }

  size_t failed_at() const { return failed_at_; }

 private:
  struct Held {
    bool present = false;  // a row of any kind
    bool live = false;     // an item that has not expired
    Version version;
    AgentId owner = 0;
    uint64_t src = 0;
    uint64_t dst = 0;
    uint8_t kind = 0;
    std::string body;
    std::string policy_meta;
  };
  struct Staged;
  // Staged and not yet known to be on disk, in the order of the stage.
  struct Flying {
    Submission* submission;
    bool guessed;
    std::shared_ptr<const Catalog> catalog;  // to show the items with; null if none is wanted
    std::map<size_t, std::string> removed;   // by the write's index: what it removes, as it is shown
  };

  Status StageOne(const Write& write, PreparedItem* prepared, bool look, Staged* staged);
  Result<Held> Look(const ModelRule& rule, const Write& write, const ItemKey& key);
  Status FillItem(const ModelRule& rule, const Write& write, bool look, Staged* staged);
  Status FillEdit(const ModelRule& rule, const Write& write, Staged* staged);
  std::string ShowHeld(const ModelRule& rule, const ItemKey& key, const Held& held) const;
  tg_change MakeChange(const Staged& staged, uint8_t lane);
  void StampFields(const Held& held, tg_change* change);
  bool Looks(const Transaction& transaction, const ModelRule* rule) const;
  void Fly(Submission& submission, std::shared_ptr<const Catalog> catalog);
  void Land(const Status& status, std::span<const core::Effect> effects);

  WriterOptions options_;
  core::Storage& storage_;
  core::Stage& stage_;
  const CatalogHolder& catalog_;
  const core::Policy& policy_;
  core::Clock& clock_;
  HybridClock& versions_;
  core::Events* events_;  // null, or one that wants to be asked
  std::function<uint64_t()> random_;
  OverFn over_;
  UlidGenerator ulids_;
  bool looking_ = false;
  size_t failed_at_ = 0;
  std::vector<Staged> staged_;  // of the transaction in hand; a member to keep its memory
  std::deque<Flying> flying_;
  std::vector<Submission*> retries_;
};

}  // namespace tidegate::replica
