// One document laid over another, as conf.d/*.yaml over the main file.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include "host/config/yaml.h"

namespace tidegate {

// Maps merge key by key at every depth; anything else, lists too, replaces what was there. Places go
// with their values.
void MergeOver(YamlDocument& base, YamlDocument overlay);

}  // namespace tidegate
