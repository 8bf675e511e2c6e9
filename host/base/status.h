// Status and Result<T>: how every function of the host says that it failed, and why.
// Codes are those of the plugin boundary, so that an error crosses it unchanged.
// Thread safety: plain values. Ownership: each owns its text.
#pragma once

#include <cassert>
#include <optional>
#include <string>
#include <utility>

#include "tidegate/error.h"

namespace tidegate {

enum class Code : tg_code {
  kOk = TG_OK,
  kInvalid = TG_INVALID,
  kNotFound = TG_NOT_FOUND,
  kConflict = TG_CONFLICT,
  kRefused = TG_REFUSED,
  kUnavailable = TG_UNAVAILABLE,
  kFull = TG_FULL,
  kIo = TG_IO,
  kCorrupt = TG_CORRUPT,
  kTimeout = TG_TIMEOUT,
  kUnsupported = TG_UNSUPPORTED,
  kInternal = TG_INTERNAL,
};

// The code in the words that logs and JSON answers use, such as "not_found".
const char* CodeName(Code code);

class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Code code, std::string message) : code_(code), message_(std::move(message)) { assert(code != Code::kOk); }

  static Status Ok() { return {}; }
  static Status Invalid(std::string m) { return {Code::kInvalid, std::move(m)}; }
  static Status NotFound(std::string m) { return {Code::kNotFound, std::move(m)}; }
  static Status Conflict(std::string m) { return {Code::kConflict, std::move(m)}; }
  static Status Refused(std::string m) { return {Code::kRefused, std::move(m)}; }
  static Status Unavailable(std::string m) { return {Code::kUnavailable, std::move(m)}; }
  static Status Full(std::string m) { return {Code::kFull, std::move(m)}; }
  static Status Io(std::string m) { return {Code::kIo, std::move(m)}; }
  static Status Corrupt(std::string m) { return {Code::kCorrupt, std::move(m)}; }
  static Status Timeout(std::string m) { return {Code::kTimeout, std::move(m)}; }
  static Status Unsupported(std::string m) { return {Code::kUnsupported, std::move(m)}; }
  static Status Internal(std::string m) { return {Code::kInternal, std::move(m)}; }

  bool ok() const { return code_ == Code::kOk; }
  Code code() const { return code_; }
  const std::string& message() const { return message_; }
  bool retryable() const { return code_ == Code::kUnavailable || code_ == Code::kFull || code_ == Code::kTimeout; }

  // The same error with the place put in front: "gateway.yaml:3:5: port: must be a number".
  Status At(std::string_view place) const;

 private:
  Code code_ = Code::kOk;
  std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}                            // NOLINT: implicit by intent
  Result(Status status) : status_(std::move(status)) { assert(!status_.ok()); }  // NOLINT

  bool ok() const { return value_.has_value(); }
  const Status& status() const { return status_; }
  T& value() & { return assert(ok()), *value_; }
  const T& value() const& { return assert(ok()), *value_; }
  T&& value() && { return assert(ok()), *std::move(value_); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

 private:
  Status status_;
  std::optional<T> value_;
};

// The tg_error form, for the host side of the boundary and back.
Status FromTgError(tg_code code, const tg_error& error);
tg_code ToTgError(const Status& status, const char* where, tg_error* error);

}  // namespace tidegate

#define TG_CONCAT_INNER(a, b) a##b
#define TG_CONCAT(a, b) TG_CONCAT_INNER(a, b)

// Returns the Status of an expression from this function unless it is ok.
#define TG_RETURN_IF_ERROR(expression)                                            \
  do {                                                                            \
    if (auto tg_status = (expression); !tg_status.ok()) return tg_status;         \
  } while (false)

// Declares `lhs` from a Result, or returns its Status from this function.
#define TG_ASSIGN_OR_RETURN(lhs, expression) TG_ASSIGN_OR_RETURN_AT(TG_CONCAT(tg_result_, __LINE__), lhs, expression)
#define TG_ASSIGN_OR_RETURN_AT(result, lhs, expression) \
  auto result = (expression);                           \
  if (!result.ok()) return result.status();             \
  lhs = std::move(result).value()
