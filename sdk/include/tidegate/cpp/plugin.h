// The one exported function and the note of a plugin written in C++:
//
//   TIDEGATE_PLUGIN("storage-memory", TG_STORAGE_KIND, "0.1.0", R"({"type":"object"})",
//                   tidegate::sdk::StoragePlugin<MemoryStorage>);
//
// at global scope of one source file. The id is the file's name without ".so"; the fourth argument is
// the JSON Schema of the configuration, as a string literal; one adapter for each interface follows.
// Thread safety: as the tables. Ownership: static data of the plugin.
#pragma once

#include <string_view>

#include "tidegate/note.h"
#include "tidegate/plugin.h"

namespace tidegate::sdk::detail {

template <typename... Adapters>
const void* InterfaceGet(const char* id) noexcept {
  const void* table = nullptr;
  // Matched exactly: "/1-draft" and "/1" are different interfaces.
  ((table == nullptr && std::string_view(id) == Adapters::kId ? void(table = &Adapters::kTable) : void()), ...);
  return table;
}

template <typename... Adapters>
inline constexpr tg_plugin kPlugin{sizeof(tg_plugin), 0, &InterfaceGet<Adapters...>};

template <typename First, typename...>
inline constexpr std::string_view kFirstKind = First::kKind;

}  // namespace tidegate::sdk::detail

#define TIDEGATE_PLUGIN(id_, kind_, version_, schema_json_, ...)                                              \
  static_assert(tidegate::sdk::detail::kFirstKind<__VA_ARGS__> == (kind_), "the kind is not the adapter's");  \
  static_assert(sizeof(id_) > 1 && sizeof(id_) <= TG_NOTE_ID_SIZE, "the id is empty or too long");            \
  static_assert(sizeof(version_) > 1 && sizeof(version_) <= TG_NOTE_VERSION_SIZE, "the version is too long"); \
  TG_PLUGIN_NOTE(id_, kind_, version_, schema_json_);                                                         \
  extern "C" TG_EXPORT const tg_plugin* tg_plugin_entry_v1(void) {                                            \
    return &tidegate::sdk::detail::kPlugin<__VA_ARGS__>;                                                      \
  }                                                                                                           \
  static_assert(true)
