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
    },
    "retain": {
      "description": "How long items of a model that goes up are kept here, and how many",
      "type": "object",
      "additionalProperties": {
        "type": "object",
        "additionalProperties": false,
        "properties": {
          "delivered": {"enum": ["keep", "hop", "server"], "description": "drop what the next node, or the server, has"},
          "age_max_ms": {"type": "integer", "minimum": 0, "description": "drop what is older; 0 = no limit"},
          "items_max": {"type": "integer", "minimum": 0, "description": "so many items at most; 0 = no limit"},
          "bytes_max": {"type": "integer", "minimum": 0, "description": "so many bytes of bodies and keys; 0 = no limit"},
          "when_full": {"enum": ["refuse", "drop_oldest", "keep_latest"], "description": "at items_max or bytes_max"}
        }
      }
    }
  }
})json",
                tidegate::sdk::PolicyPlugin<policy_onetable::OnetablePolicy>);
