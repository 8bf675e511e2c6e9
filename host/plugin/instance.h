// One created instance of a plugin: the part of its life that every kind shares, create -> start ->
// stop -> destroy, kept in order whatever the owner does.
// Thread safety: from the control thread. Ownership: owns the plugin's instance and its services; the
// table belongs to the plugin, which is never unloaded.
#pragma once

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "host/base/status.h"
#include "host/plugin/services.h"
#include "tidegate/plugin.h"

namespace tidegate::plugin {

class Instance {
 public:
  // Asks the plugin for its interface, checks that the table reaches to table_size_min, and creates an
  // instance. config_json: already valid against the schema of the plugin's note.
  static Result<std::unique_ptr<Instance>> Create(const tg_plugin* plugin, const char* interface_id,
                                                  size_t table_size_min, const std::string& name,
                                                  const std::string& config_json, const Environment& environment);
  // The same with the table in hand, as a plugin that is linked in gives it.
  static Result<std::unique_ptr<Instance>> Create(const void* table, const char* interface_id, size_t table_size_min,
                                                  const std::string& name, const std::string& config_json,
                                                  const Environment& environment);
  // Takes over an instance of table that was created elsewhere and not started.
  static std::unique_ptr<Instance> Adopt(const void* table, void* self, const std::string& name,
                                         const Environment& environment);
  Instance(const Instance&) = delete;
  Instance& operator=(const Instance&) = delete;
  ~Instance();  // stops what was started, then destroys

  // Runs the kind's own start; at most once.
  Status Start(const std::function<tg_code(void* self, tg_error* error)>& start);
  // Joins the plugin's threads. Does nothing unless started; a second call does nothing.
  Status Stop(uint64_t deadline_ms);

  template <typename Table>
  const Table* table() const {
    return static_cast<const Table*>(table_);
  }
  void* self() const { return self_; }
  bool started() const { return state_ == State::kStarted; }
  bool stopped() const { return state_ == State::kStopped; }
  const std::string& name() const { return services_->name(); }
  const Services& services() const { return *services_; }

  // The error of a call, with the instance's name in front.
  Status Failed(tg_code code, const tg_error& error) const;

 private:
  enum class State { kCreated, kStarted, kStopped };

  Instance(const void* table, std::unique_ptr<Services> services) : table_(table), services_(std::move(services)) {}
  const tg_lifecycle& lifecycle() const { return *static_cast<const tg_lifecycle*>(table_); }

  const void* table_;
  std::unique_ptr<Services> services_;
  void* self_ = nullptr;
  std::atomic<State> state_{State::kCreated};  // read by callers on other threads
};

// The first byte after a member: a table that reaches there has it.
#define TG_END_OF(type, member) (offsetof(type, member) + sizeof(type::member))

}  // namespace tidegate::plugin
