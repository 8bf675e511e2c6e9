#include "host/base/status.h"

#include <cstring>

namespace tidegate {

const char* CodeName(Code code) {
  switch (code) {
    case Code::kOk: return "ok";
    case Code::kInvalid: return "invalid";
    case Code::kNotFound: return "not_found";
    case Code::kConflict: return "conflict";
    case Code::kRefused: return "refused";
    case Code::kUnavailable: return "unavailable";
    case Code::kFull: return "full";
    case Code::kIo: return "io";
    case Code::kCorrupt: return "corrupt";
    case Code::kTimeout: return "timeout";
    case Code::kUnsupported: return "unsupported";
    case Code::kInternal: return "internal";
  }
  return "internal";
}

Status Status::At(std::string_view place) const {
  if (ok()) return {};
  return {code_, std::string(place) + ": " + message_};
}

namespace {
template <size_t N>
void CopyText(char (&to)[N], std::string_view text) {
  size_t size = std::min(text.size(), N - 1);
  std::memcpy(to, text.data(), size);
  to[size] = '\0';
}

template <size_t N>
std::string_view TextOf(const char (&from)[N]) {
  return {from, strnlen(from, N)};
}
}  // namespace

Status FromTgError(tg_code code, const tg_error& error) {
  if (code == TG_OK) return {};
  if (code < TG_INVALID || code > TG_INTERNAL) code = TG_INTERNAL;
  std::string message(TextOf(error.where));
  if (!message.empty()) message += ": ";
  message += TextOf(error.message);
  if (error.sys_errno != 0) message += std::string(" (") + strerror(error.sys_errno) + ")";
  return {static_cast<Code>(code), std::move(message)};
}

tg_code ToTgError(const Status& status, const char* where, tg_error* error) {
  if (status.ok()) return TG_OK;
  if (error != nullptr) {
    *error = {};
    error->code = static_cast<tg_code>(status.code());
    error->retryable = status.retryable() ? 1 : 0;
    CopyText(error->where, where);
    CopyText(error->message, status.message());
  }
  return static_cast<tg_code>(status.code());
}

}  // namespace tidegate
