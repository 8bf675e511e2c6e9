// From the values of an item to what is made of them: template values, keys, index keys, expiry. Internal
// to host/schema.
// Thread safety: functions without shared state. Ownership: made values live in the pool given.
#pragma once

#include <bitset>
#include <string>
#include <vector>

#include "host/schema/item.h"
#include "host/schema/item_values.h"

namespace tidegate {

// What is known of the envelope: a search may know only some of it.
struct KnownEnvelope {
  Envelope envelope;
  bool src = true;
  bool dst = true;
  bool owner = true;
};

struct Rendered {
  bool complete = true;
  std::string_view missing;  // the variable where it stopped
};

// Appends the text of a template up to its first variable without a value.
Rendered Render(const ModelRules& rules, const Field& field, const Slots& slots, const KnownEnvelope& known,
                std::string* out);

using FieldSet = std::bitset<kFieldsMax>;

// Gives every template field without a value its own; *made names those. A field that has a value keeps
// it, and is in *made too if that is what its template gives.
void RenderAll(const ModelRules& rules, const KnownEnvelope& known, JsonPool* pool, Slots* slots, FieldSet* made);

// The values of a stored body. Its names must be in order, which makes this one walk; extra (if not null)
// gets the members that the model does not have.
Status FillFromBody(const FieldList& list, JsonDocument* root, Slots* slots,
                    std::vector<JsonValue::Member*>* extra = nullptr);

// The text of an index key attribute; false if the item has none.
bool AppendKeyPart(const ModelRules& rules, const KeyPart& part, const Slots& slots, const KnownEnvelope& known,
                   std::string* out);

Status CheckKey(std::string_view key, size_t bytes_max, std::string_view what);
Status MakeIndexKeys(const ModelRules& rules, const Slots& slots, const Envelope& envelope,
                     std::vector<IndexKey>* keys);
int64_t MakeExpiresMs(const ModelRules& rules, const Slots& slots);

// What is said of a property that the model does not have.
Status NoSuchField(const ModelRules& rules, std::string_view name);

// The Status of an item with its model in front.
inline Status OfModel(const ModelRules& rules, const Status& status) { return status.At("model " + rules.name); }

}  // namespace tidegate
