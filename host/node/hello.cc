// Hello as a child says it: what this node tells its parent, and what the answer means; or why it is refused. The other
// end is hello_from_child.cc.
#include <algorithm>

#include "host/core/backoff.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"
#include "host/wire/codec.h"

namespace tidegate::node {
namespace {

constexpr int64_t kRefusedWaitMs = 1'000;  // the first; it doubles up to hello_ms_max

}  // namespace

void Node::Impl::StartHello(Session* session) {
  if (session->state == SessionState::kUp) EndSession(session, "hello is said again");
  if (IsOff(*session)) {
    session->state = SessionState::kWaiting;
    session->id = 0;
    session->hello_at_us = INT64_MAX;
    return;
  }
  if (NeedsAttach(*session)) return StageAttach(session);
  bool again = session->state == SessionState::kHello && session->id != 0;
  if (!again) {
    session->id = deps_.random.Next() | 1;
    session->hello_wait_ms = options_.hello_ms;
  }
  session->state = SessionState::kHello;
  const sync::Link* parent = links_.parent();
  bool other_parent = parent != nullptr && session->peer.agent != 0 && session->peer.agent != parent->agent();
  self_.unix_ms = deps_.clock.unix_ms();
  wire::Hello hello = sync::MakeHello(self_, other_parent ? nullptr : parent);
  hello.attach_epoch = record_.attach_epoch;
  auto names_proof = [&](const wire::EpochStart& epoch) { return epoch.epoch == proof_epoch_; };
  if (proof_epoch_ != 0 && std::none_of(hello.epochs.begin(), hello.epochs.end(), names_proof))
    hello.epochs.back().epoch = proof_epoch_;
  hello.edges = links_.routes().Table();
  hello.edges_number = edges_told_.number();
  hello.unsettled = marks_.scopes();
  hello.delivered.clear();
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    if (!delivered_[lane].none()) hello.delivered.push_back({lane, delivered_[lane]});
  }
  hello.fall = record_.fall;
  hello.confirmed_fall = record_.confirmed_fall;
  hello.rewind_epoch = record_.rewind_epoch;
  hello.rewound = record_.rewound;
  hello.restored = record_.restored_unix_ms != 0;
  session->hello_at_us = deps_.clock.monotonic_us() +
                         core::TakeBackoff(&session->hello_wait_ms, options_.hello_ms_max, deps_.random) * 1000;
  Send(session, session->id, hello);
}

void Node::Impl::OnHelloFromParent(Session* session, const wire::Hello& hello) {
  if (session->state != SessionState::kHello || session->id == 0) return;  // a second answer to a hello said twice
  if (IsOff(*session)) return StartHello(session);                         // which says nothing
  self_.unix_ms = deps_.clock.unix_ms();
  auto refuse = sync::JudgeParent(self_, session->peer, hello, links_.Find(hello.agent));
  if (!refuse) refuse = VetoOf(*session, session->id, hello);
  if (refuse) {
    WaitRefused(session);
    Refuse(session, session->id, *refuse);
    return;
  }
  if (AttachAbove(session, hello.edges)) return;
  if (hello.newest_epoch != 0 && KnowsEpoch(hello.newest_epoch)) {
    proof_epoch_ = hello.newest_epoch;  // it was only too long ago for a list
    session->id = 0;
    return StartHello(session);
  }
  const bool told_before = hello.newest_epoch != 0 && record_.rewound;  // it answers what we said before we knew
  if (told_before) {
    session->id = 0;
    return StartHello(session);
  }
  if (IsRewound(hello) || hello.newest_epoch != 0) {
    // Nothing goes out before the parent has told what it holds of us: that is the answer to another hello.
    session->id = 0;
    if (BecomeRewound(hello).ok()) return StartHello(session);
    session->hello_at_us = deps_.clock.monotonic_us() + options_.hello_ms * 1000;
    return;
  }
  if (record_.rewound) versions_.Restore(hello.newest_hlc);
  record_.rewound = false;
  sync::Link* former = links_.parent();
  bool other_parent = former != nullptr && former->agent() != hello.agent;
  const sync::Link* known = links_.Find(hello.agent);
  wire::LinkRecord record = sync::RecordFrom(hello, true, known, self_.unix_ms);
  GrantLease(true, self_.unix_ms, &record);
  // Where the transport did not know the peer, only its answer says whom the attach is to.
  bool known_attach = record_.attach_parent == hello.agent || record_.attach_parent == 0;
  if (record_.attach_parent == 0) record_.attach_parent = hello.agent;
  record.attach_epoch = record_.attach_epoch;
  // What it gave us it may have lost, before it got to the server; also what no watermark of ours speaks of, since it
  // came by a comparison.
  const bool went_back = known != nullptr && known->is_parent() &&
                         (known->record.replica != hello.replica || known->record.rewind_epoch != hello.rewind_epoch);
  if (went_back || other_parent) record.doubted_position = end_.position;
  stage_.Begin();
  std::vector<wire::RefusedKey> ended;
  if (other_parent) {
    ended = EndRefusedBy(former);
    links_.StageForget(*former, &stage_);
    held_above_.ParentLeft();
    held_above_.Stage(&stage_);
  }
  sync::LinkTable::StageRecord(record, &stage_);
  TakeHorizon(hello);
  const uint64_t confirmed_before = record_.confirmed_fall;
  const bool confirmed = hello.confirmed_fall > confirmed_before;
  if (confirmed) {
    record_.confirmed_fall = hello.confirmed_fall;
    marks_.Add(true, 0);
    marks_.Stage();
  }
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.MetaPut(sync::meta::Table(record.agent), wire::EncodeRecord(wire::TableRecord{hello.models}));
  uint64_t fall_before = record_.fall;
  bool fallen = hello.fall > fall_before;
  bool lost = fallen || HasLostDelivered(hello);
  if (lost) StageNothingDelivered();
  if (fallen) StageFall(hello.fall);
  // Not by the word of one that a loss of the server made forget its watermarks: it has what it had.
  const std::vector<LossNews> lost_at_hop = went_back ? StageLostAtHop(hello) : std::vector<LossNews>();
  // Who names no watermark of ours after a loss of the server cannot tell us that we went back, too.
  if (went_back || other_parent || lost) {
    marks_.Add(true, 0);
    marks_.Stage();
  }
  stage_.End([this, number = session->transport, id = session->id, hello, record, other_parent, lost, fallen,
              fall_before, confirmed, confirmed_before, known_attach, ended, went_back, lost_at_hop,
              gone = former != nullptr ? former->agent() : 0](const Status& status, std::span<const core::Effect>) {
    if (other_parent) held_above_.Staged(status.ok());
    if (!status.ok()) {
      record_.fall = fall_before;  // it is heard again with the next hello
      record_.confirmed_fall = confirmed_before;
      if (went_back && !retention_.Restore().ok())
        deps_.log.Write(3, "cannot read what was dropped before it was delivered");
      if (sync::Link* kept = links_.Find(gone); kept != nullptr && other_parent) links_.RestoreQuarantine(kept);
      return;
    }
    // Whatever became of the session: it is on the disk.
    if (lost) {
      if (!delivered_[0].none() || !delivered_[1].none() || !delivered_[2].none() || !delivered_[3].none())
        deps_.log.Write(4, "the server has lost what it had acknowledged: everything that is here is sent again");
      NothingDelivered();
    }
    if (fallen) Fallen(fall_before);
    for (const LossNews& news : lost_at_hop) TellLost(news);
    if (confirmed) TellConfirmed();
    auto found = sessions_.find(number);
    if (found == sessions_.end() || found->second.id != id) return;
    if (other_parent) {
      former_parents_.insert(gone);
      links_.Forget(gone);
    }
    if (known_attach) {
      ParentIsUp(&found->second, hello, record);
      OnElsewhere(hello.edges);
    } else {
      links_.Put(record);
      found->second.peer.agent = hello.agent;
      found->second.id = 0;
      found->second.hello_at_us = deps_.clock.monotonic_us();  // once more, with a number of its own
    }
    if (const sync::Link* parent = links_.Find(hello.agent)) TellEnded(*parent, ended);
  });
  SendAgain(ended, TG_DIRECTION_UP);
  // At once: the first batches come right behind the hello.
  (void)CommitStage();
}

// What the server has acknowledged is delivered. A server that holds less than that, or is another replica, was
// restored or replaced: then nothing is known to be delivered any more.
bool Node::Impl::HasLostDelivered(const wire::Hello& hello) const {
  const sync::Link* known = links_.Find(hello.agent);
  if (hello.role != TG_ROLE_SERVER || known == nullptr || !known->is_parent()) return false;
  if (known->record.replica != hello.replica) return true;
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
    Watermark held;
    for (const wire::LaneWatermark& entry : hello.held) {
      if (entry.lane == lane) held = entry.watermark;
    }
    if (held.position < delivered_[lane].position) return true;
    // It had more of this life than it names of a lost one.
    const bool since = !delivered_[lane].none() && record_.rewind_epoch != 0 && IsSinceRewind(delivered_[lane].epoch);
    if (since && !IsSinceRewind(held.epoch)) return true;
  }
  return false;
}

void Node::Impl::ParentIsUp(Session* session, const wire::Hello& hello, const wire::LinkRecord& record) {
  if (session->state == SessionState::kUp) return;
  sync::Link* link = links_.Put(record);
  if (Session* former = SessionOf(*link); former != nullptr && former != session) EndSession(former);
  session->agent = record.agent;
  session->state = SessionState::kUp;
  session->hello_at_us = INT64_MAX;
  session->last_error.clear();
  session->refused_wait_ms = 0;
  link->session = session->transport;
  link->session_id = session->id;
  clock_judge_.Hear(link, hello.unix_ms);
  edges_told_.HelloNames(hello.edges_number, deps_.clock.monotonic_us());
  if (Status opened = link->OpenFeeds(hello.held, delivered_, false, record_.reread_lanes); !opened.ok()) {
    deps_.log.Write(3, "cannot open the feed to the parent: " + opened.message());
    EndSession(session);
    StartHello(session);
    return;
  }
  const bool other = !link->verify.known;
  link->table = hello.models;
  SetParentTable(hello.models);
  std::vector<uint64_t> taken(TG_LANE_COUNT, 0);
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) taken[lane] = link->senders[lane].acked().position;
  for (const wire::LaneWatermark& held : hello.held)
    taken[held.lane] = std::min(taken[held.lane], held.watermark.position);
  OnHolds(link, hello.holds, hello.holds_number, taken);
  JudgeTable(link);
  ApplyQuotas(link);
  StageHolds(link);
  TellBeyond();
  DoubtAnswers();
  NoteConnected(link, *session);
  doubts_.Hear(link, hello.doubts, hello.doubt);
  doubts_.NoteBegin(link, other, hello.held);
  AskParentAnew();
  PurgeSoon();
}

void Node::Impl::OnRefuse(Session* session, wire::SessionId id, const wire::Refuse& refuse) {
  deps_.log.Write(
      refuse.reason == wire::RefuseReason::kUnknownSession ? 6 : 3,
      std::string("the neighbour refused (") + wire::RefuseReasonName(refuse.reason) + "): " + refuse.message);
  if (refuse.reason == wire::RefuseReason::kUnknownType && refuse.unknown_type != 0) {
    if (const sync::Link* link = links_.Find(session->agent)) errands_.AskUnknown(*link, refuse.unknown_type);
  }
  if (session->peer.side != core::Side::kParent || id != session->id) return;
  switch (refuse.reason) {
    case wire::RefuseReason::kUnknownSession:
      if (session->state == SessionState::kHello) session->id = 0;  // it was answered, and ended since
      if (session->state != SessionState::kWaiting) StartHello(session);
      return;
    case wire::RefuseReason::kMalformed:
      if (sync::Link* parent = links_.Find(session->agent))
        doubts_.Note("agent " + std::to_string(parent->agent()) + " could not read a frame", parent);
      [[fallthrough]];
    case wire::RefuseReason::kUnknownType:
      session->last_error = refuse.message;
      return;
    default:
      EndSession(session, refuse.message);
      session->id = id;  // by which the parent may ask for another hello
      session->last_error = refuse.message;
      WaitRefused(session);
  }
}

// Soon at first: a refusal is often ended by hand, a moment later.
void Node::Impl::WaitRefused(Session* session) {
  if (session->refused_wait_ms == 0) session->refused_wait_ms = kRefusedWaitMs;
  session->state = SessionState::kRefused;
  session->hello_at_us = deps_.clock.monotonic_us() +
                         core::TakeBackoff(&session->refused_wait_ms, options_.hello_ms_max, deps_.random) * 1000;
}

}  // namespace tidegate::node
