// Wall time of a measurement.
// Thread safety: functions. Ownership: none.
#pragma once

#include <chrono>

namespace tidegate::bench {

using TimePoint = std::chrono::steady_clock::time_point;

inline TimePoint Now() { return std::chrono::steady_clock::now(); }
inline double SecondsSince(TimePoint start) { return std::chrono::duration<double>(Now() - start).count(); }

}  // namespace tidegate::bench
