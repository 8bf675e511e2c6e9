// Errands: what is moved on demand, push, pull and compare, to one agent, all or a subtree; passed on from neighbour to
// neighbour. See docs/replication.md, "On demand".
// Thread safety: the writer thread. Ownership: refers to what it is made with, which outlives it; owns the errands.
#pragma once

#include <cstdint>
#include <functional>
#include <list>

#include "host/core/stage.h"
#include "host/node/answers.h"
#include "host/node/asked_verify.h"
#include "host/node/errand.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/sync/link_table.h"

namespace tidegate::node {

class Errands {
 public:
  // The node around it.
  class Around {
   public:
    virtual ~Around() = default;
    // False: it did not go out.
    virtual bool Send(sync::Link* link, const wire::Body& body) = 0;
  };

  // end: of the last commit.
  Errands(const NodeOptions& options, const Dependencies& deps, core::Stage& stage, const sync::LinkTable& links,
          const Watermark& end, Marks& marks, AskedVerify& verify, Answers& answers, Around& around)
      : options_(options),
        deps_(deps),
        stage_(stage),
        links_(links),
        end_(end),
        marks_(marks),
        verify_(verify),
        answers_(answers),
        around_(around) {}

  // Of a program here; counts what is committed.
  void Add(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done);
  // Of a neighbour; counts what is committed.
  void Ask(sync::Link* link, const wire::SyncAsk& ask);
  // The neighbour asks again for what is under way.
  bool IsUnderWay(const sync::Link& link, const wire::SyncAsk& ask) const;
  // A neighbour has done what it was asked.
  void Done(const sync::Link& link, const wire::SyncDone& done);
  // A neighbour of an earlier version does not know this type of frame.
  void AskUnknown(const sync::Link& link, uint32_t type);

  // True if something new is to be sent.
  bool Run(int64_t now_us);
  // sync.period: everything both ways is to be moved now, whether or not something else asked for it.
  bool TakePeriod(int64_t now_us);
  int64_t NextUs() const;

 private:
  static bool IsMeant(const Errand& errand, const sync::Link& link);
  Status Through(const Errand& errand, std::vector<sync::Link*>* through) const;
  Status LeftOut(const Errand& errand) const;
  Status MakeLegs(Errand* errand);
  void Start(Errand errand);
  void Finish(Errand& errand, const Status& status);
  bool DoneElsewhere(const Errand& errand) const;
  bool RunLegs(Errand* errand, int64_t now_us);

  const NodeOptions& options_;
  const Dependencies& deps_;
  core::Stage& stage_;
  const sync::LinkTable& links_;
  const Watermark& end_;
  Marks& marks_;
  AskedVerify& verify_;
  Answers& answers_;
  Around& around_;

  std::list<Errand> errands_;
  uint64_t last_ = 0;
  int64_t period_us_ = INT64_MAX;  // when sync.period is over
};

}  // namespace tidegate::node
