#include "tidegate/cpp/plugin.h"

#include "plugins/policy-merge/policy.h"

TIDEGATE_PLUGIN("policy-merge", TG_POLICY_KIND, TG_VERSION_STRING, R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "models": {
      "description": "Models that are merged field by field, beside those whose schema says so",
      "type": "array",
      "items": {"type": "string", "minLength": 1},
      "uniqueItems": true
    },
    "fields_max": {
      "description": "An item of a merged model may have so many fields",
      "type": "integer",
      "minimum": 1,
      "maximum": 4096,
      "default": 256
    }
  }
})json",
                tidegate::sdk::PolicyPlugin<policy_merge::MergePolicy>);
