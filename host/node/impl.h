// Node::Impl: the state of the heart. Its functions lie by subject in the files that are named above them here.
// Thread safety: the writer thread. Ownership: see node.h.
#pragma once

#include <deque>
#include <list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "host/base/hybrid_clock.h"
#include "host/core/stage.h"
#include "host/node/answers.h"
#include "host/node/asked_answers.h"
#include "host/node/asked_verify.h"
#include "host/node/attach_number.h"
#include "host/node/background_verify.h"
#include "host/node/clearings.h"
#include "host/node/clock_judge.h"
#include "host/node/compare_pass.h"
#include "host/node/disk_gate.h"
#include "host/node/doubts.h"
#include "host/node/dropped_here.h"
#include "host/node/edges_told.h"
#include "host/node/errands.h"
#include "host/node/expiry_sweep.h"
#include "host/node/given_up.h"
#include "host/node/loss_notes.h"
#include "host/node/lost_again.h"
#include "host/node/marks.h"
#include "host/node/node.h"
#include "host/node/policy_changes.h"
#include "host/node/quotas.h"
#include "host/node/retention.h"
#include "host/node/strays.h"
#include "host/node/waits.h"
#include "host/node/way_up.h"
#include "host/replica/local_writer.h"
#include "host/sync/admission.h"
#include "host/sync/age_marks.h"
#include "host/sync/clone_list.h"
#include "host/sync/conflict_journal.h"
#include "host/sync/encoded_once.h"
#include "host/sync/handshake.h"
#include "host/sync/inbound.h"
#include "host/sync/link_table.h"
#include "host/sync/reconcile_answerer.h"
#include "host/sync/verify_schedule.h"
#include "host/wire/records.h"

namespace tidegate::node {

const char* LaneName(uint32_t lane);

class Node::Impl : private sync::Admission,
                   private WayUp,
                   private PolicyChanges::Around,
                   private ComparePass::Around,
                   private Errands::Around,
                   private ExpirySweep::Around {
 public:
  Impl(const NodeOptions& options, const Dependencies& deps);

  // ---- open.cc ----
  Status Open();
  void CatalogChanged();

  // ---- node.cc ----
  std::unique_ptr<replica::Preparer> MakePreparer() const;
  Status Commit();
  void Stop();
  int64_t NextTimerUs() const;
  void SetWatcher(WatchFn watcher) { watcher_ = std::move(watcher); }

  // ---- writes.cc, adopt.cc ----
  void Write(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done);
  void Write(replica::Submission& submission);
  void Adopt(AgentId agent, std::function<void(Status)> done);

  // ---- losses.cc ----
  void ConfirmLosses(std::function<void(Status)> done);
  Result<std::vector<LossEntry>> Losses() const;

  // ---- level.cc ----
  void SetLevel(uint32_t level, std::function<void(Status)> done);

  // ---- by_hand.cc, links.cc ----
  void Sync(const SyncRequest& request, std::function<void(SyncAnswer)> done);
  void SyncLinks(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done);
  void Clear(const ClearRequest& request, std::function<void(ClearAnswer)> done);
  void SwitchLink(AgentId agent, bool on, std::function<void(Status)> done);

  // ---- sessions.cc ----
  void SessionOpened(core::TransportSession session, const core::Peer& peer);
  void SessionClosed(core::TransportSession session, std::string_view reason);
  void Writable(core::TransportSession session);
  void Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes);
  void BadFrame(core::TransportSession session, const Status& status, uint32_t unknown_type);

  // ---- facts.cc, quarantine_hand.cc ----
  NodeStatus GetStatus() const;
  Result<std::vector<QuarantineEntry>> Quarantine() const;
  Result<QuarantineEntry> Quarantined(const std::string& id) const;
  void ActOnQuarantine(const QuarantineRequest& request, std::function<void(QuarantineAnswer)> done);

  // ---- shared.cc ----
  Result<std::vector<ConflictEntry>> Conflicts() const;
  Result<ConflictEntry> Conflict(uint64_t number) const;
  void RestoreConflict(uint64_t number, std::function<void(Status)> done);

  // ---- commands.cc ----
  Result<CommandList> Commands(const std::string& model) const;

 private:
  enum class SessionState : uint8_t { kWaiting, kHello, kUp, kRefused };

  // One connection that a transport reported.
  struct Session {
    core::TransportSession transport = 0;
    core::Peer peer;
    SessionState state = SessionState::kWaiting;
    wire::SessionId id = 0;
    AgentId agent = 0;  // after hello
    int64_t heard_us = 0;
    int64_t sent_us = 0;
    int64_t hello_at_us = INT64_MAX;  // when hello is due again
    int64_t hello_wait_ms = 0;
    int64_t refused_wait_ms = 0;
    // As a parent: whose hello was refused last, to be told when that may change.
    AgentId refused_agent = 0;
    wire::SessionId refused_id = 0;
    ReplicaId refused_replica;  // another one than was known; `agent adopt` takes it
    int64_t refused_at_us = 0;
    wire::RefuseReason refused_why = wire::RefuseReason::kUnknownSession;
    // As a parent: the last one that was ended. A hello of it, come late, tells what was true then; who said it may
    // go on by what it heard from us then.
    wire::SessionId ended_id = 0;
    std::string last_error;
  };

  // What is done with entries of the quarantine by hand; each group is a transaction.
  struct ByHand {
    QuarantineRequest request;
    std::deque<std::vector<std::string>> groups;
    std::shared_ptr<QuarantineAnswer> answer;
    std::function<void(QuarantineAnswer)> done;
  };

  // facts.cc, problems.cc
  void ShowSelf(NodeStatus* status) const;
  LinkStatus ShowLink(const sync::Link& link, const NodeStatus& status) const;
  void ShowSessions(NodeStatus* status) const;
  void TellProblems(NodeStatus* status) const;
  void TellLinkProblems(NodeStatus* status) const;
  bool IsRecentRefusal(int64_t at_us) const;
  void TellRefused(NodeStatus* status) const;
  void TellLifeProblems(NodeStatus* status) const;
  void TellRoomProblems(NodeStatus* status) const;

  // open.cc
  Status OpenRecord(bool* existed, AgentId* former);
  Status RestoreClock();
  Status RestoreNeighbours();
  Status Begin(bool existed);
  void LoadFacts();

  // committed.cc
  Status CommitStage() override;
  void Committed(const Watermark& end, std::span<const core::Effect> effects);
  void NoteStale(const core::Effect& effect);
  void NoteAgain(const tg_change& change);
  void NoteApplied(const core::Effect& effect, bool has_commands, int64_t now_us);
  void TellWatchers(const core::Effect& effect);
  void NoteUnsent(const core::Effect& effect, int64_t now_us);
  void StageClock();

  // housekeeping.cc
  void KeepHouse(int64_t now_us);

  // node.cc
  int64_t WakeUs(const sync::Link& link, int64_t now_us) const;

  // writes.cc
  void RunRetries();

  // way_up.cc
  Passed PassedUpwards() override;
  bool IsAbove(const tg_change& change, const Passed& passed) const override;
  bool HasArrived(const tg_change& change, uint64_t passed, SyncTarget where) const override;

  // delivered.cc
  void StoreDelivered(int64_t now_us);
  void DeliverPairs();
  uint64_t DeliveredByAll();
  sync::Link* SourceOf(const sync::Link& told, const wire::RefusedKey& refused) const;
  void PassOn(const sync::Link& told, wire::RefusedKey refused);
  void ToldBelow(const wire::RefusedKey& refused, const sync::Link& child);
  bool WasToldBelow(const sync::Link& told, const wire::RefusedKey& refused, const sync::Link& child) const;
  std::set<AgentId> ListenersOf(const sync::Link& told, const wire::RefusedKey& refused) const;
  bool IsEnd(const sync::Link& told, const wire::RefusedKey& refused) const;
  void CompleteRefusals(sync::Link* link);
  void AddRefusalsOf(const sync::Link& told, sync::Link* link, bool* whole);

  // hello.cc, hello_from_child.cc
  void StartHello(Session* session);
  void OnHelloFromChild(Session* session, wire::SessionId id, const wire::Hello& hello);
  void OnHelloFromParent(Session* session, const wire::Hello& hello);
  void OnRefuse(Session* session, wire::SessionId id, const wire::Refuse& refuse);
  void ChildIsUp(Session* session, wire::SessionId id, const wire::Hello& hello, const wire::LinkRecord& record,
                 const sync::Routes::Difference& difference, Epoch known_epoch);
  static Epoch KnownEpoch(const sync::Link* known, wire::SessionId id, const wire::Hello& hello);
  void AskAgain(Session* session);
  void WaitRefused(Session* session);
  bool HasLostDelivered(const wire::Hello& hello) const;
  void ParentIsUp(Session* session, const wire::Hello& hello, const wire::LinkRecord& record);

  // sessions.cc
  void Refuse(Session* session, wire::SessionId id, const wire::Refuse& refuse);
  void EndSession(Session* session, std::string_view reason = "the session was replaced");
  void Tick(int64_t now_us);
  void TickSessions(int64_t now_us);
  void TickSession(Session* session, int64_t now_us);
  void NoteSilence(const Session& session);
  bool Send(Session* session, wire::SessionId id, const wire::Body& body);
  bool Send(sync::Link* link, const wire::Body& body) override;
  Session* SessionOf(const sync::Link& link);

  // level.cc
  void ChooseLevel();
  Status JudgeLevel(uint32_t level) const;
  void SayHelloAgain();

  // rewound.cc
  bool IsRewound(const wire::Hello& hello);
  Status BecomeRewound(const wire::Hello& told);
  void LiftClock(const wire::Hello& told);
  void TakeRestoreNote();
  void StageNothingDelivered();
  void NothingDelivered();
  void StageFall(uint64_t fall);
  void Fallen(uint64_t before);
  Status HearFall(uint64_t fall);
  void HelloAgain(Session* session);
  uint64_t NewestOf(AgentId agent) const;
  Epoch FirstEpochAfter(Epoch known, Epoch next) const;
  bool IsSinceRewind(const Version& version) const;
  bool IsSinceRewind(Epoch epoch) const;
  void NoteReread(const sync::Link& parent);
  bool KnowsEpoch(Epoch epoch) const;
  bool TellOfLostLife(Session* session, wire::SessionId id, const wire::Hello& hello, sync::Link* known, Epoch clone);

  // renew.cc
  Status Renew(AgentId former);
  tg_change RenewedRow(const tg_change& row, AgentId former);
  Status ForgetNeighbours(AgentId former);

  // adopt.cc
  bool IsCopyRefused(AgentId agent) const;
  Status JudgeAdoption(AgentId agent) const;
  wire::LinkRecord AdoptedRecord(AgentId agent) const;
  void Adopted(AgentId agent, bool known, const wire::LinkRecord& record);
  sync::Link* HeardOf(AgentId agent) const;

  // clones.cc
  bool IsClone(const wire::Hello& hello) const;
  static bool LivesOn(const wire::LinkRecord& record, const wire::Hello& hello);
  std::optional<wire::Refuse> JudgeReturn(sync::Link* known, wire::SessionId id, const wire::Hello& hello,
                                          Epoch* clone);
  std::optional<wire::Refuse> JudgeOutlived(sync::Link* known, wire::SessionId id, const wire::Hello& hello);
  bool AsksAgain(sync::Link* known, wire::SessionId id, Epoch epoch);
  Status StageOutlived(sync::Link* known);
  void StageClone(AgentId agent, Epoch epoch);
  void NoteClone(AgentId agent, Epoch epoch);
  void CountClone(AgentId agent);
  void RefuseClone(sync::Link* known, Epoch clone);

  // attach.cc
  bool NeedsAttach(const Session& session) const;
  void StageAttach(Session* session);
  bool AttachAbove(Session* session, const std::vector<wire::Edge>& told);

  // links.cc
  void SwitchLinks(bool on, std::function<void(Status)> done);
  void CutLink(sync::Link* link);
  void WakeLink(const sync::Link& link);
  bool IsOff(const Session& session) const;
  bool Owes(const sync::Link& link, int64_t now_us) const;
  void CheckProgress(sync::Link* link, int64_t now_us);
  void Reopen(sync::Link* link);

  // by_hand.cc
  void OnSyncAsk(sync::Link* link, const wire::SyncAsk& ask);
  void OnSyncDone(sync::Link* link, const wire::SyncDone& done);

  // events.cc
  bool Wants(core::Events::Interest interest) const;
  std::optional<wire::Refuse> VetoOf(const Session& session, wire::SessionId id, const wire::Hello& hello);
  void NoteConnected(sync::Link* link, const Session& session);
  void NoteDisconnected(sync::Link* link, const Session& session, std::string_view reason);
  Status AskChanging(const sync::Inbound& from, const tg_change& change);
  void TellChanged(const tg_change& change);
  void TellReceived(const sync::Link& link, uint32_t lane, uint64_t changes, const sync::QuarantineNotes& notes);
  void TellAcked(const sync::Link& link, uint32_t lane);

  // routes.cc
  static wire::Edge EdgeOf(AgentId child, AgentId parent, const wire::LinkRecord& record);
  void StageRoutes(const sync::Routes::Difference& difference);
  void TellOwnEdge(const std::vector<wire::Edge>& table, sync::Routes::Difference* difference) const;
  void RoutesChanged(const sync::Routes::Difference& difference, std::string_view why = "it is attached elsewhere");
  void LetGo(AgentId child, std::string_view why);
  void AgeRoutes(int64_t now_us);
  void OnRoutes(sync::Link* link, const wire::Routes& routes);
  void OnElsewhere(const std::vector<wire::Edge>& told);
  void SendRoutes(int64_t now_us);

  // feeds.cc
  void OnBatch(sync::Link* link, wire::DecodedFrame frame);
  void PassHurry(const sync::Link& from, uint32_t lane);
  void OnAck(sync::Link* link, const wire::Ack& ack);
  sync::RouteFn RouteTo(const sync::Link& link) const;
  void Pump();
  void PumpFeeds(sync::Link* link, int64_t now_us);
  void SendAcks();

  // quarantine.cc
  uint64_t QuarantineCount() const;
  uint64_t QuarantineRoom() const;
  uint64_t QuarantineRoom(const sync::StagedChanges& staged) const;
  void Tell(sync::Link* link, const sync::QuarantineNotes& notes);

  // refusals_heard.cc
  struct HeardRefusals;
  void OnRefusals(sync::Link* link, const wire::Ack& ack);
  sync::Link* ReadyForRefusals(AgentId neighbour, const wire::Ack& ack, size_t known);
  void HearRefusal(sync::Link* link, const wire::RefusedKey& refused, bool of_list, HeardRefusals* heard);
  void RefusalsHeard(sync::Link* link, const HeardRefusals& heard, const Status& status);
  void NoteDropped(const sync::Link& link, const wire::RefusedKey& name, const wire::RefusedKey& listed);
  void TellTaken(const tg_change& change);
  void StageDroppedBelow(const sync::Link& told, const wire::RefusedKey& name);
  std::optional<wire::RefusedKey> ListedOfOurs(const sync::Link& link, const wire::RefusedKey& said) const;
  void EndUnnamed(sync::Link* link, std::vector<wire::RefusedKey>* news, std::vector<wire::RefusedKey>* ended);
  std::vector<wire::RefusedKey> EndRefusedBy(sync::Link* former);
  std::optional<wire::RefusedKey> RefusedAbove(const wire::RefusedKey& name, const sync::Link& child);
  void TellRefusedAbove(const tg_change& change);
  void TellEnded(const sync::Link& parent, std::vector<wire::RefusedKey> ended);

  // overwritten.cc
  void NoteOverwritten(const core::Effect& effect);
  void ReleaseLeft(AgentId agent, const wire::RefusedKey& newer);
  void JournalRefused(const std::string& entry, const Version& winner);
  void ReleaseOverwritten();

  // quarantine_retry.cc
  void PlanQuarantineRetry();
  void PlanQuarantineRetry(AgentId link, const std::set<uint64_t>& runs);
  void RetryQuarantined();
  Status RetryTogether(const std::vector<std::string>& keys, bool by_hand, std::function<void(const Status&)> done);

  // quarantine_hand.cc
  QuarantineEntry ShowEntry(std::string_view key, const wire::QuarantineRecord& record) const;
  static Status NoEntry(const std::string& id);
  static void FailEntry(QuarantineAnswer* answer, const std::string& key, const Status& status);
  void RunByHand();
  Status ActOn(const ByHand& work, const std::vector<std::string>& keys);
  bool MayWrite(const tg_change& change) const;
  Status NotOurs(const wire::QuarantineRecord& record, const tg_change& change, const char* verb) const;
  Version VersionAbove(uint64_t hlc);
  Version PutAnew(const tg_change& state, uint64_t above_hlc, const Version& held);
  uint64_t RunOf(const wire::QuarantineRecord& record) const;
  void StageForgetOurs(AgentId agent, const std::string& key);
  void EndByHand(AgentId agent, std::function<void(const Status&)> done);
  Status RetryRefusedOurs(const std::vector<std::string>& keys, const wire::QuarantineRecord& record,
                          const tg_change& listed, std::function<void(const Status&)> done);
  Status DropOurs(const std::string& key, const wire::QuarantineRecord& record, const tg_change& listed,
                  std::function<void(const Status&)> done);
  Status DropRefused(const std::string& key, const wire::QuarantineRecord& record, const tg_change& listed,
                     std::function<void(const Status&)> done);
  void ForgetDropped(const sync::Link& link, const std::vector<wire::RefusedKey>& known);

  // sent_again.cc
  void SendAgain(const std::vector<wire::RefusedKey>& names, uint32_t direction, bool from_above = false);
  void AddHeldMembers(std::vector<tg_change>* changes);
  void RetryOurs(const std::vector<std::pair<AgentId, std::string>>& entries);
  void NoteSentAgain(const tg_change& change);
  void NoteGivenFromBelow(const tg_change& given);
  void TakeUp();

  // lost_above.cc
  LossNews StageLost(const tg_change& change, const char* why) override;
  void TellLost(const LossNews& news) override;
  LossNews NewsFor(AgentId child, const wire::RefusedKey& lost);
  AgentId ChildOf(AgentId via, AgentId writer) const;
  struct HeardLoss {
    std::vector<LossNews> news;
    std::string counted;  // key of the record that counts it
  };
  HeardLoss StageHeardLost(const sync::Link& parent, const wire::RefusedKey& lost);
  std::vector<LossNews> StageLostAtHop(const wire::Hello& parent);
  void TellLostAbove(const tg_change& change);
  void SendLostAgain(int64_t now_us);

  // leases.cc
  static bool LeaseOver(const sync::Link& link, int64_t now_ms);
  bool GrantLease(bool heard, int64_t now_ms, wire::LinkRecord* record) const;
  void ClockMoved(int64_t by_ms);
  void StageLeases(int64_t now_ms);
  uint64_t KnownHorizon() const override;
  int64_t ExpiredMs() const override { return expiry_.InstantMs(); }
  void TakeHorizon(const wire::Hello& hello);

  // purge.cc
  Status RestorePurge();
  int64_t PurgeEveryUs() const;
  void Purge(int64_t now_us);
  void PurgeSoon();
  void PurgePortion(int64_t now_us, int64_t now_ms);
  bool MayPurge(const tg_change& trace, int64_t now_ms);
  bool PassedUp(const tg_change& trace, uint32_t lane);
  bool PassedDown(sync::Link* child, const tg_change& trace, uint32_t lane);
  Status CheckHorizon(const sync::Inbound& from, const tg_change& change) const;
  ExpirySweep::Verdict JudgeExpired(const tg_change& item, int64_t now_ms) override;
  bool LoseExpired(const tg_change& item) override { return retention_.LoseExpired(item); }
  void NoteSwept(const tg_change& item) override;

  // sure.cc
  sync::Sureness SureOf(const sync::Link& child, AgentId owner) const;
  void KeepRefused(wire::CompareAnswer* answer) const;
  void NeedSureness(sync::Link* child);
  void AskParentAnew();
  void FillSureness(const sync::Link& link, wire::Ack* ack) const;
  void OnSureness(sync::Link* link, const wire::Ack& ack);
  bool AnswerSureness();
  void NoteRestored(const wire::Hello& hello);
  bool IsDoubted(const sync::Link& parent, const tg_change& change) const;
  bool CameFromAbove(AgentId via) const override;
  sync::ReconcileAsker::Positions DeliveredPositions() const;
  bool IsUndelivered(const tg_change& change, const sync::ReconcileAsker::Positions& delivered) const;
  void NoteLacksFromAbove();
  bool GoesDownFrom(const sync::Link& parent, std::string_view model) const;
  bool StageRemovals(const sync::Link& parent, const wire::CompareAnswer& answer,
                     const std::vector<wire::KeyVersion>& removals);

  // losses.cc
  void TellConfirmed();
  void StageGone(const std::string& key, wire::GoneRecord record);
  void StageLosses(const wire::Hello& hello, const sync::Link* known);
  void NoteMissing(AgentId child, const wire::CompareAsk& ask, const wire::CompareAnswer& answer);
  void NoteLostBelow(AgentId child, const wire::RefusedKey& said, const tg_change& ours);
  bool IsBack(const wire::GoneRecord& record) const;
  Status ForEachGone(const std::function<void(std::string_view, wire::GoneRecord)>& fn) const;
  void CountGone();
  void PruneGone();

  // alike.cc
  static std::string AlikeName(const tg_key& key, const Version& version);
  bool IsNearer(const sync::Link& link, const tg_change& change) const;
  sync::Alike JudgeAlike(sync::Link* link, bool look, const tg_change& ours, const wire::KeyVersion& theirs,
                         std::vector<tg_change>* unsound, core::ChangeArena* arena) const;
  void GiveWay(sync::Link* link, const tg_change& state);
  bool TakesPlace(sync::Link* link, const tg_change& change);
  static bool IsSound(const tg_change& row);
  void StageSound(tg_change row, AgentId via);

  // verify_around.cc
  void StartPass(sync::Link* parent, sync::ComparePlan plan, int64_t now_us);
  void BreakOffPass();
  void EndPass(sync::Link* parent, int64_t now_us);
  bool MayDrop(std::string_view model) const;
  void NoteReport(sync::Link* parent, wire::CompareReport report) override;
  void HearReport(sync::Link* child, wire::CompareReport report);
  VerifyStatus ShowVerify(const sync::Link& link) const;

  // reconcile.cc
  struct PendingAsk {
    AgentId child;
    wire::SessionId session;
    wire::CompareAsk ask;
  };
  sync::ReconcileAsker::Now AskerNow(int64_t now_us) const;
  void AnswerAsk(sync::Link* link, const wire::CompareAsk& ask, sync::RangeDigests* digests);
  void ReadDigests(int64_t now_us);
  bool IsBelow(const sync::Link& link, AgentId owner) const;
  void RunReconcile(int64_t now_us);
  void OnCompareAsk(sync::Link* link, const wire::CompareAsk& ask);
  void StageRenumbered(tg_change change);
  void Renumbered(uint64_t from, uint64_t to) override;
  void OnCompareAnswer(sync::Link* link, wire::DecodedFrame frame, uint64_t bytes);

  // holds.cc, held_above.cc
  std::optional<uint32_t> DirectionHere(std::string_view model) const;
  std::optional<uint32_t> DirectionFromAbove(std::string_view model) const;
  void HoldModel(sync::Link* link, std::string_view model, wire::HoldReason reason, std::string message);
  void JudgeTable(sync::Link* link);
  bool JoinsAlike(const wire::ModelPolicy& theirs) const;
  void SetParentTable(const std::vector<wire::ModelPolicy>& models);
  std::vector<wire::ModelPolicy> TableForChildren() const;
  void TableChanged();
  void StageHolds(sync::Link* link);
  void EndHolds();
  void OnHolds(sync::Link* link, const std::vector<wire::Hold>& list, uint64_t number,
               const std::vector<uint64_t>& positions);
  bool LeavesOut(AgentId neighbour, const tg_change& change) const;
  std::vector<uint64_t> TakenPositions(const sync::Link& link, const wire::Ack& ack) const;
  std::vector<wire::Hold> HeldBeyond() const;
  void TellBeyond();
  std::vector<HoldStatus> HoldsOf(const sync::Link& link) const;
  void SendHeldAgain();
  bool SendPortionAgain(sync::Link* parent, const sync::HeldAbove::Key& key);
  void ForgetSentAgain();

  // policies_around.cc
  void LookAtPolicies();
  void PoliciesChanged() override;
  bool IsAtServer(const tg_change& change) const override;
  void StageCompareAll() override;
  void KeyedAnew() override;

  // shared.cc
  std::optional<tg_change> StateOf(const tg_key& key);
  bool TouchesShared(const std::vector<tg_change>& changes) const;
  bool IsJoined(const tg_change& change) const;
  void Put(const sync::Inbound& from, const tg_change& change) override;
  bool Knows(const tg_change& change) override;
  void PutJoined(const replica::ModelRule& rule, const tg_change& change);
  void IndexItem(const Model& model, tg_change* change);
  void JournalFormerWriter(const sync::Link& link, const tg_change& change);
  void JournalLoser(const sync::Link& link, const tg_change& change);
  void Journal(const tg_change& loser, const Version& winner, AgentId link, std::string reason);
  ConflictEntry ShowConflict(uint64_t number, const wire::ConflictRecord& record, bool item) const;

  // commands.cc
  struct AnsweredCommand {
    AgentId owner;
    std::string model;
    std::string key;  // properties as JSON
  };
  using CommandFn = std::function<void(const replica::ModelRule& rule, const tg_change& command,
                                       const std::string& shown, const std::string& answer_key, bool answered)>;
  Status ForEachCommand(const replica::ModelRule& rule, std::optional<AgentId> owner, const CommandFn& fn) const;
  Result<std::string> ShowItem(const replica::ModelRule& rule, const tg_change& change) const;
  bool HasAnswer(const replica::ModelRule& answer, AgentId owner, const std::string& key_json) const;
  bool KeepsAnswer(const tg_change& change) override;
  bool IsOwnAnswer(const tg_change& change) const;
  void ForEachMissingAnswer(const AskedAnswers::KeyFn& fn) const;
  void DoubtAnswers();
  void NoteCommand(const tg_change& change);
  void FindAnswered();
  void NoteAnswered(const tg_change& change);
  void RemoveAnswered();

  // answers_above.cc
  bool AsksAnswers() const;
  void AskAnswers(int64_t now_us);
  void AnswerOwn(sync::Link* child, const wire::CompareAsk& ask);
  void OnOwnAnswer(sync::Link* parent, wire::CompareAnswer& answer, const std::shared_ptr<const void>& keep);
  void PassOwnDown(wire::CompareAnswer answer);

  // restamp.cc
  void JournalOlderLife(sync::Link* link, const tg_change& change);
  void NoteToldOlder(sync::Link* link, const tg_change& change);
  bool IsSingleWriter(const tg_change& change) const;
  Status HeedOlder(AgentId neighbour, const wire::Ack& ack, size_t known);
  void Restamp(sync::Link* link, const wire::RefusedKey& said, const tg_change& ours);

  // lost_life.cc
  bool IsOfLostLife(const tg_change& ours, const Version& theirs) const;
  bool IsCommandEnded(const tg_change& ours, uint32_t held_kind) const;
  bool WaitsForConfirmation(const tg_change& ours, uint32_t held_kind) const;
  bool WillBeNewer(sync::Sureness sure, const tg_change& ours, const wire::KeyVersion& theirs) const;
  void HeedUnknown(sync::Link* link, const wire::RefusedKey& said);
  bool TellLacked(AgentId child, sync::Sureness sure, AgentId owner, const wire::KeyVersion& theirs);
  bool IsLostNow(const Version& version) const;
  void DeleteAnew(const replica::ModelRule& rule, AgentId owner, const std::string& pk, const std::string& sk,
                  const Version& above);
  void StageTruth(const wire::GoneRecord& record);
  void HeedLostLife(sync::Link* child, sync::Sureness sure, const tg_change& ours, const wire::KeyVersion& theirs);

  // quota_holds.cc
  Status CountUsage();
  void HoldForRoom();
  void UpdateQuotas();
  void ApplyQuotas(sync::Link* link);

  // admission.cc
  Status Admit(const sync::Inbound& from, tg_change* change, core::ChangeArena* arena) override;
  Status AdmitModel(const sync::Inbound& from, uint32_t needed, const replica::ModelRule* rule, tg_change* change);
  Status AdmitOwner(const sync::Inbound& from, const tg_change& change) const;
  bool IsDestination(const tg_change& change) const;

  NodeOptions options_;
  Dependencies deps_;
  wire::NodeRecord record_;
  HybridClock versions_;
  uint64_t stored_clock_ = 0;
  core::Stage stage_;
  replica::LocalWriter writer_;
  sync::LinkTable links_;
  Marks marks_;
  ClockJudge clock_judge_;
  DiskGate disk_gate_;
  GivenUp given_up_;
  DroppedHere dropped_here_;
  LossNotes loss_notes_;
  LostAgain lost_again_;
  Quotas quotas_;
  Retention retention_;
  ExpirySweep expiry_;
  Strays strays_;
  PolicyChanges policy_changes_;
  sync::EncodedOnce encoded_once_;
  ComparePass pass_;
  sync::VerifySchedule verify_schedule_;
  Doubts doubts_;
  AskedAnswers asked_answers_;
  AskedVerify asked_verify_;
  BackgroundVerify background_verify_;
  Answers answers_;
  Waits waits_;
  Errands errands_;
  Clearings clearings_;
  std::deque<PendingAsk> pending_asks_;  // of children, whose digests are being read
  std::map<core::TransportSession, Session> sessions_;
  std::set<core::TransportSession> uplinks_;  // those of them that lead to a parent
  int64_t silence_us_ = INT64_MAX;            // no session of a child has been silent too long before this time
  std::set<AgentId> pairs_wait_;              // children of whose changes some are not known to be delivered
  AgentId behind_ = 0;                        // the child that lacked most when we last looked, and how far it was
  uint64_t behind_at_ = 0;
  sync::SelfFacts self_;
  Watermark end_;  // of the last commit

  EdgesTold edges_told_;
  int64_t age_routes_at_us_ = 0;

  // By neighbour and lane: watermarks of ours that told of a rewind already.
  std::map<AgentId, std::array<Watermark, TG_LANE_COUNT>> judged_;
  bool found_rewound_ = false;  // since the start
  uint64_t gone_ = 0;           // entries of the list of losses
  uint64_t gone_items_ = 0;     // those of them that are items
  int64_t prune_gone_at_us_ = 0;
  std::set<Epoch> lost_lives_;  // those that a version told of
  sync::CloneList clones_;
  Epoch proof_epoch_ = 0;  // the parent wants to see it in our list

  AttachNumber attach_;

  bool pairs_due_ = false;  // delivered may have moved
  int64_t keep_house_at_us_ = 0;
  std::array<Watermark, TG_LANE_COUNT> delivered_{};  // of our own feeds, at the server
  int64_t store_delivered_at_us_ = INT64_MAX;         // when what changed of it is to be stored

  ModelTable parent_table_;                              // what the parent declared
  sync::HeldAbove held_above_;                           // models of ours that wait above
  std::set<AgentId> holds_ending_;                       // links with holds whose reason is gone
  std::map<sync::HeldAbove::Key, uint64_t> sent_again_;  // last position of the portion under way
  bool send_again_now_ = false;                          // the next portion need not wait for an ack

  sync::AgeMarks ages_;
  int64_t purge_at_us_ = INT64_MAX;  // when leases are looked at and tombstones purged next
  uint64_t idle_behind_ = sync::FeedSender::kIdlePositionsMax;
  uint64_t purge_after_ = 0;       // where the next portion of them begins
  uint64_t sure_wanted_ = 0;       // our last question to the parent
  bool lacks_from_above_ = false;  // something goes down here that does not come down from the parent
  uint64_t sure_answered_ = 0;     // and the last that was answered
  std::set<AgentId> former_parents_;
  sync::ConflictJournal conflicts_;
  std::deque<AnsweredCommand> answered_;  // at the server: to be removed
  bool answered_again_ = false;           // it failed, and is tried with another commit

  bool quota_news_ = false;  // a hold for room began or ended

  std::vector<std::pair<AgentId, wire::RefusedKey>> overwritten_;  // by a newer state that came another way
  // Whom of the children this start has told of what is refused above, by key: they are told of its end, too.
  std::map<std::string, std::set<AgentId>> told_below_;
  std::set<AgentId> listing_;              // neighbours of which something is in quarantine here, or was
  std::vector<wire::RefusedKey> take_up_;  // here from above, and now from below: our feed has to carry it
  int64_t take_up_at_us_ = 0;
  std::deque<std::vector<std::string>> retry_quarantined_;  // entries that may fit now; each a transaction
  int64_t retry_quarantined_at_us_ = INT64_MAX;             // when a commit of those has failed
  std::deque<ByHand> by_hand_;
  std::vector<std::pair<AgentId, std::string>> sent_again_entries_;  // entries of ours that are to be tried again
  std::list<replica::Submission> own_submissions_;                   // of callers that keep none themselves
  WatchFn watcher_;
};

}  // namespace tidegate::node
