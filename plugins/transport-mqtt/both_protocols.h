// The fixture of tests that run with both versions of MQTT.
// Thread safety: none. Ownership: none.
#pragma once

#include <gtest/gtest.h>

#include <string>

namespace tidegate::mqtt {

class BothProtocols : public testing::TestWithParam<const char*> {
 protected:
  // The member of the plugin's configuration, with the comma before it.
  std::string Protocol() const { return ",\"protocol\":\"" + std::string(GetParam()) + "\""; }
};

inline std::string ProtocolName(const testing::TestParamInfo<const char*>& info) {
  return info.param[0] == '5' ? "v5" : "v311";
}

}  // namespace tidegate::mqtt
