// Submission: a transaction on its way to the writer, with what was done for it beforehand.
// Thread safety: plain value. Ownership: all owned; whoever submits one keeps it in place until done is
// called, since what is staged of it points into it.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "host/replica/catalog.h"
#include "host/replica/requests.h"
#include "host/schema/item.h"

namespace tidegate::replica {

// What a Preparer made of a transaction of one write.
struct PreparedItem {
  std::shared_ptr<const Catalog> catalog;  // it was encoded by, and of no use with another; null = not prepared
  EncodedItem item;
  AgentId owner = 0;
  uint64_t dst = 0;
};

using WriteDone = std::function<void(WriteAnswer)>;

struct Submission {
  Transaction transaction;
  PreparedItem prepared;
  WriteDone done;  // called once; it may destroy the submission
};

}  // namespace tidegate::replica
