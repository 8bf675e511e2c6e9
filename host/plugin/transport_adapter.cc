#include "host/plugin/transport_adapter.h"

#include <algorithm>
#include <cstring>

#include "host/base/views.h"

namespace tidegate::plugin {

Result<std::unique_ptr<PluginTransport>> PluginTransport::Create(const tg_plugin* plugin, const std::string& name,
                                                                 const std::string& config_json,
                                                                 const Environment& environment) {
  TG_ASSIGN_OR_RETURN(
      std::unique_ptr<Instance> instance,
      Instance::Create(plugin, TG_TRANSPORT_ID, TG_END_OF(tg_transport_v1, stats), name, config_json, environment));
  const auto* table = instance->table<tg_transport_v1>();
  if (table->info == nullptr || table->start == nullptr || table->send == nullptr || table->close == nullptr ||
      table->stats == nullptr) {
    return Status::Invalid(name + ": its table of " TG_TRANSPORT_ID " lacks a function; none may be missing");
  }
  std::unique_ptr<PluginTransport> transport(new PluginTransport(std::move(instance)));
  tg_transport_info info{};
  info.struct_size = sizeof info;
  tg_error error{};
  tg_code code = table->info(transport->instance_->self(), &info, &error);
  if (code != TG_OK) return transport->instance_->Failed(code, error);
  if (info.frame_bytes_max == 0) return Status::Internal(name + ": says that it moves frames of at most 0 bytes");
  transport->info_ = {info.listens != 0, info.dials != 0, info.frame_bytes_max};
  return transport;
}

Status PluginTransport::Start(core::TransportEvents* events) {
  events_ = events;
  // Called by foreign threads, through which no exception may pass: noexcept.
  raw_events_ = {
      sizeof raw_events_,
      0,
      this,
      [](void* ctx, tg_session session, const tg_peer* peer) noexcept {
        auto* self = static_cast<PluginTransport*>(ctx);
        tg_peer known{};  // members that the plugin's struct does not reach stay zero
        std::memcpy(&known, peer, std::min<size_t>(peer->struct_size, sizeof known));
        if (peer->struct_size < TG_END_OF(tg_peer, address)) {
          self->instance_->services().Log(TG_LOG_ERROR, "opened a session with part of a tg_peer; set struct_size");
        }
        core::Peer to;
        to.side = known.side == TG_SIDE_PARENT ? core::Side::kParent : core::Side::kChild;
        to.agent = known.agent;
        to.authenticated = known.authenticated != 0;
        to.address = View(known.address);
        self->events_->Opened(session, to);
      },
      [](void* ctx, tg_session session, tg_bytes frame) noexcept {
        static_cast<PluginTransport*>(ctx)->events_->Frame(session, View(frame));
      },
      [](void* ctx, tg_session session, tg_str reason) noexcept {
        static_cast<PluginTransport*>(ctx)->events_->Closed(session, View(reason));
      },
      [](void* ctx, tg_session session) noexcept { static_cast<PluginTransport*>(ctx)->events_->Writable(session); }};
  return instance_->Start([&](void* self, tg_error* error) { return table_->start(self, &raw_events_, error); });
}

Status PluginTransport::Stop(uint64_t deadline_ms) { return instance_->Stop(deadline_ms); }

Status PluginTransport::Send(core::TransportSession session, std::string_view frame) {
  if (frame.size() > info_.frame_bytes_max) {
    return Status::Invalid(instance_->name() + ": a frame of " + std::to_string(frame.size()) + " bytes; at most " +
                           std::to_string(info_.frame_bytes_max) + " are moved");
  }
  if (instance_->stopped()) return Status::Unavailable(instance_->name() + ": the transport is stopped");
  tg_error error{};
  tg_code code = table_->send(instance_->self(), session, Bytes(frame), &error);
  return code == TG_OK ? Status::Ok() : instance_->Failed(code, error);
}

Status PluginTransport::Close(core::TransportSession session, std::string_view reason) {
  if (instance_->stopped()) return Status::Unavailable(instance_->name() + ": the transport is stopped");
  tg_error error{};
  tg_code code = table_->close(instance_->self(), session, Str(reason), &error);
  return code == TG_OK ? Status::Ok() : instance_->Failed(code, error);
}

core::TransportStats PluginTransport::stats() const {
  tg_transport_stats raw{};
  raw.struct_size = sizeof raw;
  tg_error error{};
  core::TransportStats stats;
  if (tg_code code = table_->stats(instance_->self(), &raw, &error); code != TG_OK) {
    stats.last_error = instance_->Failed(code, error).message();
    return stats;
  }
  stats.connected = raw.connected != 0;
  stats.bytes_sent = raw.bytes_sent;
  stats.bytes_received = raw.bytes_received;
  stats.connects = raw.connects;
  stats.last_error = View(raw.last_error);
  return stats;
}

}  // namespace tidegate::plugin
