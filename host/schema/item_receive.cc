#include "host/schema/canonical.h"
#include "host/schema/item.h"
#include "host/schema/render.h"

namespace tidegate {
namespace {

Status CheckItem(const ModelRules& rules, const Slots& slots) {
  for (size_t i = 0; i < rules.list.fields.size(); ++i) {
    const Field& field = rules.list.fields[i];
    const JsonValue* value = slots[i];
    FieldPath path{nullptr, field.name};
    if (value == nullptr || value->IsNull()) {
      if (field.required) return FieldError(path, "is required");
      if (value != nullptr && !field.nulls) return FieldError(path, "is null, which this model does not store");
      continue;
    }
    TG_RETURN_IF_ERROR(CheckStored(field, path, *value));
    if (!field.enum_values.empty() || field.validate.has_value()) TG_RETURN_IF_ERROR(CheckRules(field, path, *value));
  }
  return Status::Ok();
}

Status CheckSameKey(const ModelRules& rules, uint16_t i, const Slots& slots, std::string_view key, size_t bytes_max) {
  if (i == kNoField) return key.empty() ? Status::Ok() : Status::Invalid("there is no sort key, but the item has one");
  const Field& field = rules.list.fields[i];
  const JsonValue* value = slots[i];
  bool same = false;
  if (value != nullptr && value->IsString()) {
    same = TextOf(*value) == key;
  } else if (value != nullptr) {
    std::string text;
    same = AppendText(*value, &text) && text == key;
  }
  if (!same) return Status::Invalid("the key '" + field.name + "' is not what the fields give");
  return CheckKey(key, bytes_max, "the key");
}

Result<Admitted> AdmitInner(const ModelRules& rules, std::string_view body, std::string_view pk, std::string_view sk,
                            const Envelope& envelope) {
  ParsedObject parsed;
  TG_RETURN_IF_ERROR(parsed.Parse(body, "body"));
  Slots slots(rules.list.fields.size());
  TG_RETURN_IF_ERROR(FillFromBody(rules.list, &parsed.root(), &slots));
  FieldSet made;
  RenderAll(rules, {envelope}, &parsed.pool(), &slots, &made);
  TG_RETURN_IF_ERROR(CheckItem(rules, slots));
  TG_RETURN_IF_ERROR(CheckSameKey(rules, rules.pk, slots, pk, kPkBytesMax));
  TG_RETURN_IF_ERROR(CheckSameKey(rules, rules.sk, slots, sk, kSkBytesMax));
  Admitted admitted;
  TG_RETURN_IF_ERROR(MakeIndexKeys(rules, slots, envelope, &admitted.index_keys));
  admitted.expires_ms = MakeExpiresMs(rules, slots);
  return admitted;
}

// Names and values as a user knows them, in the order of the schema.
Status AppendNested(const FieldList& list, const JsonValue& value, size_t depth, std::string* out) {
  if (!value.IsObject()) return AppendCanonical(value, depth, out);
  *out += '{';
  bool first = true;
  for (const Field& field : list.fields) {
    auto member = value.FindMember(JsonValue(rapidjson::StringRef(field.attribute.data(), field.attribute.size())));
    if (member == value.MemberEnd() || field.hidden) continue;
    if (!first) *out += ',';
    first = false;
    AppendJsonString(field.name, out);
    *out += ':';
    if (field.nested != nullptr && member->value.IsObject()) {
      TG_RETURN_IF_ERROR(AppendNested(*field.nested, member->value, depth + 1, out));
    } else {
      TG_RETURN_IF_ERROR(AppendCanonical(member->value, depth + 1, out));
    }
  }
  *out += '}';
  return Status::Ok();
}

Status AppendShown(const Field& field, const JsonValue& value, std::string* out) {
  int64_t ms = 0;
  if (field.ttl && DateMs(field, value, &ms)) {
    if (!field.iso_dates) return AppendNumber(static_cast<double>(ms), out), Status::Ok();
    *out += '"';
    AppendIsoDate(ms, out);
    *out += '"';
    return Status::Ok();
  }
  if (field.nested != nullptr && value.IsObject()) return AppendNested(*field.nested, value, 1, out);
  if (field.nested != nullptr && value.IsArray()) {
    *out += '[';
    for (const JsonValue& item : value.GetArray()) {
      if (&item != value.Begin()) *out += ',';
      TG_RETURN_IF_ERROR(AppendNested(*field.nested, item, 2, out));
    }
    *out += ']';
    return Status::Ok();
  }
  return AppendCanonical(value, 1, out);
}

Result<std::string> PresentInner(const ModelRules& rules, std::string_view body, std::string_view pk,
                                 std::string_view sk, const Envelope& envelope, bool with_hidden) {
  ParsedObject parsed;
  TG_RETURN_IF_ERROR(parsed.Parse(body, "body"));
  Slots slots(rules.list.fields.size());
  TG_RETURN_IF_ERROR(FillFromBody(rules.list, &parsed.root(), &slots));
  if (with_hidden || !rules.template_order.empty()) {
    FieldSet made;
    RenderAll(rules, {envelope}, &parsed.pool(), &slots, &made);
  }
  // The key is what the item is stored under, whatever its fields say.
  auto shown_key = [&](uint16_t i, std::string_view key) {
    if (i != kNoField && rules.list.fields[i].value.has_value()) slots[i] = NewText(key, &parsed.pool());
  };
  shown_key(rules.pk, pk);
  shown_key(rules.sk, sk);
  std::string out = "{";
  for (size_t i = 0; i < rules.list.fields.size(); ++i) {
    const Field& field = rules.list.fields[i];
    if (slots[i] == nullptr || (field.hidden && !with_hidden)) continue;
    if (out.size() > 1) out += ',';
    AppendJsonString(field.name, &out);
    out += ':';
    TG_RETURN_IF_ERROR(AppendShown(field, *slots[i], &out));
  }
  return out + "}";
}

}  // namespace

Result<Admitted> Admit(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
                       const Envelope& envelope) {
  auto admitted = AdmitInner(model.rules(), body, pk, sk, envelope);
  if (!admitted.ok()) return OfModel(model.rules(), admitted.status());
  return admitted;
}

Status Check(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
             const Envelope& envelope) {
  return Admit(model, body, pk, sk, envelope).status();
}

std::vector<IndexKey> IndexKeys(const Model& model, std::string_view body, const Envelope& envelope) {
  const ModelRules& rules = model.rules();
  ParsedObject parsed;
  Slots slots(rules.list.fields.size());
  std::vector<IndexKey> keys;
  if (!parsed.Parse(body, "body").ok() || !FillFromBody(rules.list, &parsed.root(), &slots).ok()) return keys;
  FieldSet made;
  RenderAll(rules, {envelope}, &parsed.pool(), &slots, &made);
  if (!MakeIndexKeys(rules, slots, envelope, &keys).ok()) keys.clear();
  return keys;
}

int64_t ExpiresMs(const Model& model, std::string_view body) {
  const ModelRules& rules = model.rules();
  if (rules.ttl_fields.empty()) return 0;
  ParsedObject parsed;
  Slots slots(rules.list.fields.size());
  if (!parsed.Parse(body, "body").ok() || !FillFromBody(rules.list, &parsed.root(), &slots).ok()) return 0;
  return MakeExpiresMs(rules, slots);
}

Result<std::string> Present(const Model& model, std::string_view body, std::string_view pk, std::string_view sk,
                            const Envelope& envelope, bool with_hidden) {
  auto text = PresentInner(model.rules(), body, pk, sk, envelope, with_hidden);
  if (!text.ok()) return OfModel(model.rules(), text.status());
  return text;
}

}  // namespace tidegate
