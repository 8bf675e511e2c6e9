#include "host/replica/catalog.h"

#include "host/schema/same_key.h"

namespace tidegate::replica {

Result<std::shared_ptr<const Catalog>> Catalog::Make(std::shared_ptr<const SchemaSet> schemas, core::Policy& policy,
                                                     std::vector<std::string>* warnings) {
  std::vector<std::string> said;
  Status loaded = policy.Reload(schemas->ToJson(), &said);
  if (!loaded.ok()) return Status(loaded.code(), schemas->WithPlace(loaded.message()));
  for (const std::string& warning : said) {
    if (warnings != nullptr) warnings->push_back(schemas->WithPlace(warning));
  }
  auto catalog = std::make_shared<Catalog>();
  catalog->schemas_ = std::move(schemas);
  for (const Model* model : catalog->schemas_->models()) {
    ModelRule rule;
    rule.name = model->name();
    rule.model = model;
    rule.direction = policy.Direction(rule.name).value_or(TG_DIRECTION_NONE);
    rule.lane = policy.Lane(rule.name).value_or(TG_LANE_STATE);
    rule.placement = policy.Placement(rule.name).value_or(TG_PLACE_BOTH);
    rule.retain = policy.Retain(rule.name).value_or(tg_retain{});
    if (rule.direction > TG_DIRECTION_BOTH || rule.lane >= TG_LANE_COUNT) {
      return Status::Internal("a policy answered direction " + std::to_string(rule.direction) + " and lane " +
                              std::to_string(rule.lane) + " for model " + rule.name);
    }
    // With one writer there is nothing to join.
    if (rule.direction == TG_DIRECTION_BOTH) rule.merge = policy.Merges(rule.name);
    catalog->rules_.push_back(std::move(rule));
  }
  for (const ModelRule& rule : catalog->rules_) catalog->by_name_[rule.name] = &rule;
  catalog->PairCommands(policy, warnings);
  return std::shared_ptr<const Catalog>(std::move(catalog));
}

// A command and its answer find each other by the fields that their keys are made of.
void Catalog::PairCommands(const core::Policy& policy, std::vector<std::string>* warnings) {
  for (ModelRule& rule : rules_) {
    std::optional<std::string> name = policy.Answer(rule.name);
    if (!name) continue;
    ModelRule* answer = const_cast<ModelRule*>(Find(*name));
    std::string wrong;
    if (answer == nullptr) {
      wrong = "no schema defines the model " + *name;
    } else if (rule.direction != TG_DIRECTION_DOWN) {
      wrong = "a command has to go down";
    } else if (answer->direction != TG_DIRECTION_UP) {
      wrong = *name + " has to go up";
    } else if (answer->command != nullptr) {
      wrong = *name + " answers " + answer->command->name + " already";
    } else if (HaveSameKey(*rule.model, *answer->model)) {
      wrong =
          "its items have the keys of its answers, of " + *name +
          ", which find no place beside them; let the pk or sk of the two differ, as in 'order#${id}' and 'done#${id}'";
    }
    if (!wrong.empty()) {
      if (warnings != nullptr)
        warnings->push_back(rule.name + ": " + wrong + ": its items are no commands until that is mended");
      continue;
    }
    rule.answer = answer;
    answer->command = &rule;
    has_commands_ = true;
  }
}

const ModelRule* Catalog::Find(std::string_view model) const {
  auto found = by_name_.find(model);
  return found == by_name_.end() ? nullptr : found->second;
}

}  // namespace tidegate::replica
