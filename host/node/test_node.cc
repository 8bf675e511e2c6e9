#include <gtest/gtest.h>

#include <utility>

#include "host/base/views.h"
#include "host/core/change_arena.h"
#include "host/node/test_tree.h"
#include "host/plugin/policy_adapter.h"
#include "host/plugin/storage_adapter.h"
#include "host/wire/codec.h"
#include "plugins/policy-merge/policy.h"
#include "plugins/storage-memory/storage_memory.h"
#include "tidegate/cpp/plugin.h"

namespace tidegate::node {
namespace {

constexpr char kSchema[] = R"({
  format: 'onetable:1.1.0', version: '1.0.0', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {
    Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
              id: {type: String, required: true}, value: {type: Number}},
    Status: {pk: {type: String, value: 'status#'}, sk: {type: String, value: 'status#'}, state: {type: String}},
    Setting: {pk: {type: String, value: 's#'}, sk: {type: String, value: 's#${name}'},
              name: {type: String, required: true}, value: {type: String}, other: {type: String}},
    Config: {pk: {type: String, value: 'c#'}, sk: {type: String, value: 'c#${name}'},
             name: {type: String, required: true}, value: {type: String}},
    Order: {pk: {type: String, value: 'o#'}, sk: {type: String, value: 'o#${id}'}, id: {type: String, required: true},
            until: {type: Date, ttl: true}},
    Done: {pk: {type: String, value: 'd#'}, sk: {type: String, value: 'd#${id}'}, id: {type: String, required: true}},
    Note: {pk: {type: String, value: 'n#'}, sk: {type: String, value: 'n#${name}'},
           name: {type: String, required: true}, value: {type: String}, until: {type: Date, ttl: true}},
  },
})";

// The instance outlives the nodes that run on it.
const tg_storage_v1* LeavingTable() {
  static const tg_storage_v1 table = [] {
    tg_storage_v1 leaving = *TidegateStorageMemoryTable();
    leaving.base.destroy = [](void*) {};
    return leaving;
  }();
  return &table;
}

}  // namespace

static const core::Policy& SettingMerger() {
  static const tg_plugin plugin{sizeof(tg_plugin), 0,
                                &sdk::detail::InterfaceGet<sdk::PolicyPlugin<policy_merge::MergePolicy>>};
  static const auto policy =
      plugin::PluginPolicy::Create(&plugin, "policy-merge", R"({"models":["Setting"]})", {}).value();
  return *policy;
}

std::optional<core::MergeRule> TestPolicy::Merges(std::string_view model) const {
  return join_settings ? SettingMerger().Merges(model) : std::nullopt;
}

std::optional<std::string> TestPolicy::Stamp(const core::PolicyContext& at, const tg_change* held,
                                             const tg_change& written) const {
  return SettingMerger().Stamp(at, held, written);
}

std::optional<core::Joined> TestPolicy::Merge(const core::PolicyContext& at, const tg_change& held,
                                              const tg_change& incoming) const {
  return SettingMerger().Merge(at, held, incoming);
}

std::optional<uint32_t> TestPolicy::Direction(std::string_view model) const {
  if (auto changed = directions.find(model); changed != directions.end()) return changed->second;
  if (model == "Reading") return TG_DIRECTION_UP;
  if (model == "Done") return TG_DIRECTION_UP;
  if (model == "Config" || model == "Order") return TG_DIRECTION_DOWN;
  return model == "Note" ? TG_DIRECTION_NONE : TG_DIRECTION_BOTH;
}

std::optional<uint32_t> TestPolicy::Lane(std::string_view model) const {
  return model == "Reading" ? TG_LANE_HISTORY : TG_LANE_STATE;
}

std::optional<uint32_t> TestPolicy::Route(const core::PolicyContext&, const tg_change& change, AgentId) const {
  if (!not_routed.empty() && std::string_view(change.model.data, change.model.size) == not_routed) return TG_ROUTE_SKIP;
  return std::nullopt;
}

// A memory replica whose commits fail when a test says so.
class TestNode::Disk : public core::Storage {
 public:
  Disk() {
    tg_error error{};
    EXPECT_EQ(TidegateStorageMemoryTable()->base.create(nullptr, tg_str{"{}", 2}, &instance_, &error), TG_OK);
  }
  explicit Disk(const Disk& from) : instance_(TidegateStorageMemoryCopy(from.instance_)) {}
  ~Disk() override {
    storage_.reset();
    TidegateStorageMemoryTable()->base.destroy(instance_);
  }

  void Open(const ReplicaId& replica, Epoch epoch) {
    storage_ = plugin::PluginStorage::Adopt(LeavingTable(), instance_, "memory", {});
    Status started = storage_->Start(replica, epoch);
    ASSERT_TRUE(started.ok()) << started.message();
  }
  void Close() { storage_.reset(); }

  const core::StorageInfo& info() const override { return storage_->info(); }
  Epoch epoch() const override { return storage_->epoch(); }
  Result<Watermark> Commit(std::span<const tg_group> groups, const core::OutcomeFn& outcome) override {
    if (failures > 0 && good-- <= 0 && failures-- > 0) return Status::Io("the disk of the test");
    if (rows_max != 0 && Bulky(groups)) {
      Result<tg_storage_stats> stats = storage_->Stats();
      if (stats.ok() && stats->items + stats->tombstones >= rows_max) return Status::Full("the disk of the test");
    }
    return storage_->Commit(groups, outcome);
  }
  Status Get(const tg_key& key, const core::ChangeFn& fn) const override { return storage_->Get(key, fn); }
  Result<std::string> Query(const tg_query& query, const core::ChangeFn& fn) const override {
    return storage_->Query(query, fn);
  }
  Result<core::FeedPage> Changes(const tg_feed_selector& selector, uint64_t after, uint64_t items, uint64_t bytes,
                                 const core::ChangeFn& fn) const override {
    return storage_->Changes(selector, after, items, bytes, fn);
  }
  Result<tg_feed_stat> FeedStat(const tg_feed_selector& selector, uint64_t after) const override {
    return storage_->FeedStat(selector, after);
  }
  Result<Watermark> Head() const override { return storage_->Head(); }
  Result<uint32_t> WatermarkCheck(const Watermark& watermark) const override {
    return storage_->WatermarkCheck(watermark);
  }
  Result<int> WatermarkCompare(const Watermark& a, const Watermark& b) const override {
    return storage_->WatermarkCompare(a, b);
  }
  Result<std::vector<tg_epoch>> Epochs(uint64_t limit) const override { return storage_->Epochs(limit); }
  Status RangeDigest(const tg_range& range, const std::function<bool(const tg_digest&)>& fn) const override {
    return storage_->RangeDigest(range, fn);
  }
  Status RangeScan(const tg_range& range, const core::ChangeFn& fn) const override {
    return storage_->RangeScan(range, fn);
  }
  Status Scopes(const std::function<bool(const tg_scope&)>& fn) const override { return storage_->Scopes(fn); }
  Result<std::string> MetaGet(std::string_view key) const override { return storage_->MetaGet(key); }
  Status MetaScan(std::string_view prefix,
                  const std::function<bool(std::string_view, std::string_view)>& fn) const override {
    return storage_->MetaScan(prefix, fn);
  }
  Result<tg_storage_stats> Stats() const override { return storage_->Stats(); }
  Status Backup(std::string_view path) override { return storage_->Backup(path); }
  Status Traces(uint64_t after, uint64_t limit, const core::ChangeFn& fn) const override {
    return storage_->Traces(after, limit, fn);
  }
  Status Expiring(int64_t after_ms, uint64_t after_seq, uint64_t limit, const core::ChangeFn& fn) const override {
    return storage_->Expiring(after_ms, after_seq, limit, fn);
  }

  int failures = 0, good = 0;  // fail after so many good ones
  uint64_t rows_max = 0;

 private:
  // As a storage with a reserve does: what takes hardly any room goes on.
  static bool Bulky(std::span<const tg_group> groups) {
    for (const tg_group& group : groups) {
      for (const tg_mutation& m : std::span(group.mutations, group.count)) {
        if (m.op == TG_OP_PUT && m.change->kind == TG_CHANGE_ITEM && (m.change->direction & TG_DIRECTION_DOWN) == 0)
          return true;
      }
    }
    return false;
  }

  void* instance_ = nullptr;
  std::unique_ptr<plugin::PluginStorage> storage_;
};

TestNode::TestNode(TestTree& tree, const NodeOptions& options)
    : clock(tree.clock),
      tree_(tree),
      options_(options),
      disk_(std::make_unique<Disk>()),
      random_((tree.nodes_.size() + 1) * 0x2545f4914f6cdd1dull) {}

TestNode::~TestNode() { node_.reset(); }

const core::Storage& TestNode::storage() const { return *disk_; }

void TestNode::SetDirection(const std::string& model, uint32_t direction) {
  policy.directions[model] = direction;
  LoadSchema(schema_);
  if (node_ != nullptr) node_->CatalogChanged();
}

void TestNode::LoadSchema(const std::string& text) {
  schema_ = text;
  SchemaLoad loaded = tidegate::LoadSchema("test.json5", text.empty() ? kSchema : text);
  ASSERT_TRUE(loaded.status().ok()) << loaded.status().message();
  auto catalog = replica::Catalog::Make(SchemaSet::Make({loaded.schema}).value(), policy, nullptr);
  ASSERT_TRUE(catalog.ok()) << catalog.status().message();
  if (catalog_ == nullptr) {
    catalog_ = std::make_unique<replica::CatalogHolder>(catalog.value());
  } else {
    catalog_->Set(catalog.value());
  }
}

void TestNode::UseSchema(const std::string& text) {
  LoadSchema(text);
  node_->CatalogChanged();
}

void TestNode::OpenDisk() {
  ReplicaId replica;
  replica.bytes.fill(static_cast<uint8_t>(Next() >> 32));
  Epoch epoch = Next();
  disk_->Open(replica, next_epoch_ != 0 ? std::exchange(next_epoch_, 0) : epoch);
}

void TestNode::Start() { EXPECT_TRUE(TryStart()); }

bool TestNode::TryStart() {
  if (catalog_ == nullptr) LoadSchema("");
  OpenDisk();
  auto node = Node::Open(options_, {*disk_, policy, *catalog_, clock, *this, *this, *this, *this, events});
  if (!node.ok()) return false;
  node_ = std::move(node).value();
  return true;
}

void TestNode::Stop() {
  std::erase_if(tree_.peers_, [&](const auto& entry) { return entry.second.node == this; });
  node_.reset();
  disk_->Close();
}

void TestNode::Save() { saved_ = std::make_unique<Disk>(*disk_); }
void TestNode::RollBack() { disk_ = std::make_unique<Disk>(*saved_); }
void TestNode::CopyDisk(const TestNode& from) { disk_ = std::make_unique<Disk>(*from.disk_); }
void TestNode::EmptyDisk() { disk_ = std::make_unique<Disk>(); }

void TestNode::FailCommits(int count, int after) {
  disk_->failures = count;
  disk_->good = after;
}

void TestNode::Offline(const std::function<void(core::Storage&)>& act) {
  OpenDisk();
  act(*disk_);
  disk_->Close();
}

void TestNode::LimitRows(uint64_t rows) { disk_->rows_max = rows; }

replica::WriteAnswer TestNode::Write(const replica::Transaction& transaction) {
  auto answer = std::make_shared<replica::WriteAnswer>();
  answer->status = Status::Internal("not answered");
  node_->Write(transaction, [answer](replica::WriteAnswer given) { *answer = std::move(given); });
  (void)node_->Commit();
  return *answer;
}

replica::WriteAnswer TestNode::Put(const std::string& model, const std::string& json, std::optional<AgentId> to) {
  replica::Write write;
  write.model = model;
  write.properties = json;
  write.to = to;
  return Write({write});
}

replica::WriteAnswer TestNode::Remove(const std::string& model, const std::string& json, std::optional<AgentId> owner) {
  replica::Write write;
  write.mode = replica::WriteMode::kRemove;
  write.model = model;
  write.properties = json;
  write.owner = owner;
  return Write({write});
}

std::string TestNode::Get(const std::string& model, const std::string& json, std::optional<AgentId> owner) {
  replica::Reader reader(*disk_, *catalog_, clock, agent());
  replica::FindRequest request;
  request.model = model;
  request.properties = json;
  request.owner = owner;
  Result<std::string> item = reader.Get(request);
  return item.ok() ? item.value() : CodeName(item.status().code());
}

LinkStatus TestNode::LinkTo(AgentId neighbour) {
  for (const LinkStatus& link : node_->GetStatus().links) {
    if (link.agent == neighbour) return link;
  }
  return {};
}

QuarantineAnswer TestNode::Act(QuarantineAction action, const std::string& id, const std::string& model) {
  QuarantineAnswer given;
  given.status = Status::Internal("not answered");
  node_->ActOnQuarantine({action, id, model}, [&](QuarantineAnswer answer) { given = std::move(answer); });
  (void)node_->Commit();
  return given;
}

std::vector<ConflictEntry> TestNode::Conflicts() { return node_->Conflicts().value(); }

std::vector<QuarantineEntry> TestNode::Quarantine() { return node_->Quarantine().value(); }

uint64_t TestNode::counter(const std::string& name) const {
  auto found = counters_.find(name);
  return found == counters_.end() ? 0 : found->second;
}

core::TransportSession TestNode::OpenSession(core::Side side, AgentId peer) {
  core::TransportSession session = tree_.next_session_++;
  node_->SessionOpened(session, {side, peer, peer != 0, "test"});
  (void)node_->Commit();
  return session;
}

void TestNode::Receive(core::TransportSession session, wire::SessionId id, const wire::Body& body) {
  auto frame = wire::Decode(wire::Encode(id, body), {});
  ASSERT_TRUE(frame.ok()) << frame.status().message();
  node_->Frame(session, std::move(frame).value(), 1);
  (void)node_->Commit();
}

std::vector<wire::DecodedFrame> TestNode::TakeSent() {
  std::vector<wire::DecodedFrame> frames;
  for (const std::string& bytes : sent_) frames.push_back(wire::Decode(bytes, {}).value());
  sent_.clear();
  return frames;
}

Status TestNode::Send(core::TransportSession session, std::string_view frame) {
  return tree_.Send(*this, session, frame);
}

void TestNode::Close(core::TransportSession session, std::string_view reason) {
  closed.emplace_back(reason);
  tree_.peers_.erase(session);
}

void TestNode::Lose(const std::string& model, const std::string& sk) {
  std::optional<tg_change> row;
  core::ChangeArena arena;
  for (AgentId owner : {AgentId{0}, AgentId{42}}) {
    tg_range range{};
    range.struct_size = sizeof range;
    range.owner = owner;
    ASSERT_TRUE(storage()
                    .RangeScan(range,
                               [&](const tg_change& change) {
                                 if (View(change.model) == model && View(change.key.sk) == sk) row = arena.Copy(change);
                                 return true;
                               })
                    .ok());
  }
  ASSERT_TRUE(row) << model << " " << sk;
  tg_mutation mutation{};
  mutation.struct_size = sizeof mutation;
  mutation.op = TG_OP_PURGE;
  mutation.change = &*row;
  tg_group group{&mutation, 1};
  ASSERT_TRUE(const_cast<core::Storage&>(storage()).Commit({&group, 1}, [](const tg_outcome&) {}).ok());
}

}  // namespace tidegate::node
