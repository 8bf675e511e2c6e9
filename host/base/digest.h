// The digest of a change: what reconcile and verify compare. docs/format/digest.md fixes it, so that
// anybody can recompute one with sqlite3 and sha256sum.
// Thread safety: functions without state shared between threads. Ownership: none.
#pragma once

#include <cstdint>
#include <string_view>

#include "tidegate/change.h"

namespace tidegate {

// The first 8 bytes of SHA-256 (FIPS 180-4), as a big-endian number.
uint64_t Sha256Prefix(std::string_view bytes);

// Of model, owner, pk, sk, kind, version and policy_meta.
uint64_t ChangeDigest(const tg_change& change);

}  // namespace tidegate
