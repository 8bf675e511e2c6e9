#include "host/schema/pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

namespace tidegate {
namespace {
constexpr uint32_t kMatchStepsMax = 200000;
constexpr uint32_t kHeapKibMax = 1024;
}  // namespace

struct Pattern::Code {
  pcre2_code* code = nullptr;
  pcre2_match_context* context = nullptr;
  Code() = default;
  Code(const Code&) = delete;
  Code& operator=(const Code&) = delete;
  ~Code() {
    pcre2_code_free(code);
    pcre2_match_context_free(context);
  }
};

Result<Pattern> Pattern::Compile(std::string_view spec) {
  Pattern pattern;
  pattern.spec_ = std::string(spec);
  std::string_view expression = spec;
  uint32_t options = PCRE2_UTF | PCRE2_ALT_BSUX | PCRE2_MATCH_UNSET_BACKREF | PCRE2_DOLLAR_ENDONLY |
                     PCRE2_NEVER_BACKSLASH_C | PCRE2_ALLOW_EMPTY_CLASS;
  size_t last = spec.rfind('/');
  if (spec.starts_with('/') && last > 0) {
    expression = spec.substr(1, last - 1);
    for (char flag : spec.substr(last + 1)) {
      if (flag == 'i') {
        options |= PCRE2_CASELESS;
      } else if (flag == 'm') {
        options |= PCRE2_MULTILINE;
      } else if (flag == 's') {
        options |= PCRE2_DOTALL;
      } else if (flag != 'g' && flag != 'u' && flag != 'd') {
        return Status::Invalid(std::string("the regular expression flag '") + flag + "' is not known; use i, m, s, u");
      }
    }
  }
  int error = 0;
  PCRE2_SIZE at = 0;
  auto code = std::make_shared<Code>();
  code->code =
      pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), options, &error, &at, nullptr);
  if (code->code == nullptr) {
    PCRE2_UCHAR text[160] = {};
    pcre2_get_error_message(error, text, sizeof text);
    return Status::Invalid("the regular expression is wrong at character " + std::to_string(at) + ": " +
                           reinterpret_cast<const char*>(text));
  }
  // Where memory may not be executable this fails, and pcre2_match interprets instead.
  (void)pcre2_jit_compile(code->code, PCRE2_JIT_COMPLETE);
  code->context = pcre2_match_context_create(nullptr);
  if (code->context == nullptr) return Status::Internal("no memory for a regular expression");
  pcre2_set_match_limit(code->context, kMatchStepsMax);
  pcre2_set_heap_limit(code->context, kHeapKibMax);
  pattern.code_ = std::move(code);
  return pattern;
}

bool Pattern::Find(std::string_view text) const {
  pcre2_match_data* data = pcre2_match_data_create(1, nullptr);
  if (data == nullptr) return false;
  auto subject = reinterpret_cast<PCRE2_SPTR>(text.empty() ? "" : text.data());
  int result = pcre2_match(code_->code, subject, text.size(), 0, PCRE2_NO_UTF_CHECK, data, code_->context);
  pcre2_match_data_free(data);
  return result >= 0;
}

}  // namespace tidegate
