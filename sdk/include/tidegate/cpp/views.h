// Between std::string_view and the views of the plugin boundary.
// Thread safety: plain functions. Ownership: results point into their arguments.
#pragma once

#include <string_view>

#include "tidegate/types.h"

namespace tidegate::sdk {

inline tg_str Str(std::string_view text) { return {text.data(), text.size()}; }
inline tg_bytes Bytes(std::string_view bytes) { return {reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()}; }
inline std::string_view View(tg_str text) { return {text.data, text.size}; }
inline std::string_view View(tg_bytes bytes) { return {reinterpret_cast<const char*>(bytes.data), bytes.size}; }

}  // namespace tidegate::sdk
