// Trace: every event of a simulated world as a line. The lines are hashed, so that two runs can be
// compared bit by bit, and printed only on request.
// Thread safety: none. Ownership: owns its text.
#pragma once

#include <cstdint>
#include <string_view>

namespace tidegate::sim {

class Trace {
 public:
  explicit Trace(bool print) : print_(print) {}

  // agent 0 = the world itself.
  void Line(int64_t now_us, uint64_t agent, const char* format, ...) __attribute__((format(printf, 4, 5)));
  bool printing() const { return print_; }
  uint64_t hash() const { return hash_; }
  uint64_t lines() const { return lines_; }

 private:
  bool print_;
  uint64_t hash_ = 0xcbf29ce484222325ull;
  uint64_t lines_ = 0;
};

// FNV-1a, 64 bits.
uint64_t HashText(std::string_view text, uint64_t seed = 0xcbf29ce484222325ull);

}  // namespace tidegate::sim
