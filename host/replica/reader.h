// Reader: get, find and digests over the committed state of one replica.
// Thread safety: any thread, beside the writer. Ownership: refers to the storage and the catalog,
// which outlive it.
#pragma once

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "host/core/clock.h"
#include "host/core/storage.h"
#include "host/replica/catalog.h"
#include "host/replica/requests.h"

namespace tidegate::replica {

class Reader {
 public:
  // context_json: the node's context, which stands in for what the key of a Get leaves out; may be empty.
  Reader(const core::Storage& storage, const CatalogHolder& catalog, const core::Clock& clock, AgentId self,
         std::string context_json = {})
      : storage_(storage), catalog_(catalog), clock_(clock), self_(self), context_json_(std::move(context_json)) {}

  // One item by the fields of its key; without an owner the own one, then that of 0. kNotFound if none.
  Result<std::string> Get(const FindRequest& request) const;
  // By key, prefix or index; see docs/schema.md. Expired items are not shown.
  Result<FindAnswer> Find(const FindRequest& request) const;
  // One digest for each scope (model, owner), ordered by owner, then model.
  Result<std::vector<ScopeDigest>> Digests() const;
  // The item of a change as Find shows it, or an empty text for tombstones and evicts.
  std::string Present(const tg_change& change, bool hidden) const;

 private:
  const core::Storage& storage_;
  const CatalogHolder& catalog_;
  const core::Clock& clock_;
  AgentId self_;
  std::string context_json_;
};

}  // namespace tidegate::replica
