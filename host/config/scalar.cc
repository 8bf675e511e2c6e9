#include "host/config/scalar.h"

#include <charconv>
#include <cmath>
#include <string_view>

namespace tidegate {

namespace {

using Json = nlohmann::ordered_json;

bool IsDigits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

Status TooLarge(const std::string& text) {
  return Status::Invalid("number " + text + " is out of range; put it in quotes if it is a text");
}

// digits without sign, of the base.
Result<Json> ReadInteger(const std::string& text, std::string_view digits, bool negative, int base) {
  uint64_t magnitude = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), magnitude, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return TooLarge(text);
  if (!negative && magnitude <= INT64_MAX) return Json(static_cast<int64_t>(magnitude));
  if (!negative) return Json(magnitude);
  if (magnitude > uint64_t{1} << 63) return TooLarge(text);
  return Json(static_cast<int64_t>(~magnitude + 1));
}

// [0-9]* [.[0-9]*] [(e|E) [+-] [0-9]+], with a digit before the exponent, and a point or an exponent.
bool IsFloat(std::string_view text) {
  size_t exponent = text.find_first_of("eE");
  std::string_view mantissa = text.substr(0, exponent);
  if (exponent != std::string_view::npos) {
    std::string_view power = text.substr(exponent + 1);
    if (!power.empty() && (power[0] == '+' || power[0] == '-')) power.remove_prefix(1);
    if (!IsDigits(power)) return false;
  }
  size_t point = mantissa.find('.');
  if (point == std::string_view::npos) return exponent != std::string_view::npos && IsDigits(mantissa);
  std::string_view whole = mantissa.substr(0, point);
  std::string_view part = mantissa.substr(point + 1);
  return (whole.empty() || IsDigits(whole)) && (part.empty() || IsDigits(part)) && whole.size() + part.size() > 0;
}

}  // namespace

Result<Json> ReadPlainScalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return Json(nullptr);
  if (text == "true" || text == "True" || text == "TRUE") return Json(true);
  if (text == "false" || text == "False" || text == "FALSE") return Json(false);

  std::string_view digits = text;
  bool negative = digits[0] == '-';
  if (negative || digits[0] == '+') digits.remove_prefix(1);
  if (IsDigits(digits)) {
    if (digits.size() > 1 && digits[0] == '0') {
      return Status::Invalid(text + " with a leading zero is an octal number to some readers; write it without, or '" +
                             text + "' in quotes if it is a text");
    }
    return ReadInteger(text, digits, negative, 10);
  }
  if (text.size() > 2 && text[0] == '0' && text[1] == 'x' &&
      text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string::npos) {
    return ReadInteger(text, digits.substr(2), false, 16);
  }
  if (text.size() > 2 && text[0] == '0' && text[1] == 'o' &&
      text.find_first_not_of("01234567", 2) == std::string::npos) {
    return ReadInteger(text, digits.substr(2), false, 8);
  }
  if (digits == ".inf" || digits == ".Inf" || digits == ".INF" || text == ".nan" || text == ".NaN" || text == ".NAN") {
    return Status::Invalid(text + " is not a number that JSON has; put it in quotes if it is a text");
  }
  if (IsFloat(digits)) {
    double value = 0;
    auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || !std::isfinite(value)) return TooLarge(text);
    return Json(negative ? -value : value);
  }
  return Json(text);
}

}  // namespace tidegate
