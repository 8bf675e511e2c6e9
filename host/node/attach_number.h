// AttachNumber: the number of our edge to the parent. It is above all that this node or its new parent knows, so that
// the newest edge is the highest, and is stored before a hello names it.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <algorithm>
#include <cstdint>

#include "host/core/backoff.h"
#include "host/node/node.h"
#include "host/sync/routes.h"
#include "host/wire/records.h"

namespace tidegate::node {

class AttachNumber {
 public:
  // record: has the number and whose it is, and is stored with them.
  AttachNumber(const NodeOptions& options, wire::NodeRecord& record) : options_(options), record_(record) {}

  // The record is as it is on the disk.
  void Start() { stored_ = record_.attach_epoch; }
  // No hello may be said to this parent before another number is stored.
  bool IsMissing(AgentId parent) const { return !Fits(parent) || stored_ != record_.attach_epoch; }
  // Into the record, for this parent.
  void Take(AgentId parent) {
    if (Fits(parent)) return;
    record_.attach_epoch = std::max(record_.attach_epoch, above_) + 1;
    record_.attach_parent = parent;
  }
  void Stored(uint64_t number) { stored_ = number; }

  // The parent knows a higher number. How long to wait before the next hello, in milliseconds: a node that has to
  // attach again and again shares its agent id with another.
  int64_t KnownAbove(uint64_t number, int64_t now_us, core::Random& random) {
    if (number <= sync::Routes::kAttachMax) above_ = std::max(above_, number);
    const bool often = now_us - attached_at_us_ < kQuietUs;
    attached_at_us_ = now_us;
    if (!often) wait_ms_ = options_.hello_ms;
    return often ? core::TakeBackoff(&wait_ms_, options_.hello_ms_max, random) : 0;
  }

 private:
  static constexpr int64_t kQuietUs = 60'000'000;

  bool Fits(AgentId parent) const { return record_.attach_parent == parent && above_ < record_.attach_epoch; }

  const NodeOptions& options_;
  wire::NodeRecord& record_;
  uint64_t stored_ = 0;  // record_.attach_epoch as it is on the disk
  uint64_t above_ = 0;   // the parent knows this one: the next has to be higher
  int64_t attached_at_us_ = INT64_MIN / 2;
  int64_t wait_ms_ = 0;
};

}  // namespace tidegate::node
