// The configuration of one replica file.
// Thread safety: plain value. Ownership: owns its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tidegate::sqlite {

struct Config {
  std::string path;
  uint64_t cache_kib = 8192;  // of the writer; a reader takes an eighth, at least 256
  uint64_t readers = 4;       // connections at most, opened when needed
  bool synchronous_full = true;
  uint64_t bytes_max = 0;               // of the file; 0 = no limit
  uint64_t reserve_bytes = UINT64_MAX;  // Reserve::kAuto

  // Throws sdk::Error with TG_INVALID.
  static Config Parse(std::string_view json);
};

}  // namespace tidegate::sqlite
