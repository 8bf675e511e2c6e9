// Items of a model: from what a user gives to the canonical body, keys and index keys that are stored and
// sent, and back. docs/format/item.md fixes the body. Deterministic: time and randomness come in.
//
// Thread safety: functions without shared state; a Model may be used by many threads. Ownership: results
// own their text; IndexKey::index points into the Model.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"
#include "host/base/ulid.h"
#include "host/schema/schema.h"

namespace tidegate {

inline constexpr size_t kItemBytesMax = 400 * 1024;
inline constexpr size_t kPkBytesMax = 2048;
inline constexpr size_t kSkBytesMax = 1024;
inline constexpr size_t kItemDepthMax = 32;  // nesting of objects and arrays

// What an item's envelope says: templates, index keys and filters see it as _src, _dst and _owner.
struct Envelope {
  uint64_t src = 0;
  uint64_t dst = 0;
  uint64_t owner = 0;
};

// What writing an item needs from outside. ulid and random may be null where the model generates nothing.
struct ItemContext {
  int64_t now_ms = 0;
  UlidGenerator* ulid = nullptr;
  const std::function<uint64_t()>* random = nullptr;  // 64 random bits at each call
  Envelope envelope;
  // A JSON object of properties that every item of this node gets where its model has such a field; they
  // win over what the caller gives. Empty = none.
  std::string_view properties;
  // Of an upsert that replaces an item: its body, whose `created` is kept. Empty = none.
  std::string_view held_body;
};

struct IndexKey {
  std::string_view index;
  std::string hash;
  std::string sort;  // empty if the index has no sort key
};

struct EncodedItem {
  std::string body;
  std::string pk;
  std::string sk;  // empty if the table has no sort key
  std::vector<IndexKey> index_keys;
  int64_t expires_ms = 0;  // 0 = never
};

enum class PutMode { kCreate, kUpsert };

// Makes an item from a JSON object of properties: context, defaults and generated values, conversion,
// templates, checks. The names _src, _dst, _owner, _version and the type field are passed over, other
// properties that the model does not have are an error. kInvalid names the model and the field.
Result<EncodedItem> Encode(const Model& model, std::string_view json, PutMode mode, const ItemContext& context);

// Merges a JSON object into a held body (null removes a field; a given nested object or array replaces the
// old one) and makes the item anew, every template from the whole item. pk and sk may come out different
// where the patch changes what they are made of: that is for the caller to see.
Result<EncodedItem> Update(const Model& model, std::string_view held_body, std::string_view patch_json,
                           const ItemContext& context);

struct ItemKey {
  std::string pk;
  std::string sk;
};

// What the context of a node (a JSON object or empty) does to the properties of a key: it wins over them where
// an item is made, as in Encode; where an item is looked for, it only stands in for what they leave out.
struct KeyContext {
  std::string_view properties = {};
  bool wins = false;
};

// The key that properties (a JSON object) name; an error says which field it lacks.
Result<ItemKey> KeyFromProperties(const Model& model, std::string_view json, const KeyContext& context = {});

// Of an item as Present shows it: the properties that the key of the other model's items is made of, as JSON.
Result<std::string> KeyPropertiesFor(const Model& to, std::string_view shown);

// One condition on a found item. Text is compared by bytes, numbers as numbers.
struct FilterTerm {
  enum class Op : uint8_t { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kBegins };
  std::string field;  // of the model, or _src, _dst, _owner
  Op op = Op::kEqual;
  std::string value;  // canonical JSON, in the stored form of the field
};

// How to find what properties describe: which keys to walk, and what to test on each item.
struct FindPlan {
  std::string index;      // empty = primary
  bool has_hash = false;  // false: all items of the model
  std::string hash;
  bool exact = false;     // of the primary key: at most one item for each owner
  std::string sort_from;  // inclusive; equal to the sort key when exact
  std::string sort_to;    // exclusive; empty = no bound
  std::vector<FilterTerm> filter;
};

// Plans a find. A sort template that lacks values is cut at its first open variable and becomes a prefix.
// A property's value may be an object of operators: {begins, "<", "<=", ">", ">=", "<>", between: [a, b]}.
// kInvalid: no such index, no such field, or an index whose hash the properties do not give.
Result<FindPlan> PlanFind(const Model& model, std::string_view json, std::string_view index = {});

// True if the item passes every term. A body that cannot be read passes none.
bool Matches(const Model& model, std::string_view body, const Envelope& envelope,
             const std::vector<FilterTerm>& filter);

struct Admitted {
  std::vector<IndexKey> index_keys;
  int64_t expires_ms = 0;
};

// What a receiver that knows the schema does with an item, in one pass: checks the body (form, types,
// required, enum, validate), that the key templates give pk and sk, and returns index keys and expiry.
// Attributes that the model does not have are let through: a newer schema may have written them.
Result<Admitted> Admit(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
                       const Envelope& envelope);
Status Check(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
             const Envelope& envelope);

// Index keys and expiry alone, as from Admit; nothing for a body that cannot be read.
std::vector<IndexKey> IndexKeys(const Model& model, std::string_view body, const Envelope& envelope);
int64_t ExpiresMs(const Model& model, std::string_view body);

// The item as a user sees it: a JSON object in the order of the schema, by property names. Hidden fields
// (and values made by templates, which are hidden too) only with_hidden.
Result<std::string> Present(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
                            const Envelope& envelope, bool with_hidden = false);

}  // namespace tidegate
