#include "host/api/params.h"

#include <algorithm>

#include "host/api/json_text.h"
#include "host/base/spelling.h"

namespace tidegate::api {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status Unknown(const std::string& name, const std::vector<std::string>& known) {
  std::string message = "unknown parameter \"" + name + "\"";
  std::string nearest = NearestName(name, known);
  if (!nearest.empty()) message += "; did you mean \"" + nearest + "\"?";
  return Status::Invalid(message);
}

}  // namespace

Result<std::string> PercentDecode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '+' && plus_is_space) {
      out.push_back(' ');
    } else if (text[i] != '%') {
      out.push_back(text[i]);
    } else {
      int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
      int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return Status::Invalid("the address has a '%' without two hex digits after it");
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    }
  }
  return out;
}

Result<Params> Params::Parse(std::string_view query) {
  Params params;
  while (!query.empty()) {
    size_t end = query.find('&');
    std::string_view part = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (part.empty()) continue;
    size_t equals = part.find('=');
    TG_ASSIGN_OR_RETURN(std::string name, PercentDecode(part.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      TG_ASSIGN_OR_RETURN(value, PercentDecode(part.substr(equals + 1), true));
    }
    for (const auto& [other, unused] : params.left_) {
      if (other == name) return Status::Invalid("parameter \"" + name + "\" is given twice");
    }
    params.left_.emplace_back(std::move(name), std::move(value));
  }
  return params;
}

std::optional<std::string> Params::Take(std::string_view name) {
  auto found = std::find_if(left_.begin(), left_.end(), [&](const auto& entry) { return entry.first == name; });
  if (found == left_.end()) return std::nullopt;
  std::string value = std::move(found->second);
  left_.erase(found);
  return value;
}

Result<std::optional<AgentId>> Params::TakeAgent(std::string_view name) {
  std::optional<std::string> text = Take(name);
  if (!text) return std::optional<AgentId>();
  Result<AgentId> agent = ParseAgent(*text);
  if (!agent.ok()) return agent.status().At(name);
  return std::optional<AgentId>(*agent);
}

Result<uint64_t> Params::TakeUnsigned(std::string_view name, uint64_t otherwise, uint64_t max) {
  std::optional<std::string> text = Take(name);
  if (!text) return otherwise;
  TG_ASSIGN_OR_RETURN(uint64_t value, JsonToUnsigned(*text, name));
  if (value > max) return Status::Invalid(std::string(name) + " must be at most " + std::to_string(max));
  return value;
}

Result<bool> Params::TakeBool(std::string_view name) {
  std::optional<std::string> text = Take(name);
  if (!text || *text == "0" || *text == "false") return false;
  if (text->empty() || *text == "1" || *text == "true") return true;
  return Status::Invalid(std::string(name) + " must be 1 or 0");
}

Status Params::Done(const std::vector<std::string>& known) const {
  return left_.empty() ? Status::Ok() : Unknown(left_.front().first, known);
}

Result<std::string> Params::FieldsToJson(const std::vector<std::string>& known) const {
  ObjectWriter object;
  for (const auto& [name, value] : left_) {
    if (!name.empty() && name[0] == '_' && name != "_src" && name != "_dst") return Unknown(name, known);
    object.Text(name, value);
  }
  return object.Take();
}

Result<Target> Target::Parse(std::string_view uri) {
  Target target;
  size_t question = uri.find('?');
  std::string_view path = uri.substr(0, question);
  if (path.empty() || path[0] != '/') return Status::Invalid("the address must begin with '/'");
  path.remove_prefix(1);
  if (path.ends_with('/')) path.remove_suffix(1);
  while (!path.empty()) {
    size_t end = path.find('/');
    TG_ASSIGN_OR_RETURN(std::string segment, PercentDecode(path.substr(0, end), false));
    target.segments.push_back(std::move(segment));
    path = end == std::string_view::npos ? std::string_view() : path.substr(end + 1);
  }
  if (question != std::string_view::npos) {
    TG_ASSIGN_OR_RETURN(target.params, Params::Parse(uri.substr(question + 1)));
  }
  return target;
}

}  // namespace tidegate::api
