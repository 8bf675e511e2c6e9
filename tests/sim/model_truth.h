// What the simulator itself knows of its models, apart from schema and policy: the truth that directions
// are checked against.
// Thread safety: constant. Ownership: static.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "host/core/policy.h"
#include "host/replica/catalog.h"

namespace tidegate::sim {

enum class KeyForm : uint8_t {
  kSingle,     // one item for each owner
  kNamed,      // by name
  kGenerated,  // a new key at each create
};

struct ModelTruth {
  const char* name;
  uint32_t direction;
  KeyForm form;
  bool joined = false;    // by policy-merge; else the newest wins
  bool changing = false;  // in a world of changing policies each node has its own direction (World::Direction)
};

inline constexpr ModelTruth kModels[] = {
    {"Reading", TG_DIRECTION_UP, KeyForm::kGenerated},
    {"Status", TG_DIRECTION_UP, KeyForm::kSingle},
    {"Gauge", TG_DIRECTION_UP, KeyForm::kNamed},
    {"Config", TG_DIRECTION_DOWN, KeyForm::kNamed},
    {"Setting", TG_DIRECTION_BOTH, KeyForm::kNamed},
    {"Note", TG_DIRECTION_NONE, KeyForm::kNamed},
    {"Profile", TG_DIRECTION_BOTH, KeyForm::kNamed, true},
    {"Order", TG_DIRECTION_DOWN, KeyForm::kNamed},
    {"Done", TG_DIRECTION_UP, KeyForm::kNamed},
    {"Memo", TG_DIRECTION_NONE, KeyForm::kNamed, false, true},
};

const ModelTruth* FindModel(std::string_view name);

// policy-onetable and policy-merge over their C tables, and the catalog of the models above; made once in a process.
const core::Policy& GoodPolicy();
std::shared_ptr<const replica::Catalog> MakeCatalog(core::Policy& policy);
std::shared_ptr<const replica::Catalog> GoodCatalog();
// The same without policy-merge.
const core::Policy& NewestPolicy();
std::shared_ptr<const replica::Catalog> NewestCatalog();
// The same models, with this direction of the one that changes; strict as below, and with limits.
std::shared_ptr<const replica::Catalog> ChangingCatalog(uint32_t direction, bool strict, const std::string& retain);
// The same models, but what goes up may have a text of at most kStrictTextMax.
inline constexpr size_t kStrictTextMax = 200;
std::shared_ptr<const replica::Catalog> StrictCatalog();

// The same models with limits: `retain` is that of policy-onetable's configuration.
std::shared_ptr<const replica::Catalog> MakeTightCatalog(const std::string& retain);

}  // namespace tidegate::sim
