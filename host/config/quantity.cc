#include "host/config/quantity.h"

#include <charconv>
#include <cmath>
#include <string>

namespace tidegate {

namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit kDurationUnits[] = {{"", 1}, {"ms", 1}, {"s", 1e3}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};
constexpr Unit kByteUnits[] = {{"", 1},     {"B", 1},        {"KB", 1e3},        {"MB", 1e6},
                               {"GB", 1e9}, {"KiB", 1024.0}, {"MiB", 1048576.0}, {"GiB", 1073741824.0}};

// Above this a double no longer holds every whole number.
constexpr double kMax = 9007199254740992.0;

template <size_t N>
Result<uint64_t> Parse(std::string_view text, const Unit (&units)[N], const char* what, const char* example) {
  double number = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  if (error != std::errc() || number < 0 || !std::isfinite(number)) {
    return Status::Invalid("'" + std::string(text) + "' is not a " + what + "; write " + example);
  }
  for (const Unit& known : units) {
    if (unit != known.name) continue;
    double value = std::round(number * known.factor);
    if (value >= kMax) return Status::Invalid("'" + std::string(text) + "' is too large a " + what);
    return static_cast<uint64_t>(value);
  }
  return Status::Invalid("'" + std::string(unit) + "' is not a unit of a " + what + "; write " + example);
}

}  // namespace

Result<int64_t> ParseDurationMs(std::string_view text) {
  TG_ASSIGN_OR_RETURN(uint64_t ms, Parse(text, kDurationUnits, "duration", "a number with ms, s, min, h or d, as 5s"));
  return static_cast<int64_t>(ms);
}

Result<uint64_t> ParseBytes(std::string_view text) {
  return Parse(text, kByteUnits, "size", "a number with B, KB, MB, GB, KiB, MiB or GiB, as 10KB");
}

}  // namespace tidegate
