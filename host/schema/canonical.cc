#include "host/schema/canonical.h"

#include <array>
#include <charconv>
#include <cmath>

namespace tidegate {
namespace {

// Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms".
int64_t DaysFromCivil(int64_t y, int64_t m, int64_t d) {
  y -= m <= 2;
  int64_t era = (y >= 0 ? y : y - 399) / 400;
  int64_t yoe = y - era * 400;
  int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
  return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

int DaysInMonth(int64_t y, int64_t m) {
  static constexpr std::array<int, 12> kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
  return kDays[static_cast<size_t>(m - 1)] + (m == 2 && leap ? 1 : 0);
}

// Reads exactly `digits` decimal digits off the front.
bool Take(std::string_view* text, size_t digits, int64_t* value) {
  if (text->size() < digits) return false;
  *value = 0;
  for (size_t i = 0; i < digits; ++i) {
    char c = (*text)[i];
    if (c < '0' || c > '9') return false;
    *value = *value * 10 + (c - '0');
  }
  text->remove_prefix(digits);
  return true;
}

bool TakeChar(std::string_view* text, char c) {
  if (text->empty() || text->front() != c) return false;
  text->remove_prefix(1);
  return true;
}

}  // namespace

void AppendNumber(double n, std::string* out) {
  char buffer[32];
  double magnitude = std::fabs(n);
  if (magnitude <= kNumberMax && n == std::trunc(n)) {
    auto end = std::to_chars(buffer, buffer + sizeof buffer, static_cast<int64_t>(n)).ptr;
    out->append(buffer, end);
    return;
  }
  if (magnitude >= 1e-6 && magnitude <= kNumberMax) {
    auto end = std::to_chars(buffer, buffer + sizeof buffer, n, std::chars_format::fixed).ptr;
    out->append(buffer, end);
    return;
  }
  // d.ddde+XX: take it apart into digits and exponent, and write it as JavaScript does.
  char* end = std::to_chars(buffer, buffer + sizeof buffer, n, std::chars_format::scientific).ptr;
  std::string_view text(buffer, static_cast<size_t>(end - buffer));
  if (text.front() == '-') {
    *out += '-';
    text.remove_prefix(1);
  }
  size_t e = text.find('e');
  std::string digits(1, text[0]);
  if (e > 2) digits += text.substr(2, e - 2);
  int exponent = 0;
  const char* exponent_at = text.data() + e + (text[e + 1] == '+' ? 2 : 1);
  std::from_chars(exponent_at, text.data() + text.size(), exponent);
  if (exponent >= 0 && exponent < 21) {
    *out += digits;
    out->append(static_cast<size_t>(exponent) + 1 - digits.size(), '0');
    return;
  }
  *out += digits[0];
  if (digits.size() > 1) (*out += '.').append(digits, 1);
  *out += exponent < 0 ? "e-" : "e+";
  *out += std::to_string(std::abs(exponent));
}

void AppendJsonString(std::string_view text, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  *out += '"';
  size_t from = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out->append(text, from, i - from);
    from = i + 1;
    *out += '\\';
    switch (c) {
      case '"':
        *out += '"';
        break;
      case '\\':
        *out += '\\';
        break;
      case '\b':
        *out += 'b';
        break;
      case '\f':
        *out += 'f';
        break;
      case '\n':
        *out += 'n';
        break;
      case '\r':
        *out += 'r';
        break;
      case '\t':
        *out += 't';
        break;
      default:
        *out += "u00";
        *out += kHex[c >> 4];
        *out += kHex[c & 15];
    }
  }
  out->append(text, from, text.size() - from);
  *out += '"';
}

void AppendUtf8(uint32_t c, std::string* out) {
  auto byte = [out](uint32_t b) { *out += static_cast<char>(b); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0 | c >> 6), byte(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    byte(0xE0 | c >> 12), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
  } else {
    byte(0xF0 | c >> 18), byte(0x80 | (c >> 12 & 0x3F)), byte(0x80 | (c >> 6 & 0x3F)), byte(0x80 | (c & 0x3F));
  }
}

size_t InvalidUtf8At(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto at = [&](size_t k) -> uint32_t { return i + k < text.size() ? static_cast<unsigned char>(text[i + k]) : 0u; };
    uint32_t c = at(0);
    if (c < 0x80) {
      ++i;
      continue;
    }
    size_t size = c >= 0xF0 ? 4 : c >= 0xE0 ? 3 : 2;
    if (c < 0xC2 || c > 0xF4) return i;
    for (size_t k = 1; k < size; ++k) {
      if ((at(k) & 0xC0) != 0x80) return i;
    }
    bool overlong = (c == 0xE0 && at(1) < 0xA0) || (c == 0xF0 && at(1) < 0x90);
    bool surrogate = c == 0xED && at(1) > 0x9F;
    bool beyond = c == 0xF4 && at(1) > 0x8F;
    if (overlong || surrogate || beyond) return i;
    i += size;
  }
  return std::string_view::npos;
}

bool IsDateMs(double ms) { return ms >= -62167219200000.0 && ms <= 253402300799999.0 && ms == std::trunc(ms); }

void AppendIsoDate(int64_t ms, std::string* out) {
  int64_t days = ms / 86400000;
  int64_t rest = ms % 86400000;
  if (rest < 0) rest += 86400000, --days;
  int64_t z = days + 719468;
  int64_t era = (z >= 0 ? z : z - 146096) / 146097;
  int64_t doe = z - era * 146097;
  int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
  int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  int64_t mp = (5 * doy + 2) / 153;
  int64_t day = doy - (153 * mp + 2) / 5 + 1;
  int64_t month = mp < 10 ? mp + 3 : mp - 9;
  int64_t year = yoe + era * 400 + (month <= 2 ? 1 : 0);
  char text[] = "0000-00-00T00:00:00.000Z";
  auto put = [&text](size_t last, int64_t value) {
    for (; value > 0; value /= 10) text[last--] = static_cast<char>('0' + value % 10);
  };
  put(3, year), put(6, month), put(9, day);
  put(12, rest / 3600000), put(15, rest / 60000 % 60), put(18, rest / 1000 % 60), put(22, rest % 1000);
  out->append(text, sizeof text - 1);
}

std::optional<int64_t> ParseIsoDate(std::string_view text) {
  int64_t year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, ms = 0, offset_minutes = 0;
  if (!Take(&text, 4, &year) || !TakeChar(&text, '-') || !Take(&text, 2, &month) || !TakeChar(&text, '-') ||
      !Take(&text, 2, &day)) {
    return std::nullopt;
  }
  if (month < 1 || month > 12 || day < 1 || day > DaysInMonth(year, month)) return std::nullopt;
  if (!text.empty()) {
    if (!TakeChar(&text, 'T') || !Take(&text, 2, &hour) || !TakeChar(&text, ':') || !Take(&text, 2, &minute)) {
      return std::nullopt;
    }
    if (TakeChar(&text, ':')) {
      if (!Take(&text, 2, &second)) return std::nullopt;
      if (TakeChar(&text, '.')) {
        int64_t scale = 100;
        int64_t digit = 0;
        if (!Take(&text, 1, &digit)) return std::nullopt;
        do {
          ms += digit * scale;  // digits after the third count nothing
          scale /= 10;
        } while (Take(&text, 1, &digit));
      }
    }
    if (text == "Z") {
      text = {};
    } else if (!text.empty()) {
      int64_t sign = text.front() == '-' ? -1 : 1;
      int64_t h = 0, m = 0;
      if ((text.front() != '+' && text.front() != '-')) return std::nullopt;
      text.remove_prefix(1);
      if (!Take(&text, 2, &h) || !TakeChar(&text, ':') || !Take(&text, 2, &m) || h > 23 || m > 59) return std::nullopt;
      offset_minutes = sign * (h * 60 + m);
    }
    if (!text.empty() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  }
  int64_t result =
      ((DaysFromCivil(year, month, day) * 24 + hour) * 60 + minute - offset_minutes) * 60000 + second * 1000 + ms;
  if (!IsDateMs(static_cast<double>(result))) return std::nullopt;
  return result;
}

bool IsBase64(std::string_view text) {
  if (text.size() % 4 != 0) return false;
  auto value = [](char c) -> int {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
  };
  size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  for (size_t i = 0; i + padding < text.size(); ++i) {
    if (value(text[i]) < 0) return false;
  }
  // The bits that padding leaves over must be zero, or one value would have several spellings.
  if (padding == 1) return (value(text[text.size() - 2]) & 3) == 0;
  if (padding == 2) return (value(text[text.size() - 3]) & 15) == 0;
  return true;
}

}  // namespace tidegate
