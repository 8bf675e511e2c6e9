// ULIDs: 48-bit milliseconds and 80 random bits in 26 characters of Crockford's base32
// (github.com/ulid/spec). Monotonic within a millisecond: the random part counts up.
// Thread safety: one generator per thread. Ownership: none.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>

namespace tidegate {

class UlidGenerator {
 public:
  // random fills 64 random bits at each call.
  explicit UlidGenerator(std::function<uint64_t()> random) : random_(std::move(random)) {}

  // A ULID greater than every one this generator made before, also when the clock steps back.
  std::string Next(int64_t unix_ms);

 private:
  std::function<uint64_t()> random_;
  int64_t last_ms_ = -1;
  uint16_t high_ = 0;  // the 80 random bits
  uint64_t low_ = 0;
};

}  // namespace tidegate
