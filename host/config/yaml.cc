#include "host/config/yaml.h"

#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>

#include "host/config/file.h"
#include "host/config/text_check.h"
#include "host/config/yaml_builder.h"

namespace tidegate {

namespace {

Status Fault(const std::string& name, Place place, const std::string& what) {
  return Status::Invalid(name + ":" + std::to_string(place.line) + ":" + std::to_string(place.column) + ": " + what);
}

Place PlaceOfOffset(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, offset);
  size_t newline = before.rfind('\n');
  size_t start = newline == std::string_view::npos ? 0 : newline + 1;
  return {0, static_cast<uint32_t>(std::count(before.begin(), before.end(), '\n') + 1),
          static_cast<uint32_t>(CountCharacters(before.substr(start)) + 1)};
}

}  // namespace

Result<YamlDocument> YamlTextToJson(std::string_view text, const std::string& name, const YamlLimits& limits) {
  if (text.size() > limits.bytes_max) {
    return Fault(name, {},
                 "the text has " + std::to_string(text.size()) + " bytes, the limit is " +
                     std::to_string(limits.bytes_max) + "; split it");
  }
  if (text.substr(0, 3) == "\xef\xbb\xbf") text.remove_prefix(3);  // byte order mark
  if (auto fault = FindTextFault(text)) return Fault(name, PlaceOfOffset(text, fault->offset), fault->what);

  YamlBuilder builder(text, name, limits);
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {
    }
  } catch (const YamlFault& fault) {
    return Fault(name, fault.place, fault.what);
  } catch (const YAML::Exception& error) {
    return Fault(name, builder.PlaceOf(error.mark),
                 "not YAML: " + error.msg + "; check indentation, quotes and brackets here and just above");
  }
  return builder.Take();
}

Result<YamlDocument> YamlToJson(const std::string& path, const YamlLimits& limits) {
  TG_ASSIGN_OR_RETURN(std::string text, ReadSmallFile(path, limits.bytes_max));
  return YamlTextToJson(text, path, limits);
}

}  // namespace tidegate
