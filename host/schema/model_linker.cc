#include "host/schema/loader.h"

namespace tidegate {
namespace {

using Source = ValueTemplate::Source;

Source EnvelopeSource(std::string_view name, const SchemaParams& params) {
  if (name == params.type_field) return Source::kType;
  if (name == "_src") return Source::kSrc;
  if (name == "_dst") return Source::kDst;
  if (name == "_owner") return Source::kOwner;
  return Source::kNothing;
}

class ModelLinker {
 public:
  ModelLinker(const Literal::Member& source, const std::string& path, const SchemaParams& params,
              const IndexDefs& indexes, ModelRules* rules, Problems* problems)
      : source_(source), path_(path), params_(params), indexes_(indexes), rules_(rules), problems_(problems) {}

  void Run() {
    LinkIndexes();
    LinkTemplates();
  }

 private:
  KeyPart Link(const std::string& attribute) const {
    for (uint16_t i = 0; i < rules_->list.fields.size(); ++i) {
      if (rules_->list.fields[i].attribute == attribute) return {Source::kField, i};
    }
    return {EnvelopeSource(attribute, params_), kNoField};
  }

  void LinkIndexes() {
    auto primary = [&](const std::string& attribute, const char* what) {
      KeyPart part = Link(attribute);
      if (part.source != Source::kField) {
        problems_->Error(source_.place, path_ + ": no field gives the " + what + " key '" + attribute +
                                            "' of the primary index; add one with that name");
        return kNoField;
      }
      CheckKeyType(rules_->list.fields[part.field], "primary");
      return part.field;
    };
    if (!indexes_.primary.hash.empty()) rules_->pk = primary(indexes_.primary.hash, "hash");
    if (!indexes_.primary.sort.empty()) rules_->sk = primary(indexes_.primary.sort, "sort");
    for (const IndexDef& def : indexes_.secondary) {
      IndexRules index;
      index.name = def.name;
      index.local = def.local;
      index.has_sort = !def.sort.empty();
      index.hash = Link(def.hash);
      if (index.has_sort) index.sort = Link(def.sort);
      for (const KeyPart& part : {index.hash, index.sort}) {
        if (part.field != kNoField) CheckKeyType(rules_->list.fields[part.field], def.name);
      }
      rules_->indexes.push_back(std::move(index));
    }
  }

  void CheckKeyType(const Field& field, const std::string& index) {
    if (field.type == FieldType::kString || field.type == FieldType::kNumber || field.type == FieldType::kDate ||
        field.type == FieldType::kBoolean) {
      return;
    }
    problems_->Error(PlaceOf(field), path_ + ": field '" + field.name + "' of type " + FieldTypeName(field.type) +
                                         " cannot be a key of index " + index);
  }

  // What each variable stands for, and an order in which templates can be made.
  void LinkTemplates() {
    std::vector<Field>& fields = rules_->list.fields;
    for (uint16_t i = 0; i < fields.size(); ++i) {
      if (!fields[i].value.has_value()) continue;
      bool is_key = i == rules_->pk || i == rules_->sk;
      for (ValueTemplate::Part& part : fields[i].value->parts) {
        if (part.path.empty()) continue;
        std::string shown = path_ + ": field '" + fields[i].name + "': ${" + part.variable + "}";
        part.source = EnvelopeSource(part.path.front(), params_);
        if (part.source != Source::kNothing) continue;
        part.field = rules_->list.Find(part.path.front());
        if (part.field == kNoField) {
          std::string what = shown + " is no field of the model";
          if (is_key) problems_->Error(PlaceOf(fields[i]), what + ", so no key can be made");
          if (!is_key) problems_->Warn(PlaceOf(fields[i]), what + "; the value is never set");
          continue;
        }
        part.source = Source::kField;
        FieldType type = fields[part.field].type;
        if (part.path.size() == 1 && type == FieldType::kObject) {
          problems_->Error(PlaceOf(fields[i]), shown + " is an object; name a member of it");
        }
      }
    }
    std::vector<uint8_t> state(fields.size(), 0);
    for (uint16_t i = 0; i < fields.size(); ++i) {
      if (!Order(i, fields, &state, &rules_->template_order)) {
        return problems_->Error(PlaceOf(fields[i]),
                                path_ + ": field '" + fields[i].name + "': its template needs itself, in a circle");
      }
    }
  }

  // state: 0 = new, 1 = under way, 2 = done. False: a circle.
  bool Order(uint16_t i, const std::vector<Field>& fields, std::vector<uint8_t>* state, std::vector<uint16_t>* order) {
    if ((*state)[i] == 2 || !fields[i].value.has_value()) return true;
    if ((*state)[i] == 1) return false;
    (*state)[i] = 1;
    for (const ValueTemplate::Part& part : fields[i].value->parts) {
      if (part.source == Source::kField && !Order(part.field, fields, state, order)) return false;
    }
    (*state)[i] = 2;
    order->push_back(i);
    return true;
  }

  TextPlace PlaceOf(const Field& field) const {
    for (const Literal::Member& member : source_.value.members) {
      if (member.name != field.name) continue;
      const Literal* value = member.value.Find("value");
      return value != nullptr ? value->place : member.place;
    }
    return source_.place;
  }

  const Literal::Member& source_;
  const std::string& path_;
  const SchemaParams& params_;
  const IndexDefs& indexes_;
  ModelRules* rules_;
  Problems* problems_;
};

}  // namespace

void LinkModel(const Literal::Member& source, const std::string& path, const SchemaParams& params,
               const IndexDefs& indexes, ModelRules* rules, Problems* problems) {
  ModelLinker(source, path, params, indexes, rules, problems).Run();
}

}  // namespace tidegate
