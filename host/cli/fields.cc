#include "host/cli/fields.h"

#include "host/base/ids.h"

namespace tidegate::cli {

Result<Json> FieldsToJson(const std::vector<std::string>& words, size_t first) {
  Json object = Json::object();
  if (words.size() == first + 1 && words[first].starts_with("{")) {
    object = Json::parse(words[first], nullptr, false);
    if (!object.is_object()) return Status::Invalid("this is no JSON object: " + words[first]);
    return object;
  }
  for (size_t i = first; i < words.size(); i++) {
    const std::string& word = words[i];
    size_t equals = word.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Status::Invalid("\"" + word + "\" must be FIELD=VALUE, FIELD:=JSON or one JSON object");
    }
    bool json = word[equals - 1] == ':';
    std::string name = word.substr(0, json ? equals - 1 : equals);
    std::string text = word.substr(equals + 1);
    if (name.empty()) return Status::Invalid("\"" + word + "\" names no field");
    if (object.contains(name)) return Status::Invalid("the field " + name + " is given twice");
    Json value = text;
    if (json) {
      value = Json::parse(text, nullptr, false);
      if (value.is_discarded()) return Status::Invalid("the value of " + name + " is no JSON: " + text);
    }
    object[name] = std::move(value);
  }
  return object;
}

Status SetAgent(const Arguments& arguments, const char* option, const char* member, Json* json) {
  if (!arguments.Has(option)) return Status::Ok();
  Result<AgentId> agent = ParseAgent(arguments.Get(option));
  if (!agent.ok()) return agent.status().At(option);
  (*json)[member] = *agent;
  return Status::Ok();
}

}  // namespace tidegate::cli
