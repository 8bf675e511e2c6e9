// An events plugin as core::Events. A call outside of start and stop does not reach the plugin, and vetoes
// nothing.
// Thread safety: as core::Events; Start and Stop from the control thread. Ownership: owns the instance;
// destruction stops and destroys it.
#pragma once

#include <memory>
#include <string>

#include "host/core/events.h"
#include "host/plugin/instance.h"

namespace tidegate::plugin {

class PluginEvents : public core::Events {
 public:
  // plugin: what its entry returned. Without a file this serves a plugin that is linked in.
  static Result<std::unique_ptr<PluginEvents>> Create(const tg_plugin* plugin, const std::string& name,
                                                      const std::string& config_json, const Environment& environment);

  Status Start();
  Status Stop(uint64_t deadline_ms) { return instance_->Stop(deadline_ms); }

  uint32_t interests() const override { return interests_; }
  Status Connecting(const tg_link_event& link) override;
  Status Changing(const tg_change_event& event) override;
  void Connected(const tg_link_event& link) override;
  void Disconnected(const tg_link_event& link) override;
  void Changed(const tg_change_event& event) override;
  void Received(const tg_receive_event& event) override;
  void Acked(const tg_ack_event& event) override;

 private:
  explicit PluginEvents(std::unique_ptr<Instance> instance);
  template <typename Event>
  Status Ask(uint32_t (*function)(void*, const Event*, const tg_text_sink*), const Event& event);
  template <typename Event>
  void Tell(void (*function)(void*, const Event*), const Event& event);

  std::unique_ptr<Instance> instance_;
  const tg_events_v1* table_;
  uint32_t interests_ = 0;
};

}  // namespace tidegate::plugin
