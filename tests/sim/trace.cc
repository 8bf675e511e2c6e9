#include "tests/sim/trace.h"

#include <algorithm>
#include <cstdarg>
#include <cstdio>

namespace tidegate::sim {

uint64_t HashText(std::string_view text, uint64_t seed) {
  for (char c : text) seed = (seed ^ static_cast<uint8_t>(c)) * 0x100000001b3ull;
  return seed;
}

void Trace::Line(int64_t now_us, uint64_t agent, const char* format, ...) {
  char line[512];
  int head = std::snprintf(line, sizeof line, "%lld.%06lld %llu ", static_cast<long long>(now_us / 1'000'000),
                           static_cast<long long>(now_us % 1'000'000), static_cast<unsigned long long>(agent));
  va_list arguments;
  va_start(arguments, format);
  int tail = std::vsnprintf(line + head, sizeof line - static_cast<size_t>(head), format, arguments);
  va_end(arguments);
  size_t size = std::min(static_cast<size_t>(head + std::max(tail, 0)), sizeof line - 1);
  hash_ = HashText({line, size}, hash_);
  ++lines_;
  if (print_) std::printf("%.*s\n", static_cast<int>(size), line);
}

}  // namespace tidegate::sim
