#include "host/schema/render.h"

#include <algorithm>

#include "host/base/spelling.h"
#include "host/schema/canonical.h"

namespace tidegate {
namespace {

using Source = ValueTemplate::Source;

// The text of a field's value in a template: dates in the form of the field that the template makes.
bool AppendFieldText(const Field* of, const JsonValue& value, bool iso_dates, std::string* out) {
  int64_t ms = 0;
  if (of == nullptr || of->type != FieldType::kDate || !DateMs(*of, value, &ms)) return AppendText(value, out);
  if (iso_dates) {
    AppendIsoDate(ms, out);
  } else {
    AppendNumber(static_cast<double>(ms), out);
  }
  return true;
}

bool AppendFieldVariable(const ModelRules& rules, const ValueTemplate::Part& part, const Slots& slots, bool iso_dates,
                         std::string* out) {
  const Field* field = &rules.list.fields[part.field];
  const JsonValue* value = slots[part.field];
  for (size_t i = 1; i < part.path.size() && value != nullptr; ++i) {
    if (!value->IsObject()) return false;
    const FieldList* list = field == nullptr ? nullptr : field->nested.get();
    uint16_t at = list == nullptr ? kNoField : list->Find(part.path[i]);
    field = at == kNoField ? nullptr : &list->fields[at];
    const std::string& name = field == nullptr ? part.path[i] : field->attribute;
    auto member = value->FindMember(JsonValue(rapidjson::StringRef(name.data(), name.size())));
    value = member == value->MemberEnd() ? nullptr : &member->value;
  }
  if (value == nullptr || value->IsNull()) return false;
  return AppendFieldText(field, *value, iso_dates, out);
}

bool AppendVariable(const ModelRules& rules, const ValueTemplate::Part& part, const Slots& slots,
                    const KnownEnvelope& known, bool iso_dates, std::string* out) {
  switch (part.source) {
    case Source::kField:
      return AppendFieldVariable(rules, part, slots, iso_dates, out);
    case Source::kType:
      *out += rules.name;
      return true;
    case Source::kSrc:
      *out += std::to_string(known.envelope.src);
      return known.src;
    case Source::kDst:
      *out += std::to_string(known.envelope.dst);
      return known.dst;
    case Source::kOwner:
      *out += std::to_string(known.envelope.owner);
      return known.owner;
    case Source::kNothing:
      return false;
  }
  return false;
}

// JavaScript counts UTF-16 units, and so does padding.
size_t Utf16Length(std::string_view text) {
  size_t length = 0;
  for (char c : text) length += ((c & 0xC0) != 0x80) + ((c & 0xF8) == 0xF0);
  return length;
}

}  // namespace

Rendered Render(const ModelRules& rules, const Field& field, const Slots& slots, const KnownEnvelope& known,
                std::string* out) {
  for (const ValueTemplate::Part& part : field.value->parts) {
    *out += part.literal;
    if (part.path.empty()) continue;
    size_t from = out->size();
    if (!AppendVariable(rules, part, slots, known, field.iso_dates, out)) {
      out->resize(from);
      return {false, part.variable};
    }
    if (part.pad_to == 0) continue;
    size_t length = Utf16Length(std::string_view(*out).substr(from));
    if (length < part.pad_to) out->insert(from, part.pad_to - length, part.pad[0]);
  }
  return {};
}

void RenderAll(const ModelRules& rules, const KnownEnvelope& known, JsonPool* pool, Slots* slots, FieldSet* made) {
  std::string text;
  for (uint16_t i : rules.template_order) {
    text.clear();
    bool complete = Render(rules, rules.list.fields[i], *slots, known, &text).complete;
    JsonValue*& slot = (*slots)[i];
    if (slot == nullptr) {
      made->set(i);
      if (complete) slot = NewText(text, pool);
    } else if (complete && slot->IsString() && TextOf(*slot) == text) {
      made->set(i);
    }
  }
}

Status FillFromBody(const FieldList& list, JsonDocument* root, Slots* slots, std::vector<JsonValue::Member*>* extra) {
  std::string_view before;
  auto next = list.by_attribute.begin();
  bool first = true;
  for (JsonValue::Member& member : root->GetObject()) {
    std::string_view name = TextOf(member.name);
    if (!first && name <= before) return Status::Invalid("body: '" + std::string(name) + "' is out of order");
    first = false;
    before = name;
    int order = -1;
    while (next != list.by_attribute.end() && (order = list.fields[*next].attribute.compare(name)) < 0) ++next;
    if (next != list.by_attribute.end() && order == 0) {
      (*slots)[*next] = &member.value;
      ++next;
    } else if (extra != nullptr) {
      extra->push_back(&member);
    }
  }
  return Status::Ok();
}

bool AppendKeyPart(const ModelRules& rules, const KeyPart& part, const Slots& slots, const KnownEnvelope& known,
                   std::string* out) {
  if (part.source == Source::kField) {
    const JsonValue* value = slots[part.field];
    return value != nullptr && AppendText(*value, out);
  }
  ValueTemplate::Part variable;
  variable.source = part.source;
  return AppendVariable(rules, variable, slots, known, false, out);
}

Status CheckKey(std::string_view key, size_t bytes_max, std::string_view what) {
  if (key.empty()) return Status::Invalid(std::string(what) + " is empty");
  if (key.size() > bytes_max) {
    return Status::Invalid(std::string(what) + " has " + std::to_string(key.size()) + " bytes; the limit is " +
                           std::to_string(bytes_max));
  }
  if (std::any_of(key.begin(), key.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20; })) {
    return Status::Invalid(std::string(what) + " has a control character");
  }
  return Status::Ok();
}

Status MakeIndexKeys(const ModelRules& rules, const Slots& slots, const Envelope& envelope,
                     std::vector<IndexKey>* keys) {
  KnownEnvelope known{envelope};
  for (const IndexRules& index : rules.indexes) {
    IndexKey key{index.name, {}, {}};
    if (!AppendKeyPart(rules, index.hash, slots, known, &key.hash) || key.hash.empty()) continue;
    if (index.has_sort && (!AppendKeyPart(rules, index.sort, slots, known, &key.sort) || key.sort.empty())) continue;
    if (Status status = CheckKey(key.hash, kPkBytesMax, "the hash key"); !status.ok())
      return status.At("index " + index.name);
    if (index.has_sort) {
      if (Status status = CheckKey(key.sort, kSkBytesMax, "the sort key"); !status.ok())
        return status.At("index " + index.name);
    }
    if (keys->empty()) keys->reserve(rules.indexes.size());
    keys->push_back(std::move(key));
  }
  return Status::Ok();
}

Status NoSuchField(const ModelRules& rules, std::string_view name) {
  std::vector<std::string> names;
  for (const Field& field : rules.list.fields) names.push_back(field.name);
  std::string nearest = NearestName(name.substr(0, 64), names);
  return Status::Invalid("there is no field '" + std::string(name) + "'" +
                         (nearest.empty() ? "; see the schema for the names" : "; did you mean '" + nearest + "'?"));
}

int64_t MakeExpiresMs(const ModelRules& rules, const Slots& slots) {
  int64_t expires = 0;
  for (uint16_t i : rules.ttl_fields) {
    int64_t ms = 0;
    if (slots[i] == nullptr || !DateMs(rules.list.fields[i], *slots[i], &ms) || ms <= 0) continue;
    if (expires == 0 || ms < expires) expires = ms;
  }
  return expires;
}

}  // namespace tidegate
