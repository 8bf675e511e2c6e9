// Where a find goes on, as text: a storage's cursor is bytes of its own choice, which JSON and a URL cannot carry.
// Thread safety: plain functions. Ownership: none.
#pragma once

#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate::api {

std::string CursorToText(std::string_view bytes);  // two hexadecimal digits a byte
Result<std::string> CursorFromText(std::string_view text);

}  // namespace tidegate::api
