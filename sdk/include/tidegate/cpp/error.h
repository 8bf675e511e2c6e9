// How a plugin written in C++ says that it failed. A method returns Status, or throws Error (or any
// std::exception); Guard turns either into a tg_code and the caller's tg_error, so that no exception
// crosses the plugin boundary.
// Thread safety: plain values. Ownership: each owns its text.
#pragma once

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "tidegate/error.h"

namespace tidegate::sdk {

// Success, or a code of tidegate/error.h with a message: what failed, on which object, what to do.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(tg_code code, std::string message, int sys_errno = 0)
      : code_(code), sys_errno_(sys_errno), message_(std::move(message)) {}

  bool ok() const { return code_ == TG_OK; }
  tg_code code() const { return code_; }
  int sys_errno() const { return sys_errno_; }
  const std::string& message() const { return message_; }
  // The object it speaks of, if that is not the function that failed: tg_error.where.
  const std::string& where() const { return where_; }
  Status At(std::string where) && {
    where_ = std::move(where);
    return std::move(*this);
  }
  // Whether the same call may succeed later: so of some codes always, of others if it is said.
  bool retryable() const { return retryable_ || Retryable(code_); }
  static bool Retryable(tg_code code) { return code == TG_UNAVAILABLE || code == TG_FULL || code == TG_TIMEOUT; }
  Status Retryable() && {
    retryable_ = true;
    return std::move(*this);
  }

 private:
  tg_code code_ = TG_OK;
  int sys_errno_ = 0;
  bool retryable_ = false;
  std::string message_;
  std::string where_;
};

// The same as an exception, for code that is clearer with one.
class Error : public std::exception {
 public:
  Error(tg_code code, std::string message, int sys_errno = 0) : status_(code, std::move(message), sys_errno) {}
  explicit Error(Status status) : status_(std::move(status)) {}

  const char* what() const noexcept override { return status_.message().c_str(); }
  const Status& status() const { return status_; }

 private:
  Status status_;
};

namespace detail {
// Copies at most size - 1 bytes, never ending inside a UTF-8 sequence.
inline void CopyText(char* to, size_t size, std::string_view from) {
  size_t length = std::min(from.size(), size - 1);
  if (length < from.size()) {
    while (length > 0 && (static_cast<unsigned char>(from[length]) & 0xc0u) == 0x80u) --length;
  }
  if (length > 0) std::memcpy(to, from.data(), length);
  to[length] = '\0';
}
}  // namespace detail

// Fills the caller's tg_error (which may be null) and returns the code.
inline tg_code Fail(tg_error* error, const char* where, tg_code code, std::string_view message, int sys_errno = 0) {
  if (error != nullptr) {
    *error = {};
    error->code = code;
    error->retryable = Status::Retryable(code) ? 1 : 0;
    error->sys_errno = sys_errno;
    detail::CopyText(error->where, sizeof error->where, where);
    detail::CopyText(error->message, sizeof error->message, message);
  }
  return code;
}

inline tg_code Fail(tg_error* error, const char* where, const Status& status) {
  if (status.ok()) return TG_OK;
  if (!status.where().empty()) where = status.where().c_str();
  Fail(error, where, status.code(), status.message(), status.sys_errno());
  if (error != nullptr) error->retryable = status.retryable() ? 1 : 0;
  return status.code();
}

// Runs a body that returns nothing or Status; whatever it throws ends here.
template <typename Body>
tg_code Guard(const char* where, tg_error* error, Body&& body) noexcept {
  try {
    if constexpr (std::is_void_v<std::invoke_result_t<Body>>) {
      body();
      return TG_OK;
    } else {
      static_assert(std::is_same_v<std::invoke_result_t<Body>, Status>, "a plugin method returns void or Status");
      return Fail(error, where, body());
    }
  } catch (const Error& e) {
    // A thrown "ok" would look like success to the host.
    if (e.status().ok()) return Fail(error, where, TG_INTERNAL, "the plugin threw an error without a code");
    return Fail(error, where, e.status());
  } catch (const std::bad_alloc&) {
    return Fail(error, where, TG_FULL, "out of memory");
  } catch (const std::exception& e) {
    return Fail(error, where, TG_INTERNAL, e.what());
  } catch (...) {
    return Fail(error, where, TG_INTERNAL, "the plugin threw something that is no std::exception");
  }
}

}  // namespace tidegate::sdk
