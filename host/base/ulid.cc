#include "host/base/ulid.h"

#include <algorithm>

namespace tidegate {

std::string UlidGenerator::Next(int64_t unix_ms) {
  if (unix_ms > last_ms_) {
    last_ms_ = unix_ms;
    high_ = static_cast<uint16_t>(random_());
    low_ = random_();
  } else if (++low_ == 0 && ++high_ == 0) {
    ++last_ms_;  // 2^80 in one millisecond: borrow the next
  }
  static const char kAlphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  std::string text(26, '0');
  auto ms = static_cast<uint64_t>(last_ms_);
  for (size_t i = 10; i-- > 0; ms >>= 5) text[i] = kAlphabet[ms & 31];
  uint64_t low = low_;
  uint64_t high = high_;
  for (size_t i = 26; i-- > 10;) {
    text[i] = kAlphabet[low & 31];
    low = low >> 5 | high << 59;
    high >>= 5;
  }
  return text;
}

}  // namespace tidegate
