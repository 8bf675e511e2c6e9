// A `validate` pattern: a JavaScript regular expression, searched for in a text. PCRE2 runs it, with a
// bound on its work, so that a bad pattern cannot stop the writer.
// Thread safety: immutable; Find may run on many threads. Ownership: owns the compiled code.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "host/base/status.h"

namespace tidegate {

class Pattern {
 public:
  // "/re/flags", or any other text, which is the expression itself.
  static Result<Pattern> Compile(std::string_view spec);

  // True if the expression matches somewhere in text (UTF-8). Too much work counts as no match.
  bool Find(std::string_view text) const;
  const std::string& spec() const { return spec_; }

 private:
  struct Code;
  Pattern() = default;
  std::string spec_;
  std::shared_ptr<const Code> code_;
};

}  // namespace tidegate
