// ComparePass: the comparison with the parent that is under way, one at a time; who counts what it finds; and the
// digests of rows that comparisons need, those of children too.
// Thread safety: the writer thread. Ownership: owns its state; refers to the storage.
#pragma once

#include <optional>
#include <utility>

#include "host/core/storage.h"
#include "host/node/difference_count.h"
#include "host/node/options.h"
#include "host/sync/digest_shelf.h"
#include "host/sync/link.h"
#include "host/sync/reconcile_asker.h"

namespace tidegate::node {

class ComparePass {
 public:
  // Who wants to know what is found: somebody who asked, or the node, which looks by itself.
  enum class CountedFor : uint8_t { kAsked, kItself };

  // The node around it.
  class Around {
   public:
    virtual ~Around() = default;
    // Tombstones below it may be forgotten here, or above.
    virtual uint64_t KnownHorizon() const = 0;
    // Items that expired until then are compared no more.
    virtual int64_t ExpiredMs() const = 0;
    // A comparison that was counted has ended: it is noted, and the parent is told.
    virtual void NoteReport(sync::Link* parent, wire::CompareReport report) = 0;
  };

  ComparePass(const core::Storage& storage, const NodeOptions& options)
      : storage_(storage),
        shelf_(storage, options.compare_portion_rows, options.compare_leaf_items, options.verify_rows_per_s),
        asker_(storage, shelf_) {}

  sync::DigestShelf& shelf() { return shelf_; }
  const sync::DigestShelf& shelf() const { return shelf_; }
  sync::ReconcileAsker& asker() { return asker_; }
  const sync::ReconcileAsker& asker() const { return asker_; }

  void Start(const sync::Link& parent, sync::ComparePlan plan) {
    asker_.Start(std::move(plan));
    parent_ = parent.agent();
    replica_ = parent.record.replica;
  }
  // It goes on after a break, but not with another parent, nor with another replica of it.
  bool IsWith(const sync::Link& parent) const { return parent_ == parent.agent() && replica_ == parent.record.replica; }

  // Null: nobody wants to know.
  DifferenceCount* count() { return count_ ? &*count_ : nullptr; }
  const DifferenceCount* count() const { return count_ ? &*count_ : nullptr; }
  bool CountsFor(CountedFor whom) const { return count_.has_value() && counted_for_ == whom; }
  void Count(CountedFor whom, bool mends) {
    count_.emplace(storage_, mends);
    counted_for_ = whom;
  }
  void StopCounting() { count_.reset(); }

 private:
  const core::Storage& storage_;
  sync::DigestShelf shelf_;
  sync::ReconcileAsker asker_;
  AgentId parent_ = 0;
  ReplicaId replica_;
  std::optional<DifferenceCount> count_;
  CountedFor counted_for_ = CountedFor::kAsked;
};

}  // namespace tidegate::node
