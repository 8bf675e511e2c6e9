// DifferenceCount: what a comparison under way has found, by model, each key once.
// Thread safety: the writer thread. Ownership: owns what it counts; refers to the storage.
#pragma once

#include <map>
#include <set>
#include <string>

#include "host/core/storage.h"
#include "host/sync/link.h"
#include "host/sync/reconcile_asker.h"
#include "host/wire/frames.h"

namespace tidegate::node {

class DifferenceCount {
 public:
  using Models = std::map<std::string, wire::ModelDifference>;

  // mends: what is found is mended too, as far as the direction of its model allows.
  DifferenceCount(const core::Storage& storage, bool mends) : storage_(storage), mends_(mends) {}

  // What an answer says of differences, before anything of it is staged. held_there: what the parent held of ours when
  // it was asked; the rest is on its way.
  void Note(const sync::Link& parent, const wire::CompareAnswer& answer,
            const sync::ReconcileAsker::Positions& held_there);
  void NoteSent(uint64_t bytes) { report_.bytes_sent += bytes; }
  void NoteReceived(uint64_t bytes) { report_.bytes_received += bytes; }

  bool mends() const { return mends_; }
  const Models& models() const { return models_; }
  // The bytes, and what was dropped.
  const wire::CompareReport& report() const { return report_; }

  static uint64_t Found(const wire::ModelDifference& model) {
    return model.missing_here + model.missing_there + model.differing;
  }
  static uint64_t Found(const Models& models);

 private:
  wire::ModelDifference& Of(std::string_view model);
  void Lacking(std::string_view model, bool ours);

  const core::Storage& storage_;
  bool mends_;
  wire::CompareReport report_;
  Models models_;
  std::set<std::string> counted_;
};

}  // namespace tidegate::node
