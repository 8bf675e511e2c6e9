// A level of the configuration as plugins and the log know it.
#pragma once

#include "host/config/config.h"
#include "tidegate/services.h"

namespace tidegate::daemon {

inline uint32_t LogNumber(LogLevel level) {
  switch (level) {
    case LogLevel::kError:
      return TG_LOG_ERROR;
    case LogLevel::kWarning:
      return TG_LOG_WARNING;
    case LogLevel::kInfo:
      return TG_LOG_INFO;
    case LogLevel::kDebug:
      return TG_LOG_DEBUG;
  }
  return TG_LOG_INFO;
}

}  // namespace tidegate::daemon
