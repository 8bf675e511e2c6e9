#include "host/core/change_arena.h"

#include <cstring>
#include <new>
#include <utility>

#include "host/base/views.h"

namespace tidegate::core {

void* ChangeArena::Allocate(size_t bytes, size_t alignment) {
  if (bytes > kBlockBytes / 4) return large_.emplace_back(new std::byte[bytes]).get();
  size_t at = (used_ + alignment - 1) / alignment * alignment;
  if (blocks_.empty() || at + bytes > kBlockBytes) {
    if (!blocks_.empty()) ++current_;
    if (current_ == blocks_.size()) blocks_.emplace_back(new std::byte[kBlockBytes]);
    at = 0;
  }
  used_ = at + bytes;
  return blocks_[current_].get() + at;
}

std::string_view ChangeArena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = static_cast<char*>(Allocate(text.size(), 1));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

tg_str ChangeArena::Copy(tg_str text) { return Str(Copy(View(text))); }
tg_bytes ChangeArena::Copy(tg_bytes bytes) { return Bytes(Copy(View(bytes))); }

tg_change* ChangeArena::New(const tg_change& change) {
  return new (Allocate(sizeof change, alignof(tg_change))) tg_change(change);
}

tg_index_key* ChangeArena::IndexKeys(size_t count) {
  if (count == 0) return nullptr;
  return static_cast<tg_index_key*>(Allocate(count * sizeof(tg_index_key), alignof(tg_index_key)));
}

tg_change ChangeArena::Copy(const tg_change& change) {
  tg_change copy = change;
  copy.model = Copy(change.model);
  copy.key.pk = Copy(change.key.pk);
  copy.key.sk = Copy(change.key.sk);
  copy.body = Copy(change.body);
  copy.policy_meta = Copy(change.policy_meta);
  copy.extra = Copy(change.extra);
  tg_index_key* keys = IndexKeys(change.index_key_count);
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    const tg_index_key& from = change.index_keys[i];
    keys[i] = {Copy(from.index), Copy(from.hash), Copy(from.sort)};
  }
  copy.index_keys = keys;
  return copy;
}

void ChangeArena::Swap(ChangeArena& other) {
  blocks_.swap(other.blocks_);
  large_.swap(other.large_);
  held_.swap(other.held_);
  std::swap(current_, other.current_);
  std::swap(used_, other.used_);
}

void ChangeArena::Clear() {
  if (blocks_.size() > kBlocksKept) blocks_.resize(kBlocksKept);
  large_.clear();
  held_.clear();
  current_ = used_ = 0;
}

}  // namespace tidegate::core
