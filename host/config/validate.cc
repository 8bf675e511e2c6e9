#include "host/config/validate.h"

#include <exception>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

#include "host/config/positions.h"

namespace tidegate {

Result<std::vector<Violation>> ValidateJson(const nlohmann::json& json, const nlohmann::json& schema) {
  try {
    valijson::Schema parsed;
    valijson::SchemaParser(valijson::SchemaParser::kDraft7)
        .populateSchema(valijson::adapters::NlohmannJsonAdapter(schema), parsed);
    valijson::Validator validator(valijson::Validator::kStrongTypes);
    valijson::ValidationResults results;
    std::vector<Violation> violations;
    if (validator.validate(parsed, valijson::adapters::NlohmannJsonAdapter(json), &results)) return violations;
    for (const auto& error : results) {
      std::string pointer;
      // The context is "<root>", then "[name]" for each step.
      for (size_t i = 1; i < error.context.size(); i++) {
        const std::string& step = error.context[i];
        pointer += PointerStep(std::string_view(step).substr(1, step.size() - 2));
      }
      violations.push_back({pointer, error.description});
    }
    if (violations.empty()) violations.push_back({"", "does not follow its schema"});
    return violations;
  } catch (const std::exception& error) {
    return Status::Invalid(std::string("the JSON Schema cannot be used: ") + error.what());
  }
}

}  // namespace tidegate
