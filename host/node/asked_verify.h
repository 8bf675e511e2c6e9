// AskedVerify: the link to the parent is compared because somebody asks, with everything that each side should hold,
// and what was found is counted. It is the reconcile of reconcile.cc: to look, its asker changes nothing; to mend, it
// settles a mark.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it.
#pragma once

#include <cstdint>

#include "host/core/stage.h"
#include "host/node/compare_pass.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class AskedVerify {
 public:
  // end: of the last commit.
  AskedVerify(const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links, Marks& marks,
              const Watermark& end, ComparePass& pass, ComparePass::Around& around)
      : deps_(deps), stage_(stage), links_(links), marks_(marks), end_(end), pass_(pass), around_(around) {}

  // Returns the number by which IsDone knows it. Those that were not begun yet are one.
  uint64_t Want(bool mend);
  bool IsDone(uint64_t number) const;
  // What the last one found.
  const wire::CompareReport& report() const { return report_; }

  bool wanted() const { return wanted_ != 0; }
  // One that needs no pass that mends.
  bool wants_to_look() const { return wanted_ != 0 && !mends_; }

  // A pass begins: true if it is what is wanted, and then it is counted.
  bool Begin(const sync::ComparePlan& plan, int64_t now_us);
  // The pass of one that is counted ended without an end: it is wanted again.
  void BreakOff();
  // It is done.
  void End(sync::Link* parent, int64_t now_us);

  // Of the one that is counted now.
  uint64_t rows() const { return pass_.shelf().rows_read() - rows_before_; }

 private:
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  Marks& marks_;
  const Watermark& end_;
  ComparePass& pass_;
  ComparePass::Around& around_;

  uint64_t last_ = 0;
  uint64_t wanted_ = 0;  // the next one, and whether it mends
  bool mends_ = false;
  uint64_t number_ = 0;  // the one that is counted now
  int64_t begun_us_ = 0;
  uint64_t rows_before_ = 0;
  uint64_t done_ = 0;  // the last that ended, up to where what it mended stands in our feeds, and what it found
  bool done_mended_ = false;
  uint64_t done_position_ = 0;
  wire::CompareReport report_;
};

}  // namespace tidegate::node
