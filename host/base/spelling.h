// The nearest known name to one that is not known.
// Thread safety: functions without shared state. Ownership: none.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace tidegate {

// Letters to insert, remove, replace or swap with their neighbour to make one name the other.
size_t EditDistance(std::string_view a, std::string_view b);

// The known name that was most likely meant; empty if none is near.
std::string NearestName(std::string_view name, const std::vector<std::string>& known);

}  // namespace tidegate
