// LocalWriter: turns what local programs write into staged changes: checks, key, version, direction,
// lane, owner. A transaction is one group of the commit: all or none, one run of seq.
// Thread safety: the writer thread. Ownership: refers to its dependencies; callbacks are called by the
// stage after the commit.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "host/base/hybrid_clock.h"
#include "host/base/ulid.h"
#include "host/core/clock.h"
#include "host/core/policy.h"
#include "host/core/stage.h"
#include "host/core/storage.h"
#include "host/replica/catalog.h"
#include "host/replica/requests.h"
#include "host/schema/item.h"

namespace tidegate::replica {

struct WriterOptions {
  AgentId agent = 0;
  uint32_t role = TG_ROLE_DEVICE;
  uint64_t item_bytes_max = 400u << 10;
  uint64_t transaction_bytes_max = 1u << 20;
  std::string context_json;  // properties that every item of this node gets
};

using WriteDone = std::function<void(WriteAnswer)>;

class LocalWriter {
 public:
  LocalWriter(const WriterOptions& options, core::Storage& storage, core::Stage& stage, const CatalogHolder& catalog,
              const core::Policy& policy, core::Clock& clock, core::Random& random, HybridClock& versions);

  // Stages the transaction and takes what it holds; on an error it stays as it was. kUnavailable: a key of it
  // is written by the stage already; commit, then call again. Any other error is the transaction's own and
  // done is not called.
  Status StageTransaction(Transaction& transaction, const WriteDone& done);

  // Transactions whose guess about the held state was wrong: write them again after the commit.
  struct Retry {
    Transaction transaction;
    WriteDone done;
  };
  std::vector<Retry> TakeRetries() { return std::move(retries_); }

  // While true every write looks at the held state first: for retries.
  void set_looking(bool looking) { looking_ = looking; }

  size_t failed_at() const { return failed_at_; }

 private:
  struct Held {
    bool present = false;  // a row of any kind
    bool live = false;     // an item that has not expired
    Version version;
    AgentId owner = 0;
    uint64_t src = 0;
    uint64_t dst = 0;
    std::string body;
  };
  struct Staged;

  Status StageOne(const Catalog& catalog, const Write& write, bool look, Staged* staged);
  Result<AgentId> NewOwner(const ModelRule& rule, const Write& write) const;
  Result<Held> Look(const ModelRule& rule, const Write& write, const ItemKey& key);
  Status FillItem(const ModelRule& rule, const Write& write, bool look, Staged* staged);
  Status FillEdit(const ModelRule& rule, const Write& write, Staged* staged);
  tg_change MakeChange(const ModelRule& rule, const Staged& staged, uint8_t lane);
  void Commit(Transaction& transaction, std::vector<Staged> staged, const WriteDone& done);

  WriterOptions options_;
  core::Storage& storage_;
  core::Stage& stage_;
  const CatalogHolder& catalog_;
  const core::Policy& policy_;
  core::Clock& clock_;
  HybridClock& versions_;
  std::function<uint64_t()> random_;
  UlidGenerator ulids_;
  Epoch epoch_;
  bool looking_ = false;
  size_t failed_at_ = 0;
  std::vector<Retry> retries_;
};

}  // namespace tidegate::replica
