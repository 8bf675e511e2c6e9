#include "host/plugin/policy_adapter.h"

#include <cstring>

#include "host/base/views.h"

namespace tidegate::plugin {
namespace {

tg_policy_item Item(const core::PolicyContext& at, const tg_change& change) {
  return {sizeof(tg_policy_item), at.role, at.agent, &change};
}

// The name goes behind the place.
std::string Named(const std::string& name, std::string_view text) {
  size_t end = text.starts_with('/') ? text.find('\n') : std::string_view::npos;
  size_t at = end == std::string_view::npos ? 0 : end + 1;
  return std::string(text.substr(0, at)) + name + ": " + std::string(text.substr(at));
}

// Takes texts in the order they come.
struct Texts {
  std::vector<std::string> texts;
  tg_bytes_sink sink{
      this, [](void* ctx, tg_bytes bytes) noexcept { static_cast<Texts*>(ctx)->texts.emplace_back(View(bytes)); }};
};

bool Joins(const tg_policy_v1& table) {
  return table.base.struct_size >= TG_END_OF(tg_policy_v1, stamp) && table.merges != nullptr &&
         table.stamp != nullptr && table.merge != nullptr;
}

}  // namespace

Result<std::unique_ptr<PluginPolicy>> PluginPolicy::Create(const tg_plugin* plugin, const std::string& name,
                                                           const std::string& config_json,
                                                           const Environment& environment, const std::string& id) {
  TG_ASSIGN_OR_RETURN(
      std::unique_ptr<Instance> instance,
      Instance::Create(plugin, TG_POLICY_ID, TG_END_OF(tg_policy_v1, retain), name, config_json, environment));
  return std::unique_ptr<PluginPolicy>(new PluginPolicy(std::move(instance), id.empty() ? name : id));
}

Status PluginPolicy::Reload(std::string_view schemas_json, std::vector<std::string>* warnings) {
  if (table_->reload == nullptr) return {};
  struct Context {
    const std::string& name;
    std::vector<std::string>* warnings;
  } context{instance_->name(), warnings};
  tg_text_sink sink{&context, [](void* ctx, tg_str text) noexcept {
                      auto* to = static_cast<Context*>(ctx);
                      if (to->warnings != nullptr) to->warnings->push_back(Named(to->name, View(text)));
                    }};
  tg_error error{};
  tg_code code = table_->reload(instance_->self(), Str(schemas_json), &sink, &error);
  if (code == TG_OK) return {};
  if (error.where[0] != '/') return instance_->Failed(code, error);
  std::string pointer(error.where, strnlen(error.where, sizeof(error.where)));
  error.where[0] = '\0';
  Status failed = instance_->Failed(code, error);
  return {failed.code(), pointer + "\n" + failed.message()};
}

std::optional<uint32_t> PluginPolicy::Judge(uint32_t verdict, uint32_t value, uint32_t least, uint32_t greatest,
                                            const char* function) const {
  if (verdict == TG_PASS) return std::nullopt;
  if (verdict == TG_DECIDED && value >= least && value <= greatest) return value;
  if (!complained_.exchange(true)) {
    instance_->services().Log(TG_LOG_ERROR, std::string(function) + " answered " + std::to_string(verdict) + " with " +
                                                std::to_string(value) +
                                                ", which means nothing; taken as no opinion, also from now on");
  }
  return std::nullopt;
}

std::optional<uint32_t> PluginPolicy::Placement(std::string_view model) const {
  if (table_->placement == nullptr) return std::nullopt;
  uint32_t value = 0;
  uint32_t verdict = table_->placement(instance_->self(), Str(model), &value);
  return Judge(verdict, value, TG_PLACE_CLOUD, TG_PLACE_BOTH, "placement");
}

std::optional<uint32_t> PluginPolicy::Direction(std::string_view model) const {
  if (table_->direction == nullptr) return std::nullopt;
  uint32_t value = 0;
  uint32_t verdict = table_->direction(instance_->self(), Str(model), &value);
  return Judge(verdict, value, TG_DIRECTION_NONE, TG_DIRECTION_BOTH, "direction");
}

std::optional<uint32_t> PluginPolicy::Lane(std::string_view model) const {
  if (table_->lane == nullptr) return std::nullopt;
  uint32_t value = 0;
  uint32_t verdict = table_->lane(instance_->self(), Str(model), &value);
  return Judge(verdict, value, 0, TG_LANE_COUNT - 1, "lane");
}

std::optional<uint32_t> PluginPolicy::Route(const core::PolicyContext& at, const tg_change& change,
                                            AgentId neighbour) const {
  if (table_->route == nullptr) return std::nullopt;
  tg_policy_item item = Item(at, change);
  uint32_t value = 0;
  uint32_t verdict = table_->route(instance_->self(), &item, neighbour, &value);
  return Judge(verdict, value, TG_ROUTE_SEND, TG_ROUTE_SKIP, "route");
}

std::optional<tg_retain> PluginPolicy::Retain(std::string_view model) const {
  if (table_->retain == nullptr) return std::nullopt;
  tg_retain retain{};
  retain.struct_size = sizeof retain;
  if (table_->retain(instance_->self(), Str(model), &retain) != TG_DECIDED) return std::nullopt;
  bool sound =
      retain.drop_when_delivered <= 2 && retain.age_ms_max >= 0 && retain.when_full <= TG_WHEN_FULL_KEEP_LATEST;
  if (sound) return retain;
  (void)Judge(TG_DECIDED, 1, 0, 0, "retain");
  return std::nullopt;
}

Status PluginPolicy::Accept(const core::PolicyContext& at, const tg_change& change) const {
  if (table_->accept == nullptr) return {};
  tg_policy_item item = Item(at, change);
  std::string reason;
  tg_text_sink sink{&reason,
                    [](void* ctx, tg_str text) noexcept { static_cast<std::string*>(ctx)->assign(View(text)); }};
  // Anything but a pass denies: of a rule that cannot be understood, the careful reading.
  if (table_->accept(instance_->self(), &item, &sink) == TG_PASS) return {};
  return Status::Refused(reason.empty() ? instance_->name() + " refuses the item without saying why" : reason);
}

std::optional<std::string> PluginPolicy::Answer(std::string_view model) const {
  if (table_->base.struct_size < TG_END_OF(tg_policy_v1, answer) || table_->answer == nullptr) return std::nullopt;
  std::string name;
  tg_text_sink sink{&name, [](void* ctx, tg_str text) noexcept { static_cast<std::string*>(ctx)->assign(View(text)); }};
  if (table_->answer(instance_->self(), Str(model), &sink) != TG_DECIDED || name.empty()) return std::nullopt;
  return name;
}

std::optional<core::MergeRule> PluginPolicy::Merges(std::string_view model) const {
  uint32_t revision = 0;
  if (!Joins(*table_) || table_->merges(instance_->self(), Str(model), &revision) != TG_DECIDED) return std::nullopt;
  return core::MergeRule{id_, revision};
}

std::optional<std::string> PluginPolicy::Stamp(const core::PolicyContext& at, const tg_change* held,
                                               const tg_change& written) const {
  if (!Joins(*table_)) return std::nullopt;
  tg_policy_item before{};
  if (held != nullptr) before = Item(at, *held);
  tg_policy_item now = Item(at, written);
  Texts meta;
  if (table_->stamp(instance_->self(), held != nullptr ? &before : nullptr, &now, &meta.sink) != TG_DECIDED ||
      meta.texts.size() != 1)
    return std::nullopt;
  return std::move(meta.texts[0]);
}

std::optional<core::Joined> PluginPolicy::Merge(const core::PolicyContext& at, const tg_change& held,
                                                const tg_change& incoming) const {
  if (!Joins(*table_)) return std::nullopt;
  tg_policy_item ours = Item(at, held);
  tg_policy_item theirs = Item(at, incoming);
  Texts body, meta;
  uint32_t verdict = table_->merge(instance_->self(), &ours, &theirs, &body.sink, &meta.sink);
  if (verdict != TG_DECIDED || body.texts.size() != 1 || meta.texts.size() != 1) return std::nullopt;
  return core::Joined{std::move(body.texts[0]), std::move(meta.texts[0])};
}

}  // namespace tidegate::plugin
