// What the replica holds of a key, as far as a word about one of its states has to be judged by it.
// Thread safety: the writer thread. Ownership: as values; a key points into its name.
#pragma once

#include "host/base/views.h"
#include "host/core/storage.h"
#include "host/sync/link.h"
#include "host/sync/meta_keys.h"
#include "host/wire/frames.h"

namespace tidegate::node {

// What the replica holds of a key.
struct Held {
  Version version;
  uint64_t seq = 0;
  AgentId via = 0;
};

inline Held HeldOf(const core::Storage& storage, const tg_key& key) {
  Held held;
  Status got = storage.Get(key, [&](const tg_change& change) {
    held = {Version::From(change.version), change.seq, change.via};
    return false;
  });
  return got.ok() ? held : Held();
}

// Whether the neighbour has it in quarantine.
inline bool IsRefused(const sync::Link& link, const tg_change& change) {
  return !link.refused_ours.empty() &&
         link.refused_ours.contains(
             sync::meta::Quarantine(link.agent(), true, change.key.owner, View(change.key.pk), View(change.key.sk)));
}

inline tg_key KeyOf(const wire::RefusedKey& name) { return {name.owner, Str(name.pk), Str(name.sk)}; }

}  // namespace tidegate::node
