#include "host/schema/schema.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "host/schema/rules.h"

namespace tidegate {

std::string SchemaProblem::PlaceText() const {
  if (place.line == 0) return file;
  return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

std::string SchemaProblem::ToText() const { return PlaceText() + (error ? ": error: " : ": warning: ") + message; }

Status SchemaLoad::status() const {
  std::string text;
  for (const SchemaProblem& problem : problems) {
    if (problem.error) text += (text.empty() ? "" : "\n") + problem.ToText();
  }
  return text.empty() ? Status::Ok() : Status::Invalid(text);
}

Model::Model(std::unique_ptr<const ModelRules> rules) : rules_(std::move(rules)) {}
Model::~Model() = default;
const std::string& Model::name() const { return rules_->name; }
uint64_t Model::digest() const { return rules_->digest; }
bool Model::HasField(std::string_view field) const { return rules_->list.Find(field) != kNoField; }
std::vector<std::string> Model::index_names() const {
  std::vector<std::string> names;
  for (const IndexRules& index : rules_->indexes) names.push_back(index.name);
  return names;
}

Schema::Schema(SchemaParts parts) : parts_(std::make_unique<const SchemaParts>(std::move(parts))) {}
Schema::~Schema() = default;
const std::string& Schema::file() const { return parts_->file; }
const std::string& Schema::name() const { return parts_->name; }
const std::string& Schema::version() const { return parts_->version; }
const std::vector<std::unique_ptr<const Model>>& Schema::models() const { return parts_->models; }
const std::string& Schema::ToJson() const { return parts_->json; }
std::string Schema::PlaceText(std::string_view json_pointer) const {
  TextPlace place;
  for (std::string_view at = json_pointer;; at = at.substr(0, at.rfind('/'))) {
    if (auto found = parts_->places.find(at); found != parts_->places.end()) {
      place = found->second;
      break;
    }
    if (at.find('/') == std::string_view::npos) break;
  }
  return SchemaProblem{false, file(), place, ""}.PlaceText();
}
const Model* Schema::Find(std::string_view model) const {
  for (const auto& candidate : parts_->models) {
    if (candidate->name() == model) return candidate.get();
  }
  return nullptr;
}

Result<std::shared_ptr<const SchemaSet>> SchemaSet::Make(std::vector<std::shared_ptr<const Schema>> schemas) {
  std::map<std::string_view, std::pair<const Model*, const Schema*>> by_name;
  for (const auto& schema : schemas) {
    if (schema == nullptr) return Status::Invalid("a schema that did not load cannot be part of the set");
    for (const auto& model : schema->models()) {
      auto [at, inserted] = by_name.try_emplace(model->name(), model.get(), schema.get());
      if (!inserted) {
        return Status::Invalid("model " + model->name() + " is in " + at->second.second->file() + " and in " +
                               schema->file() + "; a model name is of one schema only");
      }
    }
  }
  std::shared_ptr<SchemaSet> set(new SchemaSet());
  set->schemas_ = std::move(schemas);
  for (const auto& [name, where] : by_name) set->models_.push_back(where.first);
  return std::shared_ptr<const SchemaSet>(std::move(set));
}

const Model* SchemaSet::Find(std::string_view model) const {
  auto at = std::lower_bound(models_.begin(), models_.end(), model,
                             [](const Model* m, std::string_view name) { return m->name() < name; });
  return at != models_.end() && (*at)->name() == model ? *at : nullptr;
}

std::string SchemaSet::ToJson() const {
  std::string json = "[";
  for (const auto& schema : schemas_) {
    if (schema != schemas_.front()) json += ',';
    json += schema->ToJson();
  }
  return json + "]";
}

std::string SchemaSet::WithPlace(std::string_view text) const {
  size_t end = text.find('\n');
  if (!text.starts_with('/') || end == std::string_view::npos) return std::string(text);
  std::string_view pointer = text.substr(0, end), message = text.substr(end + 1);
  size_t number = 0;
  auto [rest, error] = std::from_chars(pointer.data() + 1, pointer.data() + pointer.size(), number);
  if (error != std::errc() || number >= schemas_.size()) return std::string(pointer) + ": " + std::string(message);
  std::string_view inside(rest, static_cast<size_t>(pointer.data() + pointer.size() - rest));
  return schemas_[number]->PlaceText(inside) + ": " + std::string(message);
}

}  // namespace tidegate
