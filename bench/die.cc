#include "bench/die.h"

#include <cstdio>
#include <cstdlib>

namespace tidegate::bench {

void Die(const std::string& message) {
  std::fprintf(stderr, "bench: %s\n", message.c_str());
  std::fflush(stderr);
  std::_Exit(1);
}

}  // namespace tidegate::bench
