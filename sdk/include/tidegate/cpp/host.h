// What the host offers, in C++: log, metrics, clock, node. Each is usable also when the host has no
// such service: logging does nothing then, the clock answers 0.
// Thread safety: every method may be called from any thread. Ownership: copyable views of the host's
// tables, valid until destroy (the destructor of the plugin class) has returned.
#pragma once

#include <cstddef>
#include <string_view>

#include "tidegate/cpp/views.h"
#include "tidegate/plugin.h"
#include "tidegate/services.h"

// Whether a table reaches as far as a member: newer members exist only if struct_size covers them.
#define TIDEGATE_HAS_MEMBER(table, member)                                                                         \
  ((table)->struct_size >=                                                                                         \
   static_cast<uint64_t>(reinterpret_cast<const char*>(&(table)->member) - reinterpret_cast<const char*>(table)) + \
       sizeof((table)->member))

namespace tidegate::sdk {

// Lines go to the daemon's log with the plugin's id. Put no secrets into them.
class Log {
 public:
  explicit Log(const tg_log_v1* table) : table_(table) {}

  void Error(std::string_view message) const { Write(TG_LOG_ERROR, message); }
  void Warning(std::string_view message) const { Write(TG_LOG_WARNING, message); }
  void Info(std::string_view message) const { Write(TG_LOG_INFO, message); }
  void Debug(std::string_view message) const { Write(TG_LOG_DEBUG, message); }

 private:
  void Write(uint32_t level, std::string_view message) const {
    if (table_ != nullptr) table_->write(table_->ctx, level, Str(message));
  }
  const tg_log_v1* table_;
};

// Names: lower case and underscores; the host puts the instance's name in front.
class Metrics {
 public:
  explicit Metrics(const tg_metrics_v1* table) : table_(table) {}

  void CounterAdd(std::string_view name, uint64_t delta = 1) const {
    if (table_ != nullptr) table_->counter_add(table_->ctx, Str(name), delta);
  }
  void GaugeSet(std::string_view name, int64_t value) const {
    if (table_ != nullptr) table_->gauge_set(table_->ctx, Str(name), value);
  }

 private:
  const tg_metrics_v1* table_;
};

class Clock {
 public:
  explicit Clock(const tg_clock_v1* table) : table_(table) {}

  int64_t unix_ms() const { return table_ == nullptr ? 0 : table_->unix_ms(table_->ctx); }
  int64_t monotonic_us() const { return table_ == nullptr ? 0 : table_->monotonic_us(table_->ctx); }

 private:
  const tg_clock_v1* table_;
};

class Host {
 public:
  explicit Host(const tg_host* host) : host_(host) {}

  Log log() const { return Log(service<tg_log_v1>(TG_LOG_ID)); }
  Metrics metrics() const { return Metrics(service<tg_metrics_v1>(TG_METRICS_ID)); }
  Clock clock() const { return Clock(service<tg_clock_v1>(TG_CLOCK_ID)); }
  // Null if the host does not say who it is.
  const tg_node_v1* node() const { return service<tg_node_v1>(TG_NODE_ID); }

  // The table of a service, or null. Table is the struct that belongs to id; a table shorter than
  // this plugin knows it is still given: check newer members with TIDEGATE_HAS_MEMBER.
  template <typename Table>
  const Table* service(const char* id) const {
    if (host_ == nullptr || host_->service == nullptr) return nullptr;
    return static_cast<const Table*>(host_->service(host_->ctx, id));
  }

 private:
  const tg_host* host_;
};

}  // namespace tidegate::sdk
