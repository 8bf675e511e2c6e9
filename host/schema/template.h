// A value template such as "fault#${id}" or "${seq:8}", taken apart once.
// Thread safety: immutable. Ownership: owns its text.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "host/base/status.h"

namespace tidegate {

struct ValueTemplate {
  // What a variable's first name stands for.
  enum class Source : uint8_t { kField, kType, kSrc, kDst, kOwner, kNothing };
  struct Part {
    std::string literal;            // in front of the variable
    std::string variable;           // "a.b"; empty in a last part that is only literal
    std::vector<std::string> path;  // {"a", "b"}
    Source source = Source::kNothing;
    uint16_t field = 0;   // kField: index in ModelRules::fields
    uint16_t pad_to = 0;  // 0 = no padding
    std::string pad = "0";
  };
  std::string text;
  std::vector<Part> parts;

  static Result<ValueTemplate> Parse(std::string_view text);
};

}  // namespace tidegate
