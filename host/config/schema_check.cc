#include "host/config/schema_check.h"

#include "host/config/explain.h"
#include "host/config/scalar.h"
#include "host/config/schema_view.h"
#include "host/config/validate.h"

namespace tidegate {

namespace {

using Ordered = nlohmann::ordered_json;

// std::regex, behind `pattern`, recurses for each character.
constexpr size_t kTextBytesMax = 4096;
constexpr size_t kLinesMax = 20;

std::string FirstLongText(const Ordered& json, const std::string& pointer) {
  if (json.is_string()) return json.get_ref<const std::string&>().size() > kTextBytesMax ? pointer : "";
  if (!json.is_structured()) return "";
  for (auto& [key, value] : json.items()) {
    std::string found = FirstLongText(value, pointer + PointerStep(key));
    if (!found.empty()) return found;
  }
  return "";
}

// Expanded texts become what the schema wants, where it wants a number or a boolean and no text.
void ReadExpanded(Ordered& json, const SchemaView& schema, const Positions& positions, const std::string& prefix,
                  const std::string& pointer) {
  if (json.is_structured()) {
    for (auto& [key, value] : json.items()) {
      ReadExpanded(value, schema, positions, prefix, pointer + PointerStep(key));
    }
    return;
  }
  if (!json.is_string() || !positions.Expanded(prefix + pointer)) return;
  std::set<std::string> types = schema.Types(pointer);
  if (types.contains("string")) return;
  auto scalar = ReadPlainScalar(json.get_ref<const std::string&>());
  if (!scalar.ok()) return;
  bool number = types.contains("integer") || types.contains("number");
  if ((scalar->is_number() && number) || (scalar->is_boolean() && types.contains("boolean"))) json = *scalar;
}

}  // namespace

Status CheckAgainstSchema(Ordered& json, std::string_view schema_text, const std::string& schema_name,
                          const Positions& positions, const std::string& pointer) {
  nlohmann::json schema = nlohmann::json::parse(schema_text, nullptr, false);
  if (schema.is_discarded() || !schema.is_object()) {
    return Status::Invalid(schema_name + ": its JSON Schema is not a JSON object; repair the schema");
  }
  if (std::string found = FirstLongText(json, pointer); !found.empty()) {
    return Status::Invalid(positions.At(found) + ": " + DottedName(found) + ": the text is longer than " +
                           std::to_string(kTextBytesMax) + " bytes; put it in a file and name that");
  }
  SchemaView view(schema);
  ReadExpanded(json, view, positions, pointer, "");
  const nlohmann::json plain = json;
  auto violations = ValidateJson(plain, schema);
  if (!violations.ok()) return violations.status().At(schema_name);
  if (violations->empty()) return {};

  std::vector<std::string> lines = ExplainViolations(*violations, plain, view, positions, pointer);
  std::string message;
  for (size_t i = 0; i < lines.size(); i++) {
    if (i == kLinesMax) {
      message += "\n... and " + std::to_string(lines.size() - i) + " more";
      break;
    }
    message += (i == 0 ? "" : "\n") + lines[i];
  }
  return Status::Invalid(message);
}

}  // namespace tidegate
