#include <array>
#include <cstring>
#include <unordered_map>

#include "host/base/views.h"
#include "host/wire/change_fields.h"
#include "host/wire/change_list.h"
#include "host/wire/proto_reader.h"

namespace tidegate::wire {
namespace {

// Index of each distinct value, in the order of first sight. The value of the change before is the usual one.
template <typename Key, typename Hash = std::hash<Key>>
class Table {
 public:
  uint32_t Index(const Key& key) {
    if (!keys_.empty() && keys_[last_] == key) return last_;
    auto [place, added] = index_.try_emplace(key, static_cast<uint32_t>(keys_.size()));
    if (added) keys_.push_back(key);
    return last_ = place->second;
  }
  const std::vector<Key>& keys() const { return keys_; }

 private:
  std::vector<Key> keys_;
  std::unordered_map<Key, uint32_t, Hash> index_;
  uint32_t last_ = 0;
};

struct Origin {
  uint64_t agent;
  uint64_t epoch;
  bool operator==(const Origin&) const = default;
};
struct OriginHash {
  size_t operator()(const Origin& o) const { return std::hash<uint64_t>()(o.epoch ^ o.agent * 0x9e3779b97f4a7c15u); }
};

constexpr size_t kVarintMax = 10;
// The tags and numbers of a change, everything but the bytes of its views.
constexpr size_t kChangeOverheadMax = 16 * (2 + kVarintMax);

// Writes into memory known to be large enough.
class Writer {
 public:
  explicit Writer(char* at) : at_(at) {}
  char* at() const { return at_; }
  void Varint(uint64_t value) {
    while (value >= 0x80) {
      *at_++ = static_cast<char>(value | 0x80);
      value >>= 7;
    }
    *at_++ = static_cast<char>(value);
  }
  void Number(uint32_t field, uint64_t value) {
    *at_++ = static_cast<char>(field << 3);
    Varint(value);
  }
  void NonZero(uint32_t field, uint64_t value) {
    if (value != 0) Number(field, value);
  }
  void View(uint32_t field, std::string_view view) {
    *at_++ = static_cast<char>(field << 3 | 2);
    Varint(view.size());
    Raw(view);
  }
  void NonEmpty(uint32_t field, std::string_view view) {
    if (!view.empty()) View(field, view);
  }
  void Raw(std::string_view view) {
    if (view.empty()) return;
    std::memcpy(at_, view.data(), view.size());
    at_ += view.size();
  }
  // Puts the size in front of what is written since `start`, where kSizeGuess bytes were left for it.
  static constexpr size_t kSizeGuess = 2;
  void CloseSized(char* start) {
    char* content = start + kSizeGuess;
    auto size = static_cast<size_t>(at_ - content);
    char prefix[kVarintMax];
    Writer prefix_writer(prefix);
    prefix_writer.Varint(size);
    auto prefix_size = static_cast<size_t>(prefix_writer.at() - prefix);
    if (prefix_size != kSizeGuess) std::memmove(start + prefix_size, content, size);
    std::memcpy(start, prefix, prefix_size);
    at_ = start + prefix_size + size;
  }
  char* OpenSized(uint32_t field) {
    *at_++ = static_cast<char>(field << 3 | 2);
    char* start = at_;
    at_ += kSizeGuess;
    return start;
  }

 private:
  char* at_;
};

// How many changes from i on are of one transaction; 0 if i does not begin one of two or more.
size_t RunSize(const std::vector<tg_change>& changes, size_t i) {
  auto same = [&](size_t a, size_t b) {
    return changes[a].run_first == changes[b].run_first && changes[a].run_last == changes[b].run_last;
  };
  if (changes[i].run_first >= changes[i].run_last || (i > 0 && same(i, i - 1))) return 0;
  size_t end = i + 1;
  while (end < changes.size() && same(i, end)) ++end;
  return end - i > 1 ? end - i : 0;
}

// The (direction, lane) that most changes have, as direction * 256 + lane.
size_t UsualClass(const std::vector<tg_change>& changes) {
  std::unordered_map<size_t, size_t> counts;
  size_t usual = 0;
  size_t usual_count = 0;
  size_t last = SIZE_MAX;
  size_t* count = nullptr;
  for (const tg_change& change : changes) {
    size_t group = change.direction * size_t{256} + change.lane;
    if (group != last) count = &counts[last = group];
    if (++*count > usual_count) {
      usual = group;
      usual_count = *count;
    }
  }
  return usual;
}

struct Numbers {
  uint32_t model;
  uint32_t origin;
  uint32_t owner;
};

void WriteChange(const tg_change& change, const tg_change* before, const Numbers& numbers, size_t usual,
                 size_t run_size, Writer* out) {
  using namespace change_field;
  out->NonZero(kModel, numbers.model);
  out->NonZero(kOrigin, numbers.origin);
  out->NonZero(kOwner, numbers.owner);
  uint64_t delta = change.version.hlc - (before != nullptr ? before->version.hlc : 0);
  out->NonZero(kHlc, delta << 1 ^ (0 - (delta >> 63)));
  if (change.kind != TG_CHANGE_ITEM) out->Number(kKind, change.kind);
  if (change.direction != usual / 256) out->Number(kDirection, change.direction);
  if (change.lane != usual % 256) out->Number(kLane, change.lane);
  if (View(change.key.pk) != (before != nullptr ? View(before->key.pk) : std::string_view())) {
    out->View(kPk, View(change.key.pk));
  }
  out->NonEmpty(kSk, View(change.key.sk));
  if (change.src != change.key.owner) out->Number(kSrc, change.src);
  if (change.dst != TG_AGENT_SERVER) out->Number(kDst, change.dst);
  out->NonZero(kExpiresMs, static_cast<uint64_t>(change.expires_ms));
  out->NonEmpty(kBody, View(change.body));
  out->NonEmpty(kPolicyMeta, View(change.policy_meta));
  out->NonZero(kRunSize, run_size);
  if (change.extra.size != 0 && IsFieldSequence(View(change.extra))) out->Raw(View(change.extra));
}

}  // namespace

std::string EncodeChangeList(const std::vector<tg_change>& changes) {
  Table<std::string_view> models;
  Table<Origin, OriginHash> origins;
  Table<uint64_t> owners;
  std::vector<Numbers> numbers;
  numbers.reserve(changes.size());
  size_t size_max = 64;
  for (const tg_change& change : changes) {
    numbers.push_back({models.Index(View(change.model)), origins.Index({change.version.agent, change.version.epoch}),
                       owners.Index(change.key.owner)});
    size_max += kChangeOverheadMax + change.key.pk.size + change.key.sk.size + change.body.size +
                change.policy_meta.size + change.extra.size;
  }
  for (std::string_view model : models.keys()) size_max += 2 * kVarintMax + model.size();
  size_max += 4 * kVarintMax * (origins.keys().size() + owners.keys().size() + 1);

  std::string bytes(size_max, '\0');
  Writer out(bytes.data());
  for (std::string_view model : models.keys()) out.View(list_field::kModels, model);
  for (const Origin& origin : origins.keys()) {
    char* start = out.OpenSized(list_field::kOrigins);
    out.NonZero(origin_field::kAgent, origin.agent);
    if (origin.epoch != 0) {
      std::array<char, 9> epoch{static_cast<char>(origin_field::kEpoch << 3 | 1)};
      for (size_t i = 0; i < 8; ++i) epoch[i + 1] = static_cast<char>(origin.epoch >> (8 * i));
      out.Raw({epoch.data(), epoch.size()});
    }
    out.CloseSized(start);
  }
  if (!owners.keys().empty()) {
    char* start = out.OpenSized(list_field::kOwners);
    for (uint64_t owner : owners.keys()) out.Varint(owner);
    out.CloseSized(start);
  }
  size_t usual = UsualClass(changes);
  out.NonZero(list_field::kDirection, usual / 256);
  out.NonZero(list_field::kLane, usual % 256);
  for (size_t i = 0; i < changes.size(); ++i) {
    char* start = out.OpenSized(list_field::kChanges);
    WriteChange(changes[i], i > 0 ? &changes[i - 1] : nullptr, numbers[i], usual, RunSize(changes, i), &out);
    out.CloseSized(start);
  }
  bytes.resize(static_cast<size_t>(out.at() - bytes.data()));
  return bytes;
}

}  // namespace tidegate::wire
