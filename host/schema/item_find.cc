#include <algorithm>
#include <charconv>
#include <optional>

#include "host/schema/canonical.h"
#include "host/schema/item.h"
#include "host/schema/json_text.h"
#include "host/schema/render.h"

namespace tidegate {
namespace {

using Op = FilterTerm::Op;
using Source = ValueTemplate::Source;

std::optional<Op> OpFromName(std::string_view name) {
  if (name == "=" || name == "==") return Op::kEqual;
  if (name == "<>" || name == "!=") return Op::kNotEqual;
  if (name == "<") return Op::kLess;
  if (name == "<=") return Op::kLessEqual;
  if (name == ">") return Op::kGreater;
  if (name == ">=") return Op::kGreaterEqual;
  if (name == "begins" || name == "begins_with") return Op::kBegins;
  return std::nullopt;
}

// The first text after every text that begins with prefix.
std::string AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xFF) prefix.pop_back();
  if (!prefix.empty()) prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

// Properties of a search or a key, in the stored form of their fields.
class Wanted {
 public:
  explicit Wanted(const ModelRules& rules) : rules_(rules), slots_(rules.list.fields.size()) {}

  Status Read(std::string_view json) {
    TG_RETURN_IF_ERROR(parsed_.Parse(json, "the properties"));
    FieldSet seen;
    for (JsonValue::Member& member : parsed_.root().GetObject()) {
      std::string_view name = TextOf(member.name);
      uint16_t i = rules_.list.Find(name);
      if (i == kNoField) {
        TG_RETURN_IF_ERROR(ReadEnvelope(name, &member.value));
        continue;
      }
      if (seen[i]) return Status::Invalid("field '" + std::string(name) + "' is given twice");
      seen.set(i);
      const Field& field = rules_.list.fields[i];
      if (member.value.IsObject() && field.type != FieldType::kObject) {
        TG_RETURN_IF_ERROR(ReadOperators(field, &member.value));
      } else if (member.value.IsNull()) {
        terms_.push_back({field.name, Op::kEqual, "null"});
      } else {
        TG_RETURN_IF_ERROR(AddTerm(field, Op::kEqual, &member.value));
        slots_[i] = &member.value;
      }
    }
    return Status::Ok();
  }

  // Adds the fields of the context that the model has.
  Status Blend(const KeyContext& context) {
    if (context.properties.empty()) return Status::Ok();
    TG_RETURN_IF_ERROR(context_.Parse(context.properties, "the context"));
    for (JsonValue::Member& member : context_.root().GetObject()) {
      uint16_t i = rules_.list.Find(TextOf(member.name));
      if (i == kNoField || member.value.IsNull() || (slots_[i] != nullptr && !context.wins)) continue;
      const Field& field = rules_.list.fields[i];
      TG_RETURN_IF_ERROR(
          Convert(field, {nullptr, field.name}, {&context_.pool(), nullptr, rules_.name}, &member.value));
      slots_[i] = &member.value;
    }
    return Status::Ok();
  }

  void ForgetEnvelope() { known_.src = known_.dst = known_.owner = false; }

  // Text of a key attribute as far as it is known; complete = all of it.
  Rendered AppendKey(const KeyPart& part, std::string* out) const {
    if (part.source == Source::kField) {
      const Field& field = rules_.list.fields[part.field];
      if (slots_[part.field] != nullptr) return {AppendText(*slots_[part.field], out), field.name};
      if (field.value.has_value()) return Render(rules_, field, filled_ ? *filled_ : slots_, known_, out);
      return {false, field.name};
    }
    if (part.source == Source::kNothing) return {false, "?"};
    static constexpr std::string_view kNames[] = {"", "_type", "_src", "_dst", "_owner"};
    size_t from = out->size();
    bool complete = AppendKeyPart(rules_, part, slots_, known_, out);
    if (!complete) out->resize(from);
    return {complete, kNames[static_cast<size_t>(part.source)]};
  }

  // Templates that other templates need.
  void Fill() {
    filled_.emplace(slots_);
    FieldSet made;
    RenderAll(rules_, known_, &parsed_.pool(), &*filled_, &made);
  }

  std::vector<FilterTerm>& terms() { return terms_; }

 private:
  Status ReadEnvelope(std::string_view name, JsonValue* value) {
    if (name == rules_.type_field || name == "_type") {
      if (value->IsString() && TextOf(*value) == rules_.name) return Status::Ok();
      return Status::Invalid("'" + std::string(name) + "' can only be '" + rules_.name + "' here");
    }
    uint64_t* to = name == "_src" ? &known_.envelope.src : name == "_dst" ? &known_.envelope.dst : nullptr;
    bool* is_known = name == "_src" ? &known_.src : &known_.dst;
    if (name == "_owner") to = &known_.envelope.owner, is_known = &known_.owner;
    if (to == nullptr) return NoSuchField(rules_, name);
    std::string text;
    bool read = (value->IsNumber() || value->IsString()) && AppendText(*value, &text);
    auto got = std::from_chars(text.data(), text.data() + text.size(), *to);
    if (!read || got.ec != std::errc() || got.ptr != text.data() + text.size()) {
      return Status::Invalid("'" + std::string(name) + "' must be an agent id");
    }
    *is_known = true;
    terms_.push_back({std::string(name), Op::kEqual, std::to_string(*to)});
    return Status::Ok();
  }

  Status ReadOperators(const Field& field, JsonValue* operators) {
    for (JsonValue::Member& member : operators->GetObject()) {
      std::string_view name = TextOf(member.name);
      if (name == "between") {
        if (!member.value.IsArray() || member.value.Size() != 2) {
          return Status::Invalid("field '" + field.name + "': between needs an array of two values");
        }
        TG_RETURN_IF_ERROR(AddTerm(field, Op::kGreaterEqual, &member.value[0]));
        TG_RETURN_IF_ERROR(AddTerm(field, Op::kLessEqual, &member.value[1]));
        continue;
      }
      auto op = OpFromName(name);
      if (!op.has_value()) {
        return Status::Invalid("field '" + field.name + "': '" + std::string(name) +
                               "' is no operator; use begins, between, <, <=, >, >= or <>");
      }
      TG_RETURN_IF_ERROR(AddTerm(field, *op, &member.value));
    }
    return Status::Ok();
  }

  Status AddTerm(const Field& field, Op op, JsonValue* value) {
    FieldPath path{nullptr, field.name};
    bool text_prefix = op == Op::kBegins && value->IsString();  // part of a date is no date
    if (!text_prefix) TG_RETURN_IF_ERROR(Convert(field, path, {&parsed_.pool(), nullptr, rules_.name}, value));
    std::string json;
    TG_RETURN_IF_ERROR(AppendCanonical(*value, 1, &json));
    terms_.push_back({field.name, op, std::move(json)});
    return Status::Ok();
  }

  const ModelRules& rules_;
  ParsedObject parsed_;
  ParsedObject context_;
  Slots slots_;
  std::optional<Slots> filled_;
  KnownEnvelope known_;
  std::vector<FilterTerm> terms_;
};

// The text that a term's value has in a key.
std::string KeyTextOf(const FilterTerm& term) {
  rapidjson::Document value;
  std::string text;
  if (!ParseSmallJson(term.value, &value) || !AppendText(value, &text)) text.clear();
  return text;
}

// Bounds of the sort key from operators on it. Numbers in keys are texts, whose order is another.
void BoundByOperators(const Field& field, const std::vector<FilterTerm>& terms, FindPlan* plan) {
  if (field.type == FieldType::kNumber || (field.type == FieldType::kDate && !field.iso_dates)) return;
  auto from = [plan](const std::string& text) { plan->sort_from = std::max(plan->sort_from, text); };
  auto to = [plan](const std::string& text) {
    if (plan->sort_to.empty() || text < plan->sort_to) plan->sort_to = text;
  };
  for (const FilterTerm& term : terms) {
    if (term.field != field.name) continue;
    std::string text = KeyTextOf(term);
    if (text.empty()) continue;
    switch (term.op) {
      case Op::kBegins:
        from(text), to(AfterPrefix(text));
        break;
      case Op::kLess:
        to(text);
        break;
      case Op::kLessEqual:
        to(text + '\0');
        break;
      case Op::kGreater:
        from(text + '\0');
        break;
      case Op::kGreaterEqual:
        from(text);
        break;
      case Op::kEqual:
      case Op::kNotEqual:
        break;
    }
  }
}

// Whether items of the model have the attributes that the index is keyed by.
bool Holds(const IndexRules& index) {
  return index.hash.source != Source::kNothing && (!index.has_sort || index.sort.source != Source::kNothing);
}

// For an error that has to say what would be right.
std::string IndexesOf(const ModelRules& rules) {
  std::string names;
  for (const IndexRules& index : rules.indexes) {
    if (Holds(index)) names += (names.empty() ? "'" : ", '") + index.name + "'";
  }
  return names.empty() ? "it has none beside its key" : "it has " + names + " beside its key";
}

Result<FindPlan> PlanInner(const ModelRules& rules, std::string_view json, std::string_view index_name) {
  Wanted wanted(rules);
  wanted.ForgetEnvelope();
  TG_RETURN_IF_ERROR(wanted.Read(json));
  wanted.Fill();
  bool primary = index_name.empty() || index_name == "primary";
  KeyPart hash{Source::kField, rules.pk};
  KeyPart sort{rules.sk == kNoField ? Source::kNothing : Source::kField, rules.sk};
  FindPlan plan;
  if (!primary) {
    auto index = std::find_if(rules.indexes.begin(), rules.indexes.end(),
                              [&](const IndexRules& candidate) { return candidate.name == index_name; });
    if (index == rules.indexes.end()) {
      return Status::Invalid("there is no index '" + std::string(index_name) + "'; " + IndexesOf(rules));
    }
    hash = index->hash;
    sort = index->has_sort ? index->sort : KeyPart{};
    plan.index = index->name;
    if (!Holds(*index)) {
      return Status::Invalid("no item of it is in index '" + index->name + "'; " + IndexesOf(rules));
    }
  }
  Rendered hash_made = wanted.AppendKey(hash, &plan.hash);
  plan.has_hash = hash_made.complete;
  if (!plan.has_hash) {
    plan.hash.clear();
    if (!primary) {
      return Status::Invalid("index '" + plan.index + "' needs '" + std::string(hash_made.missing) + "'");
    }
  } else if (sort.source == Source::kNothing) {
    plan.exact = primary;
  } else {
    std::string text;
    Rendered made = wanted.AppendKey(sort, &text);
    plan.exact = primary && made.complete;
    if (made.complete) {
      plan.sort_from = text;
      plan.sort_to = text + '\0';
    } else if (!text.empty()) {
      plan.sort_from = text;
      plan.sort_to = AfterPrefix(text);
    }
    if (!made.complete && sort.field != kNoField) {
      BoundByOperators(rules.list.fields[sort.field], wanted.terms(), &plan);
    }
  }
  plan.filter = std::move(wanted.terms());
  return plan;
}

Result<ItemKey> KeyInner(const ModelRules& rules, std::string_view json, const KeyContext& context) {
  Wanted wanted(rules);
  TG_RETURN_IF_ERROR(wanted.Read(json));
  TG_RETURN_IF_ERROR(wanted.Blend(context));
  wanted.Fill();
  ItemKey key;
  auto make = [&](uint16_t field, size_t bytes_max, std::string* text) -> Status {
    if (field == kNoField) return Status::Ok();
    Rendered made = wanted.AppendKey({Source::kField, field}, text);
    const std::string& name = rules.list.fields[field].name;
    if (!made.complete) return Status::Invalid("the key '" + name + "' needs '" + std::string(made.missing) + "'");
    return CheckKey(*text, bytes_max, "the key '" + name + "'");
  };
  TG_RETURN_IF_ERROR(make(rules.pk, kPkBytesMax, &key.pk));
  TG_RETURN_IF_ERROR(make(rules.sk, kSkBytesMax, &key.sk));
  return key;
}

bool Compare(Op op, int order) {
  switch (op) {
    case Op::kEqual:
      return order == 0;
    case Op::kNotEqual:
      return order != 0;
    case Op::kLess:
      return order < 0;
    case Op::kLessEqual:
      return order <= 0;
    case Op::kGreater:
      return order > 0;
    case Op::kGreaterEqual:
      return order >= 0;
    case Op::kBegins:
      return false;
  }
  return false;
}

bool Passes(const FilterTerm& term, const JsonValue* value) {
  bool absent = value == nullptr || value->IsNull();
  if (term.value == "null") return absent == (term.op == Op::kEqual);
  if (absent) return term.op == Op::kNotEqual;
  if (term.op == Op::kEqual || term.op == Op::kNotEqual) {
    std::string json;
    bool same = AppendCanonical(*value, 1, &json).ok() && json == term.value;
    return same == (term.op == Op::kEqual);
  }
  rapidjson::Document wanted;
  if (!ParseSmallJson(term.value, &wanted)) return false;
  if (value->IsNumber() && wanted.IsNumber()) {
    double a = value->GetDouble();
    double b = wanted.GetDouble();
    return Compare(term.op, a < b ? -1 : a > b ? 1 : 0);
  }
  if (!value->IsString() || !wanted.IsString()) return false;
  if (term.op == Op::kBegins) return TextOf(*value).starts_with(TextOf(wanted));
  return Compare(term.op, TextOf(*value).compare(TextOf(wanted)));
}

}  // namespace

Result<ItemKey> KeyFromProperties(const Model& model, std::string_view json, const KeyContext& context) {
  auto key = KeyInner(model.rules(), json, context);
  if (!key.ok()) return OfModel(model.rules(), key.status());
  return key;
}

Result<FindPlan> PlanFind(const Model& model, std::string_view json, std::string_view index) {
  auto plan = PlanInner(model.rules(), json, index);
  if (!plan.ok()) return OfModel(model.rules(), plan.status());
  return plan;
}

bool Matches(const Model& model, std::string_view body, const Envelope& envelope,
             const std::vector<FilterTerm>& filter) {
  if (filter.empty()) return true;
  const ModelRules& rules = model.rules();
  ParsedObject parsed;
  Slots slots(rules.list.fields.size());
  if (!parsed.Parse(body, "body").ok() || !FillFromBody(rules.list, &parsed.root(), &slots).ok()) return false;
  FieldSet made;
  RenderAll(rules, {envelope}, &parsed.pool(), &slots, &made);
  for (const FilterTerm& term : filter) {
    if (term.field == "_src" || term.field == "_dst" || term.field == "_owner") {
      uint64_t agent = term.field == "_src" ? envelope.src : term.field == "_dst" ? envelope.dst : envelope.owner;
      if (std::to_string(agent) != term.value) return false;
      continue;
    }
    uint16_t i = rules.list.Find(term.field);
    if (i == kNoField || !Passes(term, slots[i])) return false;
  }
  return true;
}

}  // namespace tidegate
