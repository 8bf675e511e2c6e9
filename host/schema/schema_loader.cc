#include <algorithm>
#include <map>

#include "host/base/digest.h"
#include "host/schema/canonical.h"
#include "host/schema/loader.h"

namespace tidegate {
namespace {

using Source = ValueTemplate::Source;

struct IndexDef {
  std::string name;
  std::string hash;
  std::string sort;
  bool local = false;
  TextPlace place;
};

bool IsModelName(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto part = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 128 && letter(name.front()) && std::all_of(name.begin(), name.end(), part);
}

Source EnvelopeSource(std::string_view name, const SchemaParams& params) {
  if (name == params.type_field) return Source::kType;
  if (name == "_src") return Source::kSrc;
  if (name == "_dst") return Source::kDst;
  if (name == "_owner") return Source::kOwner;
  return Source::kNothing;
}

std::string PointerTo(std::string pointer, std::string_view name) {
  pointer += '/';
  for (char c : name) pointer += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return pointer;
}

// Where values stand, for those who read the schema as JSON. Deeper ones are found by what is around them.
void KeepPlaces(const Literal& object, const std::string& pointer, int depth, SchemaParts* parts) {
  constexpr int kDepthMax = 5;
  for (const Literal::Member& member : object.members) {
    std::string inner = PointerTo(pointer, member.name);
    if (depth < kDepthMax) KeepPlaces(member.value, inner, depth + 1, parts);
    parts->places[std::move(inner)] = member.value.IsObject() ? member.place : member.value.place;
  }
}

class SchemaLoader {
 public:
  SchemaLoader(std::string_view file, const Literal& root) : root_(root), problems_(file) { parts_.file = file; }

  SchemaLoad Load() {
    LoadTop();
    LoadParams();
    LoadIndexes();
    LoadModels();
    CheckOpaque();
    root_.AppendJson(&parts_.json);
    parts_.places[""] = root_.place;
    KeepPlaces(root_, "", 1, &parts_);
    SchemaLoad load;
    if (problems_.errors() == 0) load.schema = std::make_shared<const Schema>(std::move(parts_));
    load.problems = problems_.Take();
    return load;
  }

 private:
  void LoadTop() {
    bool has_format = false;
    bool has_version = false;
    for (const Literal::Member& member : root_.members) {
      if (member.name == "format") {
        has_format = true;
        std::string format = problems_.Text(member, "");
        bool known = format.starts_with("onetable:1.") && format.size() > 11;
        if (member.value.IsString() && !known) {
          problems_.Error(member.value.place, "format '" + format + "' is not supported; use 'onetable:1.1.0'");
        }
      } else if (member.name == "version") {
        has_version = true;
        parts_.version = problems_.Text(member, "");
        if (member.value.IsString() && parts_.version.empty()) {
          problems_.Error(member.value.place, "version must not be empty; use one such as '0.0.1'");
        }
      } else if (member.name == "name") {
        parts_.name = problems_.Text(member, "Current");
      } else if (!IsTopName(member.name)) {
        problems_.Unknown(member, "schema",
                          {"format", "version", "name", "indexes", "models", "params", "process", "control", "queries",
                           "items", "description"});
      }
    }
    if (!has_format) problems_.Warn(root_.place, "format is missing; taken as 'onetable:1.1.0'");
    if (!has_version) problems_.Error(root_.place, "version is missing; add one such as version: '0.0.1'");
  }

  static bool IsTopName(std::string_view name) {
    for (std::string_view known :
         {"indexes", "models", "params", "process", "control", "queries", "items", "description", "extensions"}) {
      if (name == known) return true;
    }
    return false;
  }

  void LoadParams() {
    const Literal* params = root_.Find("params");
    if (params == nullptr || params->kind == Literal::Kind::kNull) return;
    if (!params->IsObject()) return problems_.Error(params->place, "params must be an object");
    for (const Literal::Member& member : params->members) {
      const std::string& name = member.name;
      if (name == "typeField") {
        params_.type_field = problems_.Text(member, "_type");
      } else if (name == "createdField") {
        params_.created_field = problems_.Text(member, "created");
      } else if (name == "updatedField") {
        params_.updated_field = problems_.Text(member, "updated");
      } else if (name == "isoDates") {
        params_.iso_dates = problems_.Bool(member, false);
      } else if (name == "nulls") {
        params_.nulls = problems_.Bool(member, false);
      } else if (name == "timestamps") {
        LoadTimestamps(member);
      } else if (name == "hidden" || name == "partial" || name == "legacyEmpties") {
        problems_.Warn(member.place, "params: '" + name + "' has no effect here");
      } else if (name != "separator" && name != "warn") {
        problems_.Unknown(member, "params",
                          {"typeField", "isoDates", "nulls", "timestamps", "createdField", "updatedField", "separator",
                           "warn", "partial", "hidden"});
      }
    }
  }

  void LoadTimestamps(const Literal::Member& member) {
    const Literal& value = member.value;
    bool create = value.IsString() && value.text == "create";
    bool update = value.IsString() && value.text == "update";
    if (value.kind != Literal::Kind::kBool && !create && !update) {
      return problems_.Error(value.place, "params: timestamps must be true, false, 'create' or 'update'");
    }
    params_.keep_created = create || (value.kind == Literal::Kind::kBool && value.boolean);
    params_.keep_updated = update || (value.kind == Literal::Kind::kBool && value.boolean);
  }

  void LoadIndexes() {
    const Literal* indexes = root_.Find("indexes");
    if (indexes == nullptr || !indexes->IsObject()) {
      return problems_.Error(indexes == nullptr ? root_.place : indexes->place,
                             "indexes is missing; add indexes: {primary: {hash: 'pk', sort: 'sk'}}");
    }
    if (indexes->Find("primary") == nullptr) problems_.Error(indexes->place, "indexes: primary is missing");
    if (indexes->members.size() > kIndexesMax + 1) {
      return problems_.Error(indexes->place, "indexes: more than " + std::to_string(kIndexesMax) + " secondary ones");
    }
    for (const Literal::Member& member : indexes->members) LoadIndex(member);
    size_t local = 0;
    for (IndexDef& index : secondary_) {
      if (index.local) {
        ++local;
        if (index.hash.empty()) index.hash = primary_.hash;
        if (index.hash != primary_.hash) {
          problems_.Error(index.place, "indexes: " + index.name + ": a local index has the hash of primary, '" +
                                           primary_.hash + "'");
        }
        if (index.sort.empty()) problems_.Error(index.place, "indexes: " + index.name + ": a local index needs sort");
      }
    }
    if (local > 5) problems_.Error(indexes->place, "indexes: more than 5 local ones");
  }

  void LoadIndex(const Literal::Member& source) {
    IndexDef index;
    index.name = source.name;
    index.place = source.place;
    std::string where = "indexes: " + source.name;
    if (!source.value.IsObject()) return problems_.Error(source.value.place, where + ": must be {hash, sort}");
    bool primary = source.name == "primary";
    std::string type;
    for (const Literal::Member& member : source.value.members) {
      if (member.name == "hash" || member.name == "sort") {
        std::string attribute = problems_.Text(member, "");
        if (attribute.empty() && member.value.IsString()) {
          problems_.Error(member.value.place, where + ": " + member.name + " must not be empty");
        }
        (member.name == "hash" ? index.hash : index.sort) = attribute;
      } else if (member.name == "type") {
        type = problems_.Text(member, "");
        if (type != "local" || primary)
          problems_.Error(member.value.place, where + ": type can only be 'local', and not on primary");
      } else if (member.name == "project" || member.name == "follow") {
        bool all = member.value.IsString() && member.value.text == "all";
        if (!all)
          problems_.Warn(member.place, where + ": '" + member.name + "' has no effect: an index gives whole items");
      } else if (member.name != "description") {
        problems_.Unknown(member, where, {"hash", "sort", "type", "project", "follow"});
      }
    }
    index.local = !primary && (type == "local" || index.hash.empty());
    if (index.hash.empty() && !index.local) problems_.Error(source.place, where + ": hash is missing");
    if (index.hash.empty() && index.local && type.empty()) {
      problems_.Warn(source.place, where + ": has no hash; taken as type 'local'");
    }
    if (!index.hash.empty() && index.hash == index.sort) {
      problems_.Error(source.place, where + ": hash and sort are the same attribute");
    }
    if (primary) {
      primary_ = index;
    } else {
      secondary_.push_back(index);
    }
  }

  void LoadModels() {
    const Literal* models = root_.Find("models");
    if (models == nullptr || models->kind == Literal::Kind::kNull) {
      return problems_.Warn(root_.place, "models is missing: this schema describes no items");
    }
    if (!models->IsObject()) return problems_.Error(models->place, "models must be an object");
    for (const Literal::Member& member : models->members) {
      if (member.name == "_Schema" || member.name == "_Migration" || member.name == "_Unique") {
        problems_.Warn(member.place, "model " + member.name + " is OneTable's own and is passed over");
      } else if (!IsModelName(member.name)) {
        problems_.Error(member.place, "'" + member.name + "' cannot name a model: letters, digits and _ only");
      } else {
        LoadModel(member);
      }
    }
  }

  void LoadModel(const Literal::Member& source) {
    auto rules = std::make_unique<ModelRules>();
    rules->name = source.name;
    rules->type_field = params_.type_field;
    std::string path = "model " + source.name;
    size_t errors_before = problems_.errors();
    rules->list = LoadFields(source.value, path, params_, false, &problems_);
    if (params_.keep_created) AddTimestamp(params_.created_field, &rules->list);
    if (params_.keep_updated) AddTimestamp(params_.updated_field, &rules->list);
    rules->list.Index();
    if (params_.keep_created) rules->created = rules->list.Find(params_.created_field);
    if (params_.keep_updated) rules->updated = rules->list.Find(params_.updated_field);
    for (uint16_t i = 0; i < rules->list.fields.size(); ++i) {
      const Field& field = rules->list.fields[i];
      if (field.ttl) rules->ttl_fields.push_back(i);
      if ((i == rules->created || i == rules->updated) && field.type != FieldType::kDate) {
        problems_.Error(source.place, path + ": field '" + field.name + "' holds a timestamp and must be a date");
      }
    }
    LinkIndexes(source, path, rules.get());
    LinkTemplates(source, path, rules.get());
    if (problems_.errors() != errors_before) return;
    std::string definition;
    Definition(source.value).AppendJson(&definition);
    for (const char* part : {"indexes", "params"}) {
      definition += '\n';
      if (const Literal* value = root_.Find(part); value != nullptr) value->AppendJson(&definition);
    }
    rules->digest = Sha256Prefix("tidegate-model-1\n" + source.name + "\n" + definition);
    parts_.models.push_back(std::make_unique<const Model>(std::move(rules)));
  }

  void AddTimestamp(const std::string& name, FieldList* list) {
    for (const Field& field : list->fields) {
      if (field.name == name || field.attribute == name) return;
    }
    Field field;
    field.name = field.attribute = name;
    field.type = FieldType::kDate;
    field.iso_dates = params_.iso_dates;
    AppendJsonString(name, &field.json_key);
    field.json_key += ':';
    list->fields.push_back(std::move(field));
  }

  KeyPart Link(const std::string& attribute, const FieldList& list) const {
    for (uint16_t i = 0; i < list.fields.size(); ++i) {
      if (list.fields[i].attribute == attribute) return {Source::kField, i};
    }
    return {EnvelopeSource(attribute, params_), kNoField};
  }

  void LinkIndexes(const Literal::Member& source, const std::string& path, ModelRules* rules) {
    auto primary = [&](const std::string& attribute, const char* what) {
      KeyPart part = Link(attribute, rules->list);
      if (part.source != Source::kField) {
        problems_.Error(source.place, path + ": no field gives the " + what + " key '" + attribute +
                                          "' of the primary index; add one with that name");
        return kNoField;
      }
      CheckKeyType(source, path, rules->list.fields[part.field], "primary");
      return part.field;
    };
    if (!primary_.hash.empty()) rules->pk = primary(primary_.hash, "hash");
    if (!primary_.sort.empty()) rules->sk = primary(primary_.sort, "sort");
    for (const IndexDef& def : secondary_) {
      IndexRules index;
      index.name = def.name;
      index.local = def.local;
      index.has_sort = !def.sort.empty();
      index.hash = Link(def.hash, rules->list);
      if (index.has_sort) index.sort = Link(def.sort, rules->list);
      for (const KeyPart& part : {index.hash, index.sort}) {
        if (part.field != kNoField) CheckKeyType(source, path, rules->list.fields[part.field], def.name);
      }
      rules->indexes.push_back(std::move(index));
    }
  }

  void CheckKeyType(const Literal::Member& source, const std::string& path, const Field& field,
                    const std::string& index) {
    if (field.type == FieldType::kString || field.type == FieldType::kNumber || field.type == FieldType::kDate ||
        field.type == FieldType::kBoolean) {
      return;
    }
    problems_.Error(PlaceOf(source, field), path + ": field '" + field.name + "' of type " + FieldTypeName(field.type) +
                                                " cannot be a key of index " + index);
  }

  // What each variable stands for, and an order in which templates can be made.
  void LinkTemplates(const Literal::Member& source, const std::string& path, ModelRules* rules) {
    std::vector<Field>& fields = rules->list.fields;
    for (uint16_t i = 0; i < fields.size(); ++i) {
      if (!fields[i].value.has_value()) continue;
      bool is_key = i == rules->pk || i == rules->sk;
      for (ValueTemplate::Part& part : fields[i].value->parts) {
        if (part.path.empty()) continue;
        std::string shown = path + ": field '" + fields[i].name + "': ${" + part.variable + "}";
        part.source = EnvelopeSource(part.path.front(), params_);
        if (part.source != Source::kNothing) continue;
        part.field = rules->list.Find(part.path.front());
        if (part.field == kNoField) {
          std::string what = shown + " is no field of the model";
          if (is_key) problems_.Error(PlaceOf(source, fields[i]), what + ", so no key can be made");
          if (!is_key) problems_.Warn(PlaceOf(source, fields[i]), what + "; the value is never set");
          continue;
        }
        part.source = Source::kField;
        FieldType type = fields[part.field].type;
        if (part.path.size() == 1 && type == FieldType::kObject) {
          problems_.Error(PlaceOf(source, fields[i]), shown + " is an object; name a member of it");
        }
      }
    }
    std::vector<uint8_t> state(fields.size(), 0);
    for (uint16_t i = 0; i < fields.size(); ++i) {
      if (!Order(i, fields, &state, &rules->template_order)) {
        return problems_.Error(PlaceOf(source, fields[i]),
                               path + ": field '" + fields[i].name + "': its template needs itself, in a circle");
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

  static TextPlace PlaceOf(const Literal::Member& source, const Field& field) {
    for (const Literal::Member& member : source.value.members) {
      if (member.name != field.name) continue;
      const Literal* value = member.value.Find("value");
      return value != nullptr ? value->place : member.place;
    }
    return source.place;
  }

  // Replication rules are for policies to read; here they only must not contradict each other.
  void CheckOpaque() {
    const Literal* process = root_.Find("process");
    const Literal* control = root_.Find("control");
    for (const Literal* rules : {process, control}) {
      if (rules != nullptr && !rules->IsObject() && rules->kind != Literal::Kind::kNull) {
        problems_.Error(rules->place, std::string(rules == process ? "process" : "control") + " must be an object");
      }
    }
    if (process == nullptr || control == nullptr) return;
    std::string a, b;
    process->AppendJson(&a);
    control->AppendJson(&b);
    if (a != b) {
      problems_.Error(control->place,
                      "process and control differ; control is the older name of process: keep only process");
    }
  }

  const Literal& root_;
  Problems problems_;
  SchemaParts parts_;
  SchemaParams params_;
  IndexDef primary_;
  std::vector<IndexDef> secondary_;
};

void MovePlaces(Literal* value, const std::string& pointer, const PlaceLookup& places) {
  if (auto place = places(pointer); place.has_value()) value->place = place->value;
  for (size_t i = 0; i < value->items.size(); ++i) {
    MovePlaces(&value->items[i], pointer + "/" + std::to_string(i), places);
  }
  for (Literal::Member& member : value->members) {
    std::string inner = PointerTo(pointer, member.name);
    if (auto place = places(inner); place.has_value()) member.place = place->name;
    MovePlaces(&member.value, inner, places);
  }
}

}  // namespace

SchemaLoad LoadSchema(std::string_view file, std::string_view text, const PlaceLookup& places) {
  TextPlace place;
  auto root = ReadLiteral(text, &place);
  if (!root.ok()) {
    Problems problems(file);
    problems.Error(places ? TextPlace{} : place, root.status().message());
    return {nullptr, problems.Take()};
  }
  if (places) MovePlaces(&*root, "", places);
  return SchemaLoader(file, *root).Load();
}

}  // namespace tidegate
