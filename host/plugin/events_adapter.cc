#include "host/plugin/events_adapter.h"

#include "host/base/views.h"

namespace tidegate::plugin {

Result<std::unique_ptr<PluginEvents>> PluginEvents::Create(const tg_plugin* plugin, const std::string& name,
                                                           const std::string& config_json,
                                                           const Environment& environment) {
  TG_ASSIGN_OR_RETURN(
      std::unique_ptr<Instance> instance,
      Instance::Create(plugin, TG_EVENTS_ID, TG_END_OF(tg_events_v1, acked), name, config_json, environment));
  return std::unique_ptr<PluginEvents>(new PluginEvents(std::move(instance)));
}

PluginEvents::PluginEvents(std::unique_ptr<Instance> instance)
    : instance_(std::move(instance)), table_(instance_->table<tg_events_v1>()) {
  auto want = [&](bool has, Interest interest) { interests_ |= has ? interest : 0u; };
  want(table_->connecting != nullptr, kConnecting);
  want(table_->connected != nullptr, kConnected);
  want(table_->disconnected != nullptr, kDisconnected);
  want(table_->changing != nullptr, kChanging);
  want(table_->changed != nullptr, kChanged);
  want(table_->received != nullptr, kReceived);
  want(table_->acked != nullptr, kAcked);
}

Status PluginEvents::Start() {
  return instance_->Start([&](void* self, tg_error* error) -> tg_code {
    return table_->start == nullptr ? TG_OK : table_->start(self, error);
  });
}

template <typename Event>
Status PluginEvents::Ask(uint32_t (*function)(void*, const Event*, const tg_text_sink*), const Event& event) {
  if (function == nullptr || !instance_->started()) return {};
  std::string reason;
  tg_text_sink sink{&reason,
                    [](void* ctx, tg_str text) noexcept { static_cast<std::string*>(ctx)->assign(View(text)); }};
  // Anything else vetoes: of an answer that cannot be understood, the careful reading.
  if (function(instance_->self(), &event, &sink) == TG_ALLOWED) return {};
  return Status::Refused(reason.empty() ? instance_->name() + " refuses it without saying why" : reason);
}

template <typename Event>
void PluginEvents::Tell(void (*function)(void*, const Event*), const Event& event) {
  if (function != nullptr && instance_->started()) function(instance_->self(), &event);
}

Status PluginEvents::Connecting(const tg_link_event& link) { return Ask(table_->connecting, link); }
Status PluginEvents::Changing(const tg_change_event& event) { return Ask(table_->changing, event); }
void PluginEvents::Connected(const tg_link_event& link) { Tell(table_->connected, link); }
void PluginEvents::Disconnected(const tg_link_event& link) { Tell(table_->disconnected, link); }
void PluginEvents::Changed(const tg_change_event& event) { Tell(table_->changed, event); }
void PluginEvents::Received(const tg_receive_event& event) { Tell(table_->received, event); }
void PluginEvents::Acked(const tg_ack_event& event) { Tell(table_->acked, event); }

}  // namespace tidegate::plugin
