// What a FakeNode keeps, shared by its parts.
// Thread safety: members say which mutex guards them. Ownership: owned by its node.
#pragma once

#include <map>
#include <string>
#include <tuple>

#include "host/api/fake_node.h"
#include "host/core/no_storage.h"

namespace tidegate::api {
namespace fake {

inline constexpr AgentId kSelf = 7;

// Only there to carry the fake to the members of Reader that it defines.
class Storage : public core::NoStorage {
 public:
  explicit Storage(const FakeNode& fake) : NoStorage(Status::Internal("the fake node has no storage")), node(fake) {}

  const FakeNode& node;
};

class NoClock : public core::Clock {
 public:
  int64_t unix_ms() const override { return 0; }
  int64_t monotonic_us() const override { return 0; }
};

// The text of `id` in the JSON of properties.
Result<std::string> IdOf(std::string_view properties, const std::string& what);

}  // namespace fake

struct FakeNode::Data {
  explicit Data(const FakeNode& node) : storage(node), catalog(nullptr), reader(storage, catalog, clock, fake::kSelf) {}

  using Key = std::tuple<std::string, AgentId, std::string>;  // model, owner, id
  fake::Storage storage;
  replica::CatalogHolder catalog;
  fake::NoClock clock;
  replica::Reader reader;

  mutable Mutex mutex;
  std::map<Key, std::string> items TG_GUARDED_BY(mutex);
  uint64_t seq TG_GUARDED_BY(mutex) = 0;
  uint32_t level TG_GUARDED_BY(mutex) = 2;
  bool healthy TG_GUARDED_BY(mutex) = true;
  bool confirmed TG_GUARDED_BY(mutex) = false;
  bool sync_reaches TG_GUARDED_BY(mutex) = true;
  node::SyncAnswer sync_answer TG_GUARDED_BY(mutex);
  bool hold_syncs TG_GUARDED_BY(mutex) = false;
  bool child_off TG_GUARDED_BY(mutex) = false;
  bool links_off TG_GUARDED_BY(mutex) = false;
  node::LinkSyncRequest link_sync TG_GUARDED_BY(mutex);

  mutable Mutex watch_mutex;  // held during callbacks: Unwatch waits for them
  std::map<uint64_t, node::WatchFn> watchers TG_GUARDED_BY(watch_mutex);
  uint64_t last_watch TG_GUARDED_BY(watch_mutex) = 0;

  Status Apply(const replica::Write& write, replica::Written* written) TG_EXCLUDES(mutex);
  void Tell(uint8_t kind, const Key& key, const std::string& body, uint64_t at, AgentId via);
};

}  // namespace tidegate::api
