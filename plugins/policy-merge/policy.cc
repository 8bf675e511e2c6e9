#include "plugins/policy-merge/policy.h"

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>

#include "plugins/policy-merge/body.h"
#include "plugins/policy-merge/join.h"
#include "plugins/policy-merge/meta.h"
#include "tidegate/cpp/error.h"

namespace policy_merge {
namespace {

using Json = rapidjson::Value;
using tidegate::sdk::Error;
using tidegate::sdk::View;

constexpr uint32_t kRevision = 1;

rapidjson::Document Parse(std::string_view text, const std::string& what) {
  rapidjson::Document document;
  document.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (document.HasParseError()) {
    throw Error(TG_INVALID, what + " is no JSON: " + rapidjson::GetParseError_En(document.GetParseError()));
  }
  return document;
}

const Json* Member(const Json& object, const char* name) {
  if (!object.IsObject()) return nullptr;
  auto found = object.FindMember(name);
  return found == object.MemberEnd() ? nullptr : &found->value;
}

// True if the entry asks for field merge.
bool AsksForMerge(const Json& entry, const std::string& place) {
  const Json* merge = Member(entry, "merge");
  if (merge == nullptr) return false;
  std::string word = merge->IsString() ? merge->GetString() : "";
  if (word != "fields" && word != "newest") {
    throw Error(TG_INVALID, place + ".merge must be 'fields' or 'newest'");
  }
  return word == "fields";
}

}  // namespace

MergePolicy::MergePolicy(const tidegate::sdk::Host&, std::string_view config_json) {
  rapidjson::Document config = Parse(config_json, "the configuration");
  if (const Json* models = Member(config, "models"); models != nullptr && models->IsArray()) {
    for (const Json& model : models->GetArray()) {
      if (model.IsString()) configured_.insert(model.GetString());
    }
  }
  if (const Json* most = Member(config, "fields_max"); most != nullptr && most->IsUint()) fields_max_ = most->GetUint();
  models_ = configured_;
}

void MergePolicy::Reload(std::string_view schemas_json, const tidegate::sdk::TextSink& warnings) {
  rapidjson::Document schemas = Parse(schemas_json, "the list of schemas");
  if (!schemas.IsArray()) throw Error(TG_INVALID, "the list of schemas is no array");
  std::set<std::string, std::less<>> models = configured_;
  std::set<std::string, std::less<>> known;
  for (const Json& schema : schemas.GetArray()) {
    if (const Json* defined = Member(schema, "models"); defined != nullptr && defined->IsObject()) {
      for (const auto& model : defined->GetObject()) known.insert(model.name.GetString());
    }
    for (const char* section : {"process", "control"}) {
      const Json* rules = Member(schema, section);
      if (rules == nullptr || !rules->IsObject()) continue;
      for (const auto& entry : rules->GetObject()) {
        std::string model = entry.name.GetString();
        if (AsksForMerge(entry.value, std::string(section) + "." + model)) models.insert(model);
      }
    }
  }
  for (const std::string& model : configured_) {
    if (!known.contains(model)) warnings("models: no schema defines a model '" + model + "'");
  }
  models_.swap(models);
}

std::optional<uint32_t> MergePolicy::Merges(std::string_view model) const {
  return models_.contains(model) ? std::optional(kRevision) : std::nullopt;
}

bool MergePolicy::Stamp(const tg_policy_item* held, const tg_policy_item& written, std::string& policy_meta) const {
  if (!models_.contains(View(written.change->model))) return false;
  tg_change plain = *written.change;
  plain.policy_meta = {};
  std::optional<State> now = ReadState(plain);
  if (!now) return false;
  std::optional<State> before;
  if (held != nullptr) before = ReadState(*held->change);
  policy_meta = WriteMeta(Written(before ? &*before : nullptr, std::move(*now)));
  return true;
}

bool MergePolicy::Merge(const tg_policy_item& held, const tg_policy_item& incoming, std::string& body,
                        std::string& policy_meta) const {
  if (!models_.contains(View(held.change->model))) return false;
  std::optional<State> a = ReadState(*held.change);
  std::optional<State> b = ReadState(*incoming.change);
  if (!a || !b) return false;
  State joined = Join(*a, *b);
  body = WriteBody(joined);
  policy_meta = WriteMeta(joined);
  return true;
}

std::optional<std::string> MergePolicy::Accept(const tg_policy_item& item) const {
  if (item.change->kind != TG_CHANGE_ITEM || !models_.contains(View(item.change->model))) return std::nullopt;
  auto body = ReadBody(View(item.change->body));
  if (!body || body->size() <= fields_max_) return std::nullopt;
  return "the item has " + std::to_string(body->size()) + " fields; policy-merge keeps a stamp for each of at most " +
         std::to_string(fields_max_) + " (its fields_max)";
}

}  // namespace policy_merge
