// The stream of changes, as server-sent events.
#include "host/api/handlers.h"
#include "host/api/json_text.h"
#include "host/api/watch_buffer.h"
#include "host/base/views.h"

namespace tidegate::api {
namespace {

const char* OpName(uint8_t kind) {
  switch (kind) {
    case TG_CHANGE_ITEM:
      return "put";
    case TG_CHANGE_TOMBSTONE:
      return "remove";
    default:
      return "evict";
  }
}

std::string EventData(const replica::Reader& reader, const WatchedChange& watched, bool hidden) {
  tg_change change = watched.View();
  ObjectWriter event;
  event.Text("op", OpName(change.kind)).Text("model", watched.model).Unsigned("owner", change.key.owner);
  event.Raw("key", ObjectWriter().Text("pk", watched.pk).Text("sk", watched.sk).Take());
  std::string item = reader.Present(change, hidden);
  if (!item.empty()) event.Raw("item", item);
  event.Unsigned("seq", change.seq).Text("version", Version::From(change.version).ToText());
  if (change.via == 0) {
    event.Text("from", "local");
  } else {
    event.Unsigned("from", change.via);
  }
  return event.Take();
}

// Watches for as long as it lives.
class Watching {
 public:
  Watching(node::NodeService& node, WatchBuffer& buffer)
      : node_(node), id_(node.Watch([&buffer](const tg_change& change) { buffer.Push(change); })) {}
  ~Watching() { node_.Unwatch(id_); }
  Watching(const Watching&) = delete;
  Watching& operator=(const Watching&) = delete;

 private:
  node::NodeService& node_;
  uint64_t id_;
};

class StreamSlot {
 public:
  explicit StreamSlot(Context& context)
      : streams_(context.streams), free_(streams_.fetch_add(1) < context.options.streams_max) {}
  ~StreamSlot() { streams_.fetch_sub(1); }
  StreamSlot(const StreamSlot&) = delete;
  StreamSlot& operator=(const StreamSlot&) = delete;
  bool free() const { return free_; }

 private:
  std::atomic<uint32_t>& streams_;
  bool free_;
};

void Stream(Call& call, WatchBuffer& buffer, bool hidden) {
  Exchange& exchange = call.exchange;
  if (!exchange.StartStream("text/event-stream")) return;
  if (!exchange.SendPart("event: ready\ndata: {}\n\n")) return;
  constexpr std::chrono::milliseconds kLook(250);
  int64_t quiet_ms = 0;
  while (!exchange.stopping() && !exchange.ClientGone()) {
    bool overrun = false;
    std::vector<WatchedChange> changes = buffer.Pop(kLook, &overrun);
    std::string part;
    for (const WatchedChange& change : changes) {
      part += "event: change\nid: " + std::to_string(change.fixed.seq) +
              "\ndata: " + EventData(call.context.node.reader(), change, hidden) + "\n\n";
      if (part.size() < (64u << 10)) continue;
      if (!exchange.SendPart(part)) return;
      part.clear();
    }
    if (overrun) part += "event: overrun\ndata: {\"message\":\"read too slowly; find again and watch anew\"}\n\n";
    quiet_ms = changes.empty() ? quiet_ms + kLook.count() : 0;
    if (quiet_ms >= call.context.options.heartbeat_ms) {
      part += ": alive\n\n";
      quiet_ms = 0;
    }
    if (!part.empty() && !exchange.SendPart(part)) return;
    if (overrun) return;
  }
  if (exchange.stopping()) exchange.SendPart("event: stop\ndata: {\"message\":\"the daemon is stopping\"}\n\n");
}

}  // namespace

Status GetWatch(Call& call) {
  std::string model = call.params.Take("model").value_or("");
  TG_ASSIGN_OR_RETURN(std::optional<AgentId> owner, call.params.TakeAgent("owner"));
  TG_ASSIGN_OR_RETURN(bool hidden, call.params.TakeBool("hidden"));
  TG_RETURN_IF_ERROR(call.params.Done({"model", "owner", "hidden"}));
  StreamSlot slot(call.context);
  if (!slot.free()) return Status::Unavailable("too many watchers at once; close some or wait");
  const ApiOptions& options = call.context.options;
  WatchBuffer buffer(model, owner, options.watch_changes_max, options.watch_bytes_max);
  Watching watching(call.context.node, buffer);
  Stream(call, buffer, hidden);
  return Status::Ok();
}

}  // namespace tidegate::api
