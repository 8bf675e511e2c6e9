// Preparer: the part of a write that needs no held state, done before the writer thread's turn. A single
// write of a model that is written once is encoded here; everything else is left to LocalWriter, as is
// every error, so that there is one place that refuses.
// Thread safety: one thread at a time, beside the writer; the caller locks. Ownership: refers to the
// catalog, clock and random.
#pragma once

#include <functional>

#include "host/base/ulid.h"
#include "host/core/clock.h"
#include "host/replica/catalog.h"
#include "host/replica/requests.h"
#include "host/replica/submission.h"
#include "host/replica/writer_options.h"

namespace tidegate::replica {

// True if a single write of this model needs no look at what the key holds: the commit's condition tells.
bool WritesWithoutLooking(const ModelRule& rule);

// Whose a new item is; refuses what this node may not write.
Result<AgentId> OwnerOfNew(const WriterOptions& options, const ModelRule& rule, const Write& write);

// The addressee of a new item of this owner.
uint64_t AddresseeOfNew(const WriterOptions& options, const ModelRule& rule, AgentId owner);

class Preparer {
 public:
  Preparer(const WriterOptions& options, const CatalogHolder& catalog, core::Clock& clock, core::Random& random);

  void Prepare(Submission* submission);

 private:
  WriterOptions options_;
  const CatalogHolder& catalog_;
  core::Clock& clock_;
  std::function<uint64_t()> random_;
  UlidGenerator ulids_;
};

}  // namespace tidegate::replica
