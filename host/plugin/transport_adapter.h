// A transport plugin as core::Transport.
// Thread safety: as core::Transport. Ownership: owns the instance; destruction stops and destroys it.
#pragma once

#include <memory>
#include <string>

#include "host/core/transport.h"
#include "host/plugin/instance.h"
#include "tidegate/transport.h"

namespace tidegate::plugin {

class PluginTransport : public core::Transport {
 public:
  // plugin: what its entry returned. Without a file this serves a plugin that is linked in.
  static Result<std::unique_ptr<PluginTransport>> Create(const tg_plugin* plugin, const std::string& name,
                                                         const std::string& config_json,
                                                         const Environment& environment);

  core::TransportInfo info() const override { return info_; }
  Status Start(core::TransportEvents* events) override;
  Status Stop(uint64_t deadline_ms) override;
  Status Send(core::TransportSession session, std::string_view frame) override;
  Status Close(core::TransportSession session, std::string_view reason) override;
  core::TransportStats stats() const override;

 private:
  explicit PluginTransport(std::unique_ptr<Instance> instance)
      : table_(instance->table<tg_transport_v1>()), instance_(std::move(instance)) {}

  const tg_transport_v1* table_;
  core::TransportInfo info_;
  core::TransportEvents* events_ = nullptr;
  tg_transport_events raw_events_{};  // outlives stop: declared before instance_, destroyed after it
  std::unique_ptr<Instance> instance_;
};

}  // namespace tidegate::plugin
