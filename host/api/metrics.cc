#include "host/api/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <cctype>
#include <map>

#include "host/base/mutex.h"

namespace tidegate::api {
namespace {

constexpr size_t kNamesMax = 2'000;  // of each kind: plugins choose names

std::string FamilyName(std::string_view name, std::string_view suffix) {
  std::string text(name.starts_with("tidegate_") ? "" : "tidegate_");
  for (char c : name) text.push_back(std::isalnum(static_cast<unsigned char>(c)) ? c : '_');
  if (!text.ends_with(suffix)) text.append(suffix);
  return text;
}

}  // namespace

class PrometheusMetrics::Impl {
 public:
  prometheus::Registry registry;
  Mutex mutex;
  // Null: the name cannot be used.
  std::map<std::string, prometheus::Counter*, std::less<>> counters TG_GUARDED_BY(mutex);
  std::map<std::string, prometheus::Gauge*, std::less<>> gauges TG_GUARDED_BY(mutex);
};

PrometheusMetrics::PrometheusMetrics() : impl_(std::make_unique<Impl>()) {}
PrometheusMetrics::~PrometheusMetrics() = default;

void PrometheusMetrics::Add(std::string_view counter, uint64_t delta) {
  prometheus::Counter* found = nullptr;
  {
    MutexLock lock(impl_->mutex);
    auto at = impl_->counters.find(counter);
    if (at == impl_->counters.end()) {
      if (impl_->counters.size() >= kNamesMax) return;
      prometheus::Counter* made = nullptr;
      try {
        made = &prometheus::BuildCounter().Name(FamilyName(counter, "_total")).Register(impl_->registry).Add({});
      } catch (const std::exception&) {
        // The name is a gauge's already.
      }
      at = impl_->counters.emplace(counter, made).first;
    }
    found = at->second;
  }
  if (found != nullptr) found->Increment(static_cast<double>(delta));
}

void PrometheusMetrics::Set(std::string_view gauge, int64_t value) {
  prometheus::Gauge* found = nullptr;
  {
    MutexLock lock(impl_->mutex);
    auto at = impl_->gauges.find(gauge);
    if (at == impl_->gauges.end()) {
      if (impl_->gauges.size() >= kNamesMax) return;
      prometheus::Gauge* made = nullptr;
      try {
        made = &prometheus::BuildGauge().Name(FamilyName(gauge, "")).Register(impl_->registry).Add({});
      } catch (const std::exception&) {
        // The name is a counter's already.
      }
      at = impl_->gauges.emplace(gauge, made).first;
    }
    found = at->second;
  }
  if (found != nullptr) found->Set(static_cast<double>(value));
}

std::string PrometheusMetrics::Text() const {
  return prometheus::TextSerializer().Serialize(impl_->registry.Collect());
}

}  // namespace tidegate::api
