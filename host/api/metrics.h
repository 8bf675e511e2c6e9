// PrometheusMetrics: counters and gauges by name, and the text of /metrics.
// Thread safety: every function from any thread. Ownership: owns its registry.
#pragma once

#include <memory>
#include <string>

#include "host/core/metrics.h"

namespace tidegate::api {

class PrometheusMetrics : public core::Metrics {
 public:
  PrometheusMetrics();
  ~PrometheusMetrics() override;

  // Names are made to fit Prometheus: "tidegate_" in front, other characters become '_'. Counters get
  // "_total" behind. A name that is both a counter and a gauge keeps the first of the two.
  void Add(std::string_view counter, uint64_t delta) override;
  void Set(std::string_view gauge, int64_t value) override;

  std::string Text() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace tidegate::api
