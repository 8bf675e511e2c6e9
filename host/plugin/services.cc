#include "host/plugin/services.h"

#include <algorithm>

#include "host/base/views.h"

namespace tidegate::plugin {
namespace {

std::string MetricPrefix(std::string name) {
  std::replace_if(
      name.begin(), name.end(),
      [](char c) { return !((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')); }, '_');
  return name + "_";
}

}  // namespace

// The tables' functions are called by foreign code, through which no exception may pass: noexcept.
Services::Services(std::string name, const Environment& environment)
    : name_(std::move(name)), metric_prefix_(MetricPrefix(name_)), environment_(environment) {
  log_ = {sizeof log_, 0, this, [](void* ctx, uint32_t level, tg_str message) noexcept {
            static_cast<Services*>(ctx)->Log(level, View(message));
          }};
  metrics_ = {sizeof metrics_, 0, this,
              [](void* ctx, tg_str metric, uint64_t delta) noexcept {
                auto* self = static_cast<Services*>(ctx);
                self->environment_.metrics->Add(self->metric_prefix_ + std::string(View(metric)), delta);
              },
              [](void* ctx, tg_str metric, int64_t value) noexcept {
                auto* self = static_cast<Services*>(ctx);
                self->environment_.metrics->Set(self->metric_prefix_ + std::string(View(metric)), value);
              }};
  clock_ = {sizeof clock_, 0, this,
            [](void* ctx) noexcept { return static_cast<Services*>(ctx)->environment_.clock->unix_ms(); },
            [](void* ctx) noexcept { return static_cast<Services*>(ctx)->environment_.clock->monotonic_us(); }};
  host_ = {sizeof host_, TG_ABI_MINOR, this, [](void* ctx, const char* id) noexcept -> const void* {
             auto* self = static_cast<Services*>(ctx);
             const Environment& has = self->environment_;
             std::string_view wanted = id == nullptr ? "" : id;
             if (wanted == TG_LOG_ID) return has.log != nullptr ? &self->log_ : nullptr;
             if (wanted == TG_METRICS_ID) return has.metrics != nullptr ? &self->metrics_ : nullptr;
             if (wanted == TG_CLOCK_ID) return has.clock != nullptr ? &self->clock_ : nullptr;
             if (wanted == TG_NODE_ID) return has.node;
             return nullptr;
           }};
}

void Services::Log(uint32_t level, std::string_view message) const {
  if (environment_.log != nullptr) environment_.log->Write(level, name_ + ": " + std::string(message));
}

}  // namespace tidegate::plugin
