#include <algorithm>
#include <map>

#include "host/base/digest.h"
#include "host/schema/canonical.h"
#include "host/schema/loader.h"

namespace tidegate {
namespace {

bool IsModelName(std::string_view name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto part = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && name.size() <= 128 && letter(name.front()) && std::all_of(name.begin(), name.end(), part);
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
    indexes_ = LoadIndexes(root_, &problems_);
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
    LinkModel(source, path, params_, indexes_, rules.get(), &problems_);
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
  IndexDefs indexes_;
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
