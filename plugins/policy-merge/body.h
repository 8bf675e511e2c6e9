// The canonical body of an item (docs/format/item.md), taken apart into its fields and put together again.
// Values stay the text that they are.
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace policy_merge {

// Values by name. Empty if it is no JSON object.
std::optional<std::map<std::string, std::string>> ReadBody(std::string_view body);

// A name as JSON text, with the escapes of a canonical body.
std::string Quoted(std::string_view name);

}  // namespace policy_merge
