#include "host/plugin/instance.h"

#include "host/base/views.h"

namespace tidegate::plugin {
namespace {

// Of an instance whose owner did not stop it.
constexpr uint64_t kStopDeadlineMs = 5'000;

}  // namespace

Result<std::unique_ptr<Instance>> Instance::Create(const tg_plugin* plugin, const char* interface_id,
                                                   size_t table_size_min, const std::string& name,
                                                   const std::string& config_json, const Environment& environment) {
  if (plugin == nullptr || plugin->struct_size < TG_END_OF(tg_plugin, interface_get) ||
      plugin->interface_get == nullptr) {
    return Status::Invalid(name + ": " TG_PLUGIN_ENTRY_SYMBOL
                                  " returned no usable tg_plugin; it must give "
                                  "interface_get and a struct_size that covers it");
  }
  const void* table = plugin->interface_get(interface_id);
  if (table == nullptr) {
    return Status::Invalid(name + ": offers no interface " + interface_id +
                           " (interfaces are matched exactly); install a version of the plugin that does");
  }
  return Create(table, interface_id, table_size_min, name, config_json, environment);
}

Result<std::unique_ptr<Instance>> Instance::Create(const void* table, const char* interface_id, size_t table_size_min,
                                                   const std::string& name, const std::string& config_json,
                                                   const Environment& environment) {
  const auto* life = static_cast<const tg_lifecycle*>(table);
  if (life->struct_size < table_size_min) {
    return Status::Invalid(name + ": its table of " + interface_id + " has " + std::to_string(life->struct_size) +
                           " bytes where at least " + std::to_string(table_size_min) +
                           " are needed; build the plugin against this version of tidegate-dev");
  }
  if (life->create == nullptr || life->stop == nullptr || life->destroy == nullptr) {
    return Status::Invalid(name + ": its table of " + interface_id + " lacks create, stop or destroy");
  }

  std::unique_ptr<Instance> instance = Adopt(table, nullptr, name, environment);
  tg_error error{};
  tg_code code = life->create(instance->services_->host(), Str(config_json), &instance->self_, &error);
  if (code != TG_OK) {
    instance->self_ = nullptr;  // a failed create leaves nothing to destroy
    return instance->Failed(code, error);
  }
  if (instance->self_ == nullptr) return Status::Internal(name + ": create succeeded without an instance");
  return instance;
}

std::unique_ptr<Instance> Instance::Adopt(const void* table, void* self, const std::string& name,
                                          const Environment& environment) {
  // The services have a fixed address: the plugin keeps it.
  std::unique_ptr<Instance> instance(new Instance(table, std::make_unique<Services>(name, environment)));
  instance->self_ = self;
  return instance;
}

Instance::~Instance() {
  if (self_ == nullptr) return;
  if (Status status = Stop(kStopDeadlineMs); !status.ok()) services_->Log(TG_LOG_WARNING, status.message());
  lifecycle().destroy(self_);
}

Status Instance::Start(const std::function<tg_code(void* self, tg_error* error)>& start) {
  if (state_ != State::kCreated) return Status::Internal(name() + ": start is allowed once, after create");
  tg_error error{};
  tg_code code = start(self_, &error);
  if (code != TG_OK) return Failed(code, error);
  state_ = State::kStarted;
  return {};
}

Status Instance::Stop(uint64_t deadline_ms) {
  if (state_ != State::kStarted) return {};
  state_ = State::kStopped;
  tg_error error{};
  tg_code code = lifecycle().stop(self_, deadline_ms, &error);
  return code == TG_OK ? Status::Ok() : Failed(code, error);
}

Status Instance::Failed(tg_code code, const tg_error& error) const { return FromTgError(code, error).At(name()); }

}  // namespace tidegate::plugin
