#include "host/config/expand.h"

#include <cstdlib>

#include "host/base/spelling.h"
#include "host/config/file.h"
#include "host/config/text_check.h"

namespace tidegate {

namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kFileBytesMax = 64 << 10;

bool IsEnvironmentName(std::string_view name) {
  static constexpr std::string_view kFirst = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
  return !name.empty() && kFirst.find(name[0]) != std::string_view::npos &&
         name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789") ==
             std::string_view::npos;
}

Result<std::string> FromEnvironment(const std::string& name) {
  if (!IsEnvironmentName(name)) {
    return Status::Invalid("'" + name + "' cannot be the name of an environment variable; write ${env:NAME}");
  }
  const char* value = std::getenv(name.c_str());
  if (value == nullptr) {
    return Status::Invalid("environment variable " + name + " is not set; set it for the daemon, or write the value");
  }
  return std::string(value);
}

Result<std::string> FromFile(const std::string& path, const std::string& folder) {
  if (path.empty()) return Status::Invalid("${file:} names no file; write ${file:PATH}");
  TG_ASSIGN_OR_RETURN(std::string content, ReadSmallFile(PathFrom(folder, path), kFileBytesMax));
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  return content;
}

// reference: what stands between "${" and "}".
Result<std::string> Resolve(const std::string& reference, const std::string& folder) {
  size_t colon = reference.find(':');
  std::string source = reference.substr(0, colon);
  if (colon == std::string::npos) {
    return Status::Invalid("${" + reference + "} names no source; write ${env:" + reference +
                           "}, or $${ if the text itself is meant");
  }
  std::string name = reference.substr(colon + 1);
  if (source != "env" && source != "file") {
    std::string nearest = NearestName(source, {"env", "file"});
    return Status::Invalid("${" + source + ":...} is unknown" +
                           (nearest.empty() ? "" : ", did you mean ${" + nearest + ":...}?") +
                           "; use env or file, or $${ if the text itself is meant");
  }
  TG_ASSIGN_OR_RETURN(std::string text, source == "env" ? FromEnvironment(name) : FromFile(name, folder));
  if (auto fault = FindTextFault(text)) {
    return Status::Invalid("${" + reference + "} at byte " + std::to_string(fault->offset) + ": " + fault->what);
  }
  return text;
}

// Sets expanded if the text held a reference.
Result<std::string> Expand(const std::string& text, const std::string& folder, bool& expanded) {
  std::string out;
  for (size_t at = 0;;) {
    size_t start = text.find("${", at);
    if (start == std::string::npos) return out + text.substr(at);
    if (start > at && text[start - 1] == '$') {  // $${ stands for ${
      out += text.substr(at, start - at) + "{";
      at = start + 2;
      continue;
    }
    size_t end = text.find('}', start);
    if (end == std::string::npos) {
      return Status::Invalid("'${' without '}'; close it, or write $${ if the text itself is meant");
    }
    out += text.substr(at, start - at);
    TG_ASSIGN_OR_RETURN(std::string value, Resolve(text.substr(start + 2, end - start - 2), folder));
    out += value;
    expanded = true;
    at = end + 1;
  }
}

void ExpandIn(Json& json, const std::string& pointer, Positions& positions, std::vector<std::string>& errors) {
  if (json.is_object()) {
    for (auto& [key, value] : json.items()) ExpandIn(value, pointer + PointerStep(key), positions, errors);
  } else if (json.is_array()) {
    for (size_t i = 0; i < json.size(); i++) ExpandIn(json[i], pointer + PointerStep(i), positions, errors);
  } else if (json.is_string()) {
    bool expanded = false;
    std::string folder = FolderOf(positions.FileName(positions.PlaceOfValue(pointer)));
    auto text = Expand(json.get_ref<const std::string&>(), folder, expanded);
    if (!text.ok()) return errors.push_back(positions.At(pointer) + ": " + text.status().message());
    json = *text;
    if (expanded) positions.MarkExpanded(pointer);
  }
}

}  // namespace

void ExpandReferences(YamlDocument& document, std::vector<std::string>& errors) {
  ExpandIn(document.json, "", document.positions, errors);
}

}  // namespace tidegate
