// The target of a request: path and query, decoded.
// Thread safety: plain values. Ownership: all owned.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "host/base/ids.h"
#include "host/base/status.h"

namespace tidegate::api {

// "a%20b" -> "a b"; plus_is_space for queries.
Result<std::string> PercentDecode(std::string_view text, bool plus_is_space);

class Params {
 public:
  // Refuses a parameter given twice.
  static Result<Params> Parse(std::string_view query);

  // Removes and returns a parameter.
  std::optional<std::string> Take(std::string_view name);
  Result<std::optional<AgentId>> TakeAgent(std::string_view name);
  Result<uint64_t> TakeUnsigned(std::string_view name, uint64_t otherwise, uint64_t max);
  // "1", "true" or nothing after the name; "0", "false".
  Result<bool> TakeBool(std::string_view name);

  const std::vector<std::pair<std::string, std::string>>& left() const { return left_; }
  // Ok if everything was taken; otherwise names the parameter and the nearest of known.
  Status Done(const std::vector<std::string>& known) const;
  // What was not taken, as a JSON object of texts. A name that begins with '_' must be one of known or
  // an attribute of the envelope (_src, _dst).
  Result<std::string> FieldsToJson(const std::vector<std::string>& known) const;

 private:
  std::vector<std::pair<std::string, std::string>> left_;
};

struct Target {
  std::vector<std::string> segments;  // of the path
  Params params;

  static Result<Target> Parse(std::string_view uri);
};

}  // namespace tidegate::api
