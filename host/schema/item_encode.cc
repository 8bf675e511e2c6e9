#include <algorithm>

#include "host/schema/canonical.h"
#include "host/schema/item.h"
#include "host/schema/render.h"

namespace tidegate {
namespace {

// Makes one item: collect the values, convert, complete, check, write.
class Encoder {
 public:
  Encoder(const ModelRules& rules, const ItemContext& context, JsonPool* pool)
      : rules_(rules), context_(context), conversion_{pool, &context, rules.name}, slots_(rules.list.fields.size()) {}

  // A body that is held already: its values are in stored form.
  Status AddHeld(ParsedObject* held) {
    TG_RETURN_IF_ERROR(FillFromBody(rules_.list, &held->root(), &slots_, &extra_));
    for (size_t i = 0; i < rules_.list.fields.size(); ++i) {
      if (slots_[i] != nullptr) stored_.set(i);
    }
    return Status::Ok();
  }

  // Properties from a user. replace: a value there already is replaced (a patch or the context), and null
  // takes it away.
  Status AddGiven(JsonDocument* given, bool only_known) {
    FieldSet seen;
    for (JsonValue::Member& member : given->GetObject()) {
      std::string_view name = TextOf(member.name);
      uint16_t i = rules_.list.Find(name);
      if (i == kNoField) {
        if (only_known || name == rules_.type_field || name == "_type" || IsEnvelopeName(name)) continue;
        return NoSuchField(rules_, name);
      }
      if (seen[i]) return Status::Invalid("field '" + std::string(name) + "' is given twice");
      seen.set(i);
      slots_[i] = &member.value;
      stored_.reset(i);
    }
    return Status::Ok();
  }

  void SetDate(uint16_t field, int64_t ms) {
    if (field == kNoField) return;
    slots_[field] = new (conversion_.pool->Malloc(sizeof(JsonValue))) JsonValue(ms);
    stored_.reset(field);
  }

  void SetStored(uint16_t field, JsonValue* value) {
    slots_[field] = value;
    stored_.set(field);
  }

  // make_absent: absent fields get their defaults and generated values.
  Result<EncodedItem> Finish(bool make_absent) {
    for (size_t i = 0; i < rules_.list.fields.size(); ++i) TG_RETURN_IF_ERROR(Complete(i, make_absent));
    FieldSet made;
    RenderAll(rules_, {context_.envelope}, conversion_.pool, &slots_, &made);
    EncodedItem item;
    TG_RETURN_IF_ERROR(Key(rules_.pk, kPkBytesMax, &item.pk));
    TG_RETURN_IF_ERROR(Key(rules_.sk, kSkBytesMax, &item.sk));
    for (uint16_t i : rules_.template_order) {
      const Field& field = rules_.list.fields[i];
      FieldPath path{nullptr, field.name};
      if (slots_[i] != nullptr) {
        TG_RETURN_IF_ERROR(CheckRules(field, path, *slots_[i]));
      } else if (field.required) {
        return FieldError(path, "is required, and its template lacks a value");
      }
    }
    TG_RETURN_IF_ERROR(MakeIndexKeys(rules_, slots_, context_.envelope, &item.index_keys));
    item.expires_ms = MakeExpiresMs(rules_, slots_);
    TG_RETURN_IF_ERROR(Write(made, &item.body));
    return item;
  }

 private:
  Status Complete(size_t i, bool make_absent) {
    const Field& field = rules_.list.fields[i];
    FieldPath path{nullptr, field.name};
    JsonValue*& slot = slots_[i];
    if (field.value.has_value()) {
      if (slot != nullptr && slot->IsNull()) slot = nullptr;
      return slot == nullptr || stored_[i] ? Status::Ok() : Convert(field, path, conversion_, slot);
    }
    if (slot == nullptr && make_absent) TG_RETURN_IF_ERROR(MakeAbsent(field, path, conversion_, &slot));
    bool is_key = i == rules_.pk || i == rules_.sk;
    if (slot == nullptr || slot->IsNull()) {
      if (!field.nulls) slot = nullptr;
      return field.required && !is_key ? FieldError(path, "is required") : Status::Ok();
    }
    TG_RETURN_IF_ERROR(stored_[i] ? CheckStored(field, path, *slot) : Convert(field, path, conversion_, slot));
    return CheckRules(field, path, *slot);
  }

  Status Key(uint16_t i, size_t bytes_max, std::string* key) {
    if (i == kNoField) return Status::Ok();
    const Field& field = rules_.list.fields[i];
    if (slots_[i] == nullptr || !AppendText(*slots_[i], key)) {
      std::string missing = field.name;
      if (field.value.has_value()) {
        std::string text;
        missing = Render(rules_, field, slots_, {context_.envelope}, &text).missing;
        return Status::Invalid("the key '" + field.name + "' (" + field.value->text + ") needs '" + missing + "'");
      }
      return Status::Invalid("the key field '" + missing + "' is required");
    }
    return CheckKey(*key, bytes_max, "the key '" + field.name + "'");
  }

  Status Write(const FieldSet& made, std::string* body) {
    body->reserve(256);
    *body += '{';
    auto next = extra_.begin();
    auto write_extra = [&](const std::string* up_to) -> Status {
      for (; next != extra_.end() && (up_to == nullptr || TextOf((*next)->name) < *up_to); ++next) {
        if (body->size() > 1) *body += ',';
        AppendJsonString(TextOf((*next)->name), body);
        *body += ':';
        TG_RETURN_IF_ERROR(AppendCanonical((*next)->value, 1, body));
      }
      return Status::Ok();
    };
    for (uint16_t i : rules_.list.by_attribute) {
      if (slots_[i] == nullptr || made[i]) continue;
      const Field& field = rules_.list.fields[i];
      if (next != extra_.end()) TG_RETURN_IF_ERROR(write_extra(&field.attribute));
      if (body->size() > 1) *body += ',';
      *body += field.json_key;
      if (Status status = AppendCanonical(*slots_[i], 1, body); !status.ok()) {
        return status.At("field '" + field.name + "'");
      }
    }
    TG_RETURN_IF_ERROR(write_extra(nullptr));
    *body += '}';
    if (body->size() > kItemBytesMax) {
      return Status::Invalid("the item has " + std::to_string(body->size()) + " bytes; the limit is " +
                             std::to_string(kItemBytesMax));
    }
    return Status::Ok();
  }

  const ModelRules& rules_;
  const ItemContext& context_;
  Conversion conversion_;
  Slots slots_;
  FieldSet stored_;  // slots that hold the stored form already
  std::vector<JsonValue::Member*> extra_;
};

Result<EncodedItem> EncodeInner(const ModelRules& rules, std::string_view json, PutMode mode,
                                const ItemContext& context) {
  ParsedObject given;
  TG_RETURN_IF_ERROR(given.Parse(json, "the item"));
  Encoder encoder(rules, context, &given.pool());
  TG_RETURN_IF_ERROR(encoder.AddGiven(&given.root(), false));
  ParsedObject properties;
  if (!context.properties.empty()) {
    TG_RETURN_IF_ERROR(properties.Parse(context.properties, "the context"));
    TG_RETURN_IF_ERROR(encoder.AddGiven(&properties.root(), true));
  }
  encoder.SetDate(rules.created, context.now_ms);
  encoder.SetDate(rules.updated, context.now_ms);
  ParsedObject held;
  if (mode == PutMode::kUpsert && !context.held_body.empty() && rules.created != kNoField) {
    TG_RETURN_IF_ERROR(held.Parse(context.held_body, "the held item"));
    Slots slots(rules.list.fields.size());
    TG_RETURN_IF_ERROR(FillFromBody(rules.list, &held.root(), &slots));
    if (slots[rules.created] != nullptr) encoder.SetStored(rules.created, slots[rules.created]);
  }
  return encoder.Finish(true);
}

Result<EncodedItem> UpdateInner(const ModelRules& rules, std::string_view held_body, std::string_view patch_json,
                                const ItemContext& context) {
  ParsedObject held;
  ParsedObject patch;
  TG_RETURN_IF_ERROR(held.Parse(held_body, "the held item"));
  TG_RETURN_IF_ERROR(patch.Parse(patch_json, "the patch"));
  Encoder encoder(rules, context, &held.pool());
  TG_RETURN_IF_ERROR(encoder.AddHeld(&held));
  TG_RETURN_IF_ERROR(encoder.AddGiven(&patch.root(), false));
  encoder.SetDate(rules.updated, context.now_ms);
  return encoder.Finish(false);
}

}  // namespace

Result<EncodedItem> Encode(const Model& model, std::string_view json, PutMode mode, const ItemContext& context) {
  auto item = EncodeInner(model.rules(), json, mode, context);
  if (!item.ok()) return OfModel(model.rules(), item.status());
  return item;
}

Result<EncodedItem> Update(const Model& model, std::string_view held_body, std::string_view patch_json,
                           const ItemContext& context) {
  auto item = UpdateInner(model.rules(), held_body, patch_json, context);
  if (!item.ok()) return OfModel(model.rules(), item.status());
  return item;
}

}  // namespace tidegate
