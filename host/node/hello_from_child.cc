// Hello as a parent hears it: who is there, what it may, what it holds, and where the feeds begin; or why not.
#include <algorithm>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {

void Node::Impl::OnHelloFromChild(Session* session, wire::SessionId id, const wire::Hello& hello) {
  if (id == session->ended_id) {
    wire::Refuse refuse;
    refuse.reason = wire::RefuseReason::kUnknownSession;
    refuse.message = "that session is over: say hello again";
    return Refuse(session, id, refuse);
  }
  self_.unix_ms = deps_.clock.unix_ms();
  self_.attach_epoch = record_.attach_epoch;
  // Judged by what is applied: what is staged comes first.
  if (!CommitStage().ok()) return;
  sync::Link* known = links_.Find(hello.agent);
  if (known != nullptr && known->session == session->transport && known->session_id == id &&
      hello.edges_number < known->edges_number) {
    return;  // a copy that came late: the child was answered, and told newer routes since
  }
  auto refuse = sync::JudgeChild(self_, session->peer, hello, known);
  const bool another = refuse && refuse->reason == wire::RefuseReason::kReplica;
  known = HeardOf(hello.agent);
  if (!refuse && IsClone(hello)) {
    refuse = sync::CloneRefusal(hello.agent);
    CountClone(hello.agent);
  }
  Epoch clone = 0;
  if (!refuse && known != nullptr) refuse = JudgeReturn(known, id, hello, &clone);
  const bool is_up = known != nullptr && known->session == session->transport && known->session_id == id;
  if (!refuse && !is_up) refuse = VetoOf(*session, id, hello);
  if (refuse) {
    session->refused_agent = hello.agent;
    session->refused_id = id;
    session->refused_replica = another ? hello.replica : ReplicaId();
    session->refused_at_us = deps_.clock.monotonic_us();
    session->refused_why = refuse->reason;
    Refuse(session, id, *refuse);
    return;
  }
  if (TellOfLostLife(session, id, hello, known, clone)) return;
  if (IsRewound(hello)) {
    if (!BecomeRewound(hello).ok()) return;
  } else if (hello.fall > record_.fall) {
    if (!HearFall(hello.fall).ok()) return;
  }
  known = HeardOf(hello.agent);
  wire::LinkRecord record = sync::RecordFrom(hello, false, known, self_.unix_ms);
  GrantLease(true, self_.unix_ms, &record);
  // What it wrote before is doubtful where it is lacked: it may have been deleted since.
  if (hello.rewound) record.rewound_hlc = static_cast<uint64_t>(self_.unix_ms) << 16;
  RefuseClone(known, clone);
  std::vector<wire::Edge> table = hello.edges;
  table.push_back(EdgeOf(hello.agent, options_.agent, record));
  sync::Routes::Difference difference = links_.routes().Compare(hello.agent, table);
  TellOwnEdge(table, &difference);
  for (const wire::Edge& edge : difference.higher) {
    if (edge.agent != hello.agent) continue;
    if (edge.clone != 0) {
      stage_.Begin();
      StageClone(hello.agent, edge.clone);
      stage_.End([this, agent = hello.agent, epoch = edge.clone](const Status& status, std::span<const core::Effect>) {
        if (status.ok()) NoteClone(agent, epoch);
      });
      return Refuse(session, id, sync::CloneRefusal(hello.agent));
    }
    // Not taken: it has to attach above this one.
    wire::Hello answer = sync::MakeHello(self_, nullptr);
    answer.edges = {edge};
    Send(session, id, answer);
    return;
  }
  stage_.Begin();
  sync::LinkTable::StageRecord(record, &stage_);
  // What it sends from now on comes from below.
  if (former_parents_.erase(hello.agent) != 0) stage_.MetaDelete(sync::meta::FormerParent(hello.agent));
  sync::LinkTable::StageFirstOwners(hello.agent, &stage_);
  StageClone(hello.agent, clone);
  StageLosses(hello, known);
  StageRoutes(difference);
  Epoch known_epoch = KnownEpoch(known, id, hello);
  stage_.End([this, number = session->transport, id, hello, record, difference, clone, known_epoch](
                 const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) return;  // the child says hello again
    NoteClone(hello.agent, clone);
    RoutesChanged(difference);
    auto found = sessions_.find(number);
    if (found != sessions_.end()) ChildIsUp(&found->second, id, hello, record, difference, known_epoch);
  });
}

// The newest of the child's epochs that was heard before this session.
Epoch Node::Impl::KnownEpoch(const sync::Link* known, wire::SessionId id, const wire::Hello& hello) {
  if (known == nullptr) return 0;
  if (known->session_id == id) return known->known_epoch;
  for (const wire::EpochStart& epoch : hello.epochs) {
    auto heard = [&](const wire::EpochStart& e) { return e.epoch == epoch.epoch; };
    const wire::LinkRecord& record = known->record;
    if (std::any_of(record.epochs.begin(), record.epochs.end(), heard) ||
        std::find(record.lineage.begin(), record.lineage.end(), epoch.epoch) != record.lineage.end())
      return epoch.epoch;
  }
  return 0;
}

void Node::Impl::ChildIsUp(Session* session, wire::SessionId id, const wire::Hello& hello,
                           const wire::LinkRecord& record, const sync::Routes::Difference& difference,
                           Epoch known_epoch) {
  bool first = HeardOf(record.agent) == nullptr;
  sync::Link* link = links_.Put(record);
  link->unsettled_below = hello.unsettled.empty() ? 0 : end_.position;
  link->owner_unsettled_below.clear();  // its marks speak of them
  bool repeated = link->session == session->transport && link->session_id == id;
  session->agent = record.agent;
  session->id = id;
  session->state = SessionState::kUp;
  NoteSilence(*session);
  session->refused_agent = 0;
  session->refused_replica = {};
  link->edges_number = hello.edges_number;
  link->known_epoch = known_epoch;
  if (!repeated) {
    if (first || hello.rewound) link->unknown_below = end_.position;
    if (Session* former = SessionOf(*link); former != nullptr && former != session) EndSession(former);
    link->session = session->transport;
    link->session_id = id;
    std::array<Watermark, TG_LANE_COUNT> start;
    start.fill(end_);
    // Of a child that had been forgotten nothing is resumed: what went down to others meanwhile was not kept for it.
    static const std::vector<wire::LaneWatermark> kNothing;
    if (Status opened = link->OpenFeeds(first ? kNothing : hello.held, start, true); !opened.ok()) {
      deps_.log.Write(3, "cannot open the feed to agent " + std::to_string(record.agent) + ": " + opened.message());
      EndSession(session);
      return;
    }
    NoteConnected(link, *session);
    doubts_.NoteBegin(link, first, hello.held);
    link->settled = false;
    link->sure_asked = link->sure_said = 0;
    NeedSureness(link);
    NoteRestored(hello);
    PurgeSoon();
  }
  clock_judge_.Hear(link, hello.unix_ms);
  link->table = hello.models;
  OnHolds(link, hello.holds, hello.holds_number, {});
  JudgeTable(link);
  ApplyQuotas(link);
  StageHolds(link);
  link->holds.SetBeyond(HeldBeyond());  // it may be new here
  link->AckAll();                       // says what is delivered meanwhile
  wire::Hello answer = sync::MakeHello(self_, link);
  answer.models = TableForChildren();
  answer.edges_number = hello.edges_number;
  answer.fall = record_.fall;
  answer.confirmed_fall = record_.confirmed_fall;
  answer.rewind_epoch = record_.rewind_epoch;
  answer.rewound = record_.rewound;
  answer.restored = record_.restored_unix_ms != 0;
  answer.known_epoch = known_epoch;
  answer.doubts = doubts_.About(*link);
  answer.doubt = doubts_.LastAbout(*link);
  if (hello.rewound) answer.newest_hlc = NewestOf(record.agent);
  answer.edges = difference.higher;
  link->outdated.clear();
  for (const wire::Edge& edge : difference.higher) link->outdated[edge.agent] = edge;
  link->tell_at_us = deps_.clock.monotonic_us() + options_.resend_ms * 1000;
  link->tell_wait_ms = options_.resend_ms;
  Send(session, id, answer);
}

// As if we did not know the session: the child says hello again.
void Node::Impl::AskAgain(Session* session) {
  wire::Refuse refuse;
  refuse.reason = wire::RefuseReason::kUnknownSession;
  refuse.message = "something has changed here: say hello again";
  Refuse(session, session->id != 0 ? session->id : session->refused_id, refuse);
}

}  // namespace tidegate::node
