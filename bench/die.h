// The end of a benchmark that cannot go on. Child processes die with it (process.h).
// Thread safety: any thread. Ownership: none.
#pragma once

#include <string>

namespace tidegate::bench {

// Says what failed and exits with 1.
[[noreturn]] void Die(const std::string& message);

}  // namespace tidegate::bench
