#include "host/core/change_arena.h"

#include <cstring>

#include "host/base/views.h"

namespace tidegate::core {

std::string_view ChangeArena::Copy(std::string_view text) {
  if (text.empty()) return {};
  char* to = static_cast<char*>(memory_->allocate(text.size(), 1));
  std::memcpy(to, text.data(), text.size());
  return {to, text.size()};
}

tg_str ChangeArena::Copy(tg_str text) { return Str(Copy(View(text))); }
tg_bytes ChangeArena::Copy(tg_bytes bytes) { return Bytes(Copy(View(bytes))); }

tg_index_key* ChangeArena::IndexKeys(size_t count) {
  if (count == 0) return nullptr;
  return static_cast<tg_index_key*>(memory_->allocate(count * sizeof(tg_index_key), alignof(tg_index_key)));
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
  memory_.swap(other.memory_);
  held_.swap(other.held_);
}

}  // namespace tidegate::core
