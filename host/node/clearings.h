// Clearings: by hand, what has arrived above is dropped here, page by page. Retention does the same by itself.
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it; owns the callbacks.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>

#include "host/core/stage.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/node/way_up.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class Clearings {
 public:
  // end: of the last commit.
  Clearings(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
            const Watermark& end, const Marks& marks, WayUp& way_up)
      : options_(options), deps_(deps), stage_(stage), links_(links), end_(end), marks_(marks), way_up_(way_up) {}

  // Whether it is known here what has arrived above.
  Status Judge(const ClearRequest& request) const;
  // Of what is committed; after Judge.
  void Add(const ClearRequest& request, std::function<void(ClearAnswer)> done);

  // Into the next commit: a page of the first one; or its answer.
  void Run();
  bool empty() const { return clearings_.empty(); }

 private:
  struct Clearing {
    ClearRequest request;
    uint64_t arrived = 0;  // position up to which everything of ours is there
    std::string cursor;
    uint64_t cleared = 0;
    bool over = false;
    Status failure;
    std::function<void(ClearAnswer)> done;
  };
  bool MayClear(const Clearing& clearing, const tg_change& change) const;

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  const Watermark& end_;
  const Marks& marks_;
  WayUp& way_up_;

  std::deque<Clearing> clearings_;
};

}  // namespace tidegate::node
