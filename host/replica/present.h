// An item as local programs see it: its fields, and _type, _owner, _src, _dst, _version.
// Thread safety: pure functions. Ownership: results own their text.
#pragma once

#include <string>

#include "host/replica/catalog.h"
#include "tidegate/change.h"

namespace tidegate::replica {

// Empty for tombstones and evicts. An item whose model is not known shows its stored body.
std::string PresentChange(const Catalog& catalog, const tg_change& change, bool hidden);

// JSON text of a string, with the quotes.
std::string JsonText(std::string_view text);

}  // namespace tidegate::replica
