#include "mutation.h"

#include <string>

namespace tidegate::sqlite {
namespace {

constexpr uint64_t kTextMax = 512ull << 20;  // well below what SQLite takes in one row

uint64_t TextOf(const tg_change& change) {
  uint64_t size = change.model.size + change.body.size + change.policy_meta.size + change.extra.size;
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    const tg_index_key& key = change.index_keys[i];
    size += key.index.size + key.hash.size + key.sort.size;
  }
  return size;
}

}  // namespace

void CheckMutations(const tg_group& group, std::vector<const tg_mutation*>& mutations) {
  const size_t before = mutations.size();
  sdk::CheckMutations(group, mutations);
  for (size_t i = before; i < mutations.size(); ++i) {
    if (mutations[i]->op != TG_OP_PUT || TextOf(*mutations[i]->change) <= kTextMax) continue;
    const tg_key& key = mutations[i]->change->key;
    throw sdk::Error(TG_INVALID, "put of " + std::string(sdk::View(key.pk)) + "/" + std::string(sdk::View(key.sk)) +
                                     ": larger than 512 MiB");
  }
}

}  // namespace tidegate::sqlite
