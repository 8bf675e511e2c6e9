// The head of every table, made from a class: construction is create, destruction is destroy.
//
//   class T {
//     T(const Host& host, std::string_view config_json);  // checks the configuration; no I/O, no threads
//     void Stop(uint64_t deadline_ms);                    // optional: joins every thread
//   };
//
// Thread safety: [control] calls only. Ownership: the host holds the instance between create and destroy.
#pragma once

#include <memory>

#include "tidegate/cpp/error.h"
#include "tidegate/cpp/host.h"

namespace tidegate::sdk::detail {

template <typename T>
T& Self(void* self) {
  return *static_cast<T*>(self);
}

template <typename T>
tg_code Create(const tg_host* host, tg_str config_json, void** self, tg_error* error) noexcept {
  *self = nullptr;
  return Guard("create", error, [&] { *self = std::make_unique<T>(Host(host), View(config_json)).release(); });
}

template <typename T>
tg_code Stop(void* self, uint64_t deadline_ms, tg_error* error) noexcept {
  return Guard("stop", error, [&] {
    if constexpr (requires(T& t) { t.Stop(deadline_ms); }) return Self<T>(self).Stop(deadline_ms);
  });
}

template <typename T>
void Destroy(void* self) noexcept {
  delete static_cast<T*>(self);
}

template <typename T, typename Table>
constexpr tg_lifecycle Lifecycle() {
  return {static_cast<uint32_t>(sizeof(Table)), 0, &Create<T>, &Stop<T>, &Destroy<T>};
}

}  // namespace tidegate::sdk::detail
