#include "row.h"

namespace tidegate::memory {
namespace {

uint64_t TextSize(const tg_change& change) {
  uint64_t size = change.model.size + change.key.pk.size + change.key.sk.size + change.body.size +
                  change.policy_meta.size + change.extra.size;
  for (uint32_t i = 0; i < change.index_key_count; ++i) {
    const tg_index_key& key = change.index_keys[i];
    size += key.index.size + key.hash.size + key.sort.size;
  }
  return size;
}

}  // namespace

Row::Row(const tg_change& change) : change_(change) {
  text_.reserve(TextSize(change));  // never moves again: the views stay valid
  auto keep = [this](auto& view) {
    const size_t at = text_.size();
    text_ += sdk::View(view);
    view.data = reinterpret_cast<decltype(view.data)>(text_.data() + at);
  };
  keep(change_.model);
  keep(change_.key.pk);
  keep(change_.key.sk);
  keep(change_.body);
  keep(change_.policy_meta);
  keep(change_.extra);
  if (change.index_key_count != 0) index_keys_.assign(change.index_keys, change.index_keys + change.index_key_count);
  for (tg_index_key& key : index_keys_) {
    keep(key.index);
    keep(key.hash);
    keep(key.sort);
  }
  change_.struct_size = sizeof change_;
  change_.index_keys = index_keys_.data();
}

std::vector<Place> Row::Places() const {
  std::vector<Place> places{{{}, {}, {}, key()}};
  if (live()) {
    for (const tg_index_key& k : index_keys_)
      places.push_back({sdk::View(k.index), sdk::View(k.hash), sdk::View(k.sort), key()});
  }
  return places;
}

}  // namespace tidegate::memory
