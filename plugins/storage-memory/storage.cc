#include "storage.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <map>

namespace tidegate::memory {
namespace {

// The configuration has one optional member, a number, and the host has checked it against the
// schema in plugin.cc: no JSON library is needed to find it.
uint64_t ItemsMax(std::string_view config) {
  constexpr std::string_view kName = "\"items_max\"";
  const size_t at = config.find(kName);
  if (at == std::string_view::npos) return 0;
  const size_t digits = config.find_first_not_of(" \t\r\n:", at + kName.size());
  uint64_t value = 0;
  if (digits == std::string_view::npos ||
      std::from_chars(config.data() + digits, config.data() + config.size(), value).ec != std::errc())
    throw sdk::Error(TG_INVALID, "items_max: must be a whole number; give the most rows the storage may hold");
  return value;
}

}  // namespace

MemoryStorage::MemoryStorage(const sdk::Host&, std::string_view config_json) : items_max_(ItemsMax(config_json)) {}

MemoryStorage::MemoryStorage(const MemoryStorage& other) {
  std::shared_lock lock(other.mutex_);
  items_max_ = other.items_max_;
  replica_ = other.replica_;
}

sdk::Status MemoryStorage::Start(const tg_storage_open& open, tg_storage_info& info) {
  std::unique_lock lock(mutex_);
  if (started_) return {TG_CONFLICT, "the storage is started already; stop it first"};
  for (const tg_epoch& known : replica_.epochs)
    if (known.epoch == open.epoch)
      return {TG_CONFLICT, "the epoch was used before; make a new random one at each start"};
  const bool created = replica_.epochs.empty();
  if (created) std::memcpy(replica_.id, open.new_replica, sizeof replica_.id);
  replica_.BeginEpoch(open.epoch);
  started_ = true;
  std::memcpy(info.replica, replica_.id, sizeof info.replica);
  info.created = created ? 1 : 0;
  info.head = replica_.head;
  return {};
}

void MemoryStorage::Stop(uint64_t) {
  std::unique_lock lock(mutex_);
  started_ = false;
}

std::shared_lock<std::shared_mutex> MemoryStorage::Read() const {
  std::shared_lock lock(mutex_);
  if (!started_) throw sdk::Error(TG_UNAVAILABLE, "the storage is not started");
  return lock;
}

void MemoryStorage::Scopes(const sdk::ScopeSink& sink) {
  std::map<std::pair<uint64_t, std::string>, tg_scope> scopes;
  {
    auto lock = Read();
    for (const auto& [place, row] : replica_.rows) {
      if (!place.index.empty()) break;
      tg_scope& scope = scopes[{place.key.owner, std::string(sdk::View(row->change().model))}];
      ++(row->live() ? scope.items : scope.tombstones);
    }
  }
  for (auto& [name, scope] : scopes) {
    scope.owner = name.first;
    scope.model = sdk::Str(name.second);
    if (!sink(scope)) return;
  }
}

sdk::Status MemoryStorage::MetaGet(std::string_view key, const sdk::MetaSink& sink) {
  std::string value;
  {
    auto lock = Read();
    auto found = replica_.metas.find(key);
    if (found == replica_.metas.end()) return {TG_NOT_FOUND, "no meta entry " + std::string(key)};
    value = found->second;
  }
  (void)sink(key, value);
  return {};
}

void MemoryStorage::MetaScan(std::string_view prefix, const sdk::MetaSink& sink) {
  std::vector<std::pair<std::string, std::string>> entries;
  {
    auto lock = Read();
    for (auto it = replica_.metas.lower_bound(prefix); it != replica_.metas.end() && it->first.starts_with(prefix);
         ++it)
      entries.push_back(*it);
  }
  for (const auto& [key, value] : entries)
    if (!sink(key, value)) return;
}

void MemoryStorage::Stats(tg_storage_stats& stats) {
  auto lock = Read();
  stats.items = replica_.items;
  stats.tombstones = replica_.tombstones;
  stats.bytes_used = replica_.bytes;
}

}  // namespace tidegate::memory
