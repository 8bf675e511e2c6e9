// Whether a model's items are written once or updated under the same key: if the primary key is made
// with a generated value, each item is a new one. State models do not share a lane with such history,
// whose tail they would chase.
// Thread safety: a function without shared state. Ownership: none.
#pragma once

#include "plugins/policy-onetable/json.h"

namespace policy_onetable {

// model: a member of schema.models.
bool WrittenOnce(const Json& schema, const Json& model);

}  // namespace policy_onetable
