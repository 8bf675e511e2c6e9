// Whether the items of two models come to lie under one key when the fields that their keys are made of are the same.
// Thread safety: pure. Ownership: none.
#pragma once

#include "host/schema/schema.h"

namespace tidegate {

bool HaveSameKey(const Model& a, const Model& b);

}  // namespace tidegate
