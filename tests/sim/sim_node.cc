#include "tests/sim/sim_node.h"

#include <utility>

#include "host/base/views.h"
#include "host/sync/meta_keys.h"
#include "host/wire/records.h"
#include "tests/sim/world.h"

namespace tidegate::sim {

SimNode::SimNode(World& world, const node::NodeOptions& options, AgentId parent, AgentId place)
    : world_(world),
      options_(options),
      parent_(parent),
      place_(place),
      clock_(world.now()),
      random_(world.random().Fork()),
      box_(std::make_unique<ReplicaBox>()) {
  for (uint8_t& byte : new_replica_.bytes) byte = static_cast<uint8_t>(random_.Next());
}

SimNode::~SimNode() {
  ++life_;
  node_.reset();
}

std::vector<node::QuarantineEntry> SimNode::quarantine() const {
  auto entries = node_->Quarantine();
  if (!entries.ok()) {
    world_.Fail("the quarantine of node " + std::to_string(agent()) + " cannot be read: " + entries.status().message());
    return {};
  }
  return std::move(entries).value();
}

std::vector<node::ConflictEntry> SimNode::conflicts() const {
  auto entries = node_->Conflicts();
  if (entries.ok()) return std::move(entries).value();
  world_.Fail("the conflicts of node " + std::to_string(agent()) + " cannot be read: " + entries.status().message());
  return {};
}

replica::Reader SimNode::reader() const { return {*truth_, world_.catalog(agent()), clock_, agent()}; }

void SimNode::Start() {
  if (up()) return;
  ++starts_;
  ++life_;
  dying_ = full_in_step_ = false;
  armed_ = CrashPoint::kNone;
  outputs_left_ = -1;
  wake_us_ = INT64_MAX;
  epoch_ = random_.Next();
  if (next_epoch_ != 0) epoch_ = std::exchange(next_epoch_, 0);
  if (std::exchange(snapshot_at_start_, false)) {
    Snapshot();
    snapshot_epoch_ = epoch_;
  }
  world_.trace().Line(world_.now_us(), place(), "starts, epoch %016llx", static_cast<unsigned long long>(epoch_));
  auto storage = box_->Open(new_replica_, epoch_);
  if (!storage.ok()) return world_.Fail("the storage does not start: " + storage.status().message());
  storage_ = std::move(storage).value();
  if (std::exchange(forget_attach_, false)) DropAttach();
  ApplyRots();
  TakeNewId();
  if (std::exchange(note_restored_, false)) PutMeta(sync::meta::kRestored, "a snapshot");
  CommitSink& sink = *this;
  truth_ = std::make_unique<ObservedStorage>(*storage_, sink);
  defective_ = MakeDefectiveStorage(world_.options().defect, *truth_, random_.Fork());
  core::Storage& given = defective_ ? *defective_ : *truth_;
  if (fail_open_) truth_->FailCommits(1, Code::kIo);
  auto node = node::Node::Open(
      options_, {given, world_.policy(agent()), world_.catalog(agent()), clock_, random_, *this, *this, *this});
  if (std::exchange(fail_open_, false) && !node.ok()) {
    // As a supervisor does: later again.
    world_.trace().Line(world_.now_us(), place(), "does not open: %s", node.status().message().c_str());
    defective_.reset();
    truth_.reset();
    storage_.reset();
    world_.After(500 * kMs, [this] { Start(); });
    return;
  }
  if (!node.ok()) return world_.Fail("node " + std::to_string(agent()) + " does not open: " + node.status().message());
  node_ = std::move(node).value();
  if (is_copy()) world_.oracle().CopyStarted(*this);
  if (!is_copy()) world_.oracle().Started(*this);
  Wake(0);
  world_.network().NodeUp(*this);
}

void SimNode::DropAttach() {
  auto bytes = storage_->MetaGet(sync::meta::kNode);
  wire::NodeRecord record;
  if (!bytes.ok() || !wire::DecodeRecord(*bytes, &record).ok()) return;
  world_.trace().Line(world_.now_us(), place(), "has forgotten attach %llu to %llu",
                      static_cast<unsigned long long>(record.attach_epoch),
                      static_cast<unsigned long long>(record.attach_parent));
  record.attach_epoch = record.attach_parent = 0;
  PutMeta(sync::meta::kNode, wire::EncodeRecord(record));
}

void SimNode::PutMeta(std::string_view key, std::string_view value) {
  tg_mutation put{};
  put.struct_size = sizeof put;
  put.op = TG_OP_META_PUT;
  put.meta_key = Str(key);
  put.meta_value = Bytes(value);
  const tg_group group{&put, 1};
  if (!storage_->Commit(std::span(&group, 1), {}).ok()) world_.Fail("the storage does not commit");
}

void SimNode::Crash(const char* why) {
  if (!up()) return;
  world_.trace().Line(world_.now_us(), place(), "dies %s", why);
  ++life_;
  dying_ = true;
  truth_->Freeze();
  node_.reset();
  defective_.reset();
  truth_.reset();
  storage_.reset();
  if (before_) box_->Take(*before_);
  before_.reset();
  if (world_.options().defect == Defect::kSeqReused) GivePositionsAgain(*box_, new_replica_, epoch_, owner_sets_);
  world_.network().NodeDown(*this);
}

void SimNode::ReplaceDisk() {
  world_.trace().Line(world_.now_us(), place(), "gets an empty disk");
  box_ = std::make_unique<ReplicaBox>();
  owner_sets_.clear();
  for (uint8_t& byte : new_replica_.bytes) byte = static_cast<uint8_t>(random_.Next());
  world_.oracle().Replaced(*this);
}

void SimNode::FailCommits(int count, Code code) {
  if (!up()) return;
  world_.trace().Line(world_.now_us(), place(), "its next %d commits fail", count);
  truth_->FailCommits(count, code);
}

void SimNode::FillDisk(bool full) {
  if (!up()) return;
  auto stats = truth_->Stats();
  world_.trace().Line(world_.now_us(), place(), full ? "its disk is full" : "its disk has room again");
  truth_->LimitRows(full && stats.ok() ? stats->items + stats->tombstones + 1 : 0);
}

void SimNode::Wake(int64_t delay_us) {
  const int64_t at = world_.now_us() + std::max<int64_t>(delay_us, 0);
  if (!up() || at >= wake_us_) return;
  wake_us_ = at;
  world_.After(at - world_.now_us(), [this, at, life = life_] {
    if (life != life_ || at != wake_us_) return;
    wake_us_ = INT64_MAX;
    Commit();
  });
}

void SimNode::ChangeSchemas(const std::function<void()>& change) {
  if (up()) Commit();
  change();
  if (!up()) return;
  node_->CatalogChanged();
  Wake(0);
}

void SimNode::WakeNow() {
  wake_us_ = INT64_MAX;
  Wake(random_.Between(0, 200) * kMs);
}

void SimNode::Commit() {
  if (armed_ == CrashPoint::kBeforeCommit) return Crash("before a commit");
  if (armed_ == CrashPoint::kAmongOutputs) outputs_left_ = static_cast<int>(random_.Below(3));
  std::unique_ptr<ReplicaBox> before;
  if (WantsDiskCopies(world_.options().defect)) before = box_->Copy();
  const uint64_t head = truth_->Head().ok() ? truth_->Head()->position : 0;
  Status status = node_->Commit();
  full_in_step_ = false;
  if (!is_copy()) world_.oracle().Stepped(*this);
  if (before && truth_->Head().ok() && truth_->Head()->position != head) before_ = std::move(before);
  if (dying_) return Crash(armed_ == CrashPoint::kInCommit ? "inside a commit" : "among its outputs");
  if (!status.ok()) world_.trace().Line(world_.now_us(), place(), "commit failed: %s", status.message().c_str());
  const int64_t next = node_->NextTimerUs();
  // A node that wants to be called again at once still leaves a little time to the others.
  if (next != INT64_MAX) Wake(std::max<int64_t>(next - world_.now_us(), 50));
}

void SimNode::Durable(std::span<const tg_group> groups, std::span<const tg_outcome> outcomes) {
  if (is_copy()) world_.oracle().CopyDurable(*this, groups, outcomes);
  if (!is_copy()) world_.oracle().Durable(*this, groups, outcomes);
  if (world_.options().defect == Defect::kSeqReused) {
    for (const tg_group& group : groups) {
      for (const tg_mutation& m : std::span(group.mutations, group.count)) {
        const std::pair<std::string, AgentId> entry(View(m.meta_key), m.owner);
        if (m.op == TG_OP_OWNER_ADD) owner_sets_.insert(entry);
        if (m.op == TG_OP_OWNER_REMOVE) owner_sets_.erase(entry);
      }
    }
  }
  if (armed_ == CrashPoint::kInCommit) {
    dying_ = true;
    truth_->Freeze();
  }
}

bool SimNode::Output() {
  if (dying_) return false;
  if (outputs_left_ < 0 || outputs_left_-- > 0) return true;
  dying_ = true;
  truth_->Freeze();
  return false;
}

void SimNode::Write(const replica::Transaction& transaction, std::function<void(const replica::WriteAnswer&)> done) {
  node_->Write(transaction, [this, life = life_, done = std::move(done)](const replica::WriteAnswer& answer) {
    if (life == life_ && Output()) done(answer);
  });
  Wake(random_.Between(0, 2) * kMs);
}

void SimNode::Sync(const node::SyncRequest& request, std::function<void(const node::SyncAnswer&)> done) {
  node_->Sync(request, [this, life = life_, done = std::move(done)](const node::SyncAnswer& answer) {
    if (life == life_ && Output()) done(answer);
  });
  Wake(0);
}

void SimNode::Adopt(AgentId agent, std::function<void(const Status&)> done) {
  node_->Adopt(agent, [this, life = life_, done = std::move(done)](const Status& status) {
    if (life == life_ && Output()) done(status);
  });
  Wake(0);
}

void SimNode::ConfirmLosses(std::function<void(const Status&)> done) {
  node_->ConfirmLosses([this, life = life_, done = std::move(done)](const Status& status) {
    if (life == life_ && Output()) done(status);
  });
  Wake(0);
}

void SimNode::SetLevel(uint32_t level, std::function<void(const Status&)> done) {
  node_->SetLevel(level, [this, life = life_, done = std::move(done)](const Status& status) {
    if (life == life_ && Output()) done(status);
  });
  Wake(0);
}

void SimNode::ActOnQuarantine(const node::QuarantineRequest& request,
                              std::function<void(const node::QuarantineAnswer&)> done) {
  node_->ActOnQuarantine(request, [this, life = life_, done = std::move(done)](const node::QuarantineAnswer& answer) {
    if (life == life_ && Output()) done(answer);
  });
  Wake(0);
}

void SimNode::CatalogChanged() {
  node_->CatalogChanged();
  Wake(0);
}

void SimNode::SwitchLink(AgentId agent, bool on, std::function<void(const Status&)> done) {
  node_->SwitchLink(agent, on, [this, life = life_, done = std::move(done)](const Status& status) {
    if (life == life_ && Output()) done(status);
  });
  Wake(0);
}

void SimNode::SyncLinks(const node::LinkSyncRequest& request, std::function<void(const node::LinkSyncAnswer&)> done) {
  node_->SyncLinks(request, [this, life = life_, done = std::move(done)](const node::LinkSyncAnswer& answer) {
    if (life == life_ && Output()) done(answer);
  });
  Wake(0);
}

void SimNode::Opened(core::TransportSession session, const core::Peer& peer) {
  node_->SessionOpened(session, peer);
  Wake(random_.Between(0, 1) * kMs);
}

void SimNode::Closed(core::TransportSession session, std::string_view reason) {
  node_->SessionClosed(session, reason);
  Wake(random_.Between(0, 1) * kMs);
}

void SimNode::Writable(core::TransportSession session) {
  node_->Writable(session);
  Wake(0);
}

void SimNode::Frame(core::TransportSession session, const wire::DecodedFrame& frame, uint64_t bytes) {
  node_->Frame(session, frame, bytes);
  Wake(random_.Between(0, 2) * kMs);
}

void SimNode::BadFrame(core::TransportSession session, const Status& status, uint32_t unknown_type) {
  node_->BadFrame(session, status, unknown_type);
  Wake(0);
}

Status SimNode::Send(core::TransportSession session, std::string_view frame) {
  if (!Output()) return {};
  return world_.network().Send(*this, session, frame);
}

void SimNode::Close(core::TransportSession session, std::string_view) {
  if (Output()) world_.network().CloseFrom(*this, session);
}

void SimNode::Write(uint32_t level, std::string_view message) {
  world_.trace().Line(world_.now_us(), place(), "log %u: %.*s", level, static_cast<int>(message.size()),
                      message.data());
}

void SimNode::Add(std::string_view name, uint64_t by) {
  if (name == "tidegate_clones_refused_total") clones_refused_ += by;
  if (name == "tidegate_rewinds_total") rewinds_ += by;
}

}  // namespace tidegate::sim
