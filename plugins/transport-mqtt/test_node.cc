#include "test_node.h"

#include <stdexcept>

#include "tidegate/cpp/views.h"

namespace tidegate::mqtt {
namespace {

TestNode& Node(void* ctx) { return *static_cast<TestNode*>(ctx); }
std::string Text(tg_str text) { return std::string(sdk::View(text)); }

}  // namespace

TestNode::TestNode(uint64_t agent, const char* side, int port, const std::string& config, uint64_t epoch)
    : table_(TidegateTransportMqttTable()) {
  log_table_ = {sizeof log_table_, 0, this, [](void* ctx, uint32_t, tg_str message) {
                  TestNode& n = Node(ctx);
                  const std::lock_guard lock(n.mutex_);
                  n.log_ += Text(message) + "\n";
                }};
  metrics_table_ = {sizeof metrics_table_, 0, this,
                    [](void* ctx, tg_str name, uint64_t delta) {
                      TestNode& n = Node(ctx);
                      const std::lock_guard lock(n.mutex_);
                      n.counters_[Text(name)] += delta;
                      n.changed_.notify_all();
                    },
                    [](void*, tg_str, int64_t) {}};
  node_table_ = {sizeof node_table_, agent == 1 ? TG_ROLE_SERVER : TG_ROLE_ROUTER, agent, epoch, {nullptr, 0}};
  host_ = {sizeof host_, TG_ABI_MINOR, this, [](void* ctx, const char* id) -> const void* {
             TestNode& n = Node(ctx);
             const std::string_view name(id);
             if (name == TG_LOG_ID) return &n.log_table_;
             if (name == TG_METRICS_ID) return &n.metrics_table_;
             if (name == TG_NODE_ID) return &n.node_table_;
             return nullptr;
           }};
  events_ = {sizeof events_,
             0,
             this,
             [](void* ctx, tg_session id, const tg_peer* peer) {
               TestNode& n = Node(ctx);
               const std::lock_guard lock(n.mutex_);
               Session s;
               s.id = id;
               s.side = peer->side;
               s.agent = peer->agent;
               s.authenticated = peer->authenticated != 0;
               n.sessions_.push_back(s);
               n.changed_.notify_all();
             },
             [](void* ctx, tg_session id, tg_bytes frame) {
               TestNode& n = Node(ctx);
               if (n.on_frame) return n.on_frame(id, sdk::View(frame));
               const std::lock_guard lock(n.mutex_);
               n.Find(id).frames.emplace_back(sdk::View(frame));
               n.changed_.notify_all();
             },
             [](void* ctx, tg_session id, tg_str reason) {
               TestNode& n = Node(ctx);
               const std::lock_guard lock(n.mutex_);
               n.Find(id).closed = true;
               n.Find(id).reason = Text(reason);
               n.changed_.notify_all();
             },
             [](void* ctx, tg_session id) {
               TestNode& n = Node(ctx);
               const std::lock_guard lock(n.mutex_);
               ++n.Find(id).writable;
               n.changed_.notify_all();
             }};
  const std::string json = "{\"side\":\"" + std::string(side) + "\",\"port\":" + std::to_string(port) + config + "}";
  tg_error error{};
  if (table_->base.create(&host_, sdk::Str(json), &self_, &error) != TG_OK) throw std::runtime_error(error.message);
}

TestNode::~TestNode() {
  Stop();
  table_->base.destroy(self_);
}

void TestNode::Start() {
  tg_error error{};
  if (table_->start(self_, &events_, &error) != TG_OK) throw std::runtime_error(error.message);
}

void TestNode::Stop(uint64_t deadline_ms) {
  tg_error error{};
  table_->base.stop(self_, deadline_ms, &error);
}

tg_code TestNode::Send(tg_session session, std::string_view frame) {
  tg_error error{};
  return table_->send(self_, session, sdk::Bytes(frame), &error);
}

tg_code TestNode::Close(tg_session session, std::string_view reason) {
  tg_error error{};
  return table_->close(self_, session, sdk::Str(reason), &error);
}

namespace {
tg_transport_stats Ask(const tg_transport_v1* table, void* self) {
  tg_transport_stats stats{};
  stats.struct_size = sizeof stats;
  tg_error error{};
  table->stats(self, &stats, &error);
  return stats;
}
}  // namespace

std::string TestNode::LastError() { return Text(Ask(table_, self_).last_error); }
bool TestNode::Connected() { return Ask(table_, self_).connected != 0; }
uint64_t TestNode::Connects() { return Ask(table_, self_).connects; }

TestNode::Session& TestNode::Find(tg_session id) {
  for (Session& s : sessions_) {
    if (s.id == id) return s;
  }
  throw std::logic_error("an event of a session that never opened");
}

bool TestNode::Wait(const Condition& condition, std::chrono::seconds timeout) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [&] { return condition(sessions_); });
}

tg_session TestNode::WaitOpen(size_t nth) {
  if (!Wait([&](const auto& all) { return all.size() >= nth; })) return 0;
  const std::lock_guard lock(mutex_);
  return sessions_[nth - 1].id;
}

bool TestNode::WaitClosed(tg_session session) {
  return Wait([&](const auto&) { return Find(session).closed; });
}

bool TestNode::WaitFrames(tg_session session, size_t count) {
  return Wait([&](const auto&) { return Find(session).frames.size() >= count; });
}

bool TestNode::Poll(const std::function<bool()>& condition, std::chrono::seconds timeout) const {
  const auto until = std::chrono::steady_clock::now() + timeout;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until) return false;
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, std::chrono::milliseconds(20));
  }
  return true;
}

bool TestNode::WaitError(const std::string& part, std::chrono::seconds timeout) {
  return Poll([&] { return LastError().find(part) != std::string::npos; }, timeout);
}

bool TestNode::WaitConnected(std::chrono::seconds timeout) {
  return Poll([&] { return Connected(); }, timeout);
}

bool TestNode::WaitCounter(const std::string& name, uint64_t at_least) {
  return Poll([&] { return counter(name) >= at_least; }, std::chrono::seconds(20));
}

std::vector<TestNode::Session> TestNode::sessions() const {
  const std::lock_guard lock(mutex_);
  return sessions_;
}

TestNode::Session TestNode::session(tg_session id) const {
  const std::lock_guard lock(mutex_);
  for (const Session& s : sessions_) {
    if (s.id == id) return s;
  }
  return {};
}

uint64_t TestNode::counter(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto it = counters_.find(name);
  return it == counters_.end() ? 0 : it->second;
}

std::string TestNode::log() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

}  // namespace tidegate::mqtt
