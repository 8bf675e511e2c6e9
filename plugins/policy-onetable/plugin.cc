#include "tidegate/cpp/plugin.h"

#include "plugins/policy-onetable/policy.h"

TIDEGATE_PLUGIN("policy-onetable", TG_POLICY_KIND, TG_VERSION_STRING, R"json({
  "$schema": "http://json-schema.org/draft-07/schema#",
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "lanes": {
      "description": "The lane of a model, where its schema would lead to another",
      "type": "object",
      "additionalProperties": {"enum": ["urgent", "state", "history", "bulk"]}
    }
  }
})json",
                tidegate::sdk::PolicyPlugin<policy_onetable::OnetablePolicy>);
