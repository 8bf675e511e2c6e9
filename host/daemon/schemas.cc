#include "host/daemon/schemas.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "host/config/yaml.h"

namespace tidegate::daemon {
namespace {

constexpr std::streamsize kSchemaBytesMax = 4 << 20;

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::NotFound(path + ": cannot open this schema: " + std::strerror(errno));
  std::string text(static_cast<size_t>(kSchemaBytesMax) + 1, '\0');
  file.read(text.data(), kSchemaBytesMax + 1);
  if (file.bad()) return Status::Io(path + ": cannot read this schema: " + std::strerror(errno));
  if (file.gcount() > kSchemaBytesMax) return Status::Invalid(path + ": a schema has at most 4 MiB");
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

TextPlace PlaceOf(Place place) { return {place.line, place.column}; }

Result<SchemaLoad> LoadOne(const std::string& path) {
  if (!path.ends_with(".yaml") && !path.ends_with(".yml")) {
    TG_ASSIGN_OR_RETURN(std::string text, ReadFile(path));
    return LoadSchema(path, text);
  }
  TG_ASSIGN_OR_RETURN(YamlDocument document, YamlToJson(path));
  const Positions& positions = document.positions;
  return LoadSchema(path, document.json.dump(), [&positions](std::string_view pointer) {
    return ValuePlaces{PlaceOf(positions.PlaceOfKey(pointer)), PlaceOf(positions.PlaceOfValue(pointer))};
  });
}

}  // namespace

Result<std::shared_ptr<const SchemaSet>> LoadSchemas(const std::vector<std::string>& paths,
                                                     std::vector<std::string>* warnings) {
  std::vector<std::shared_ptr<const Schema>> schemas;
  std::string errors;
  auto add = [&errors](const std::string& line) { errors += (errors.empty() ? "" : "\n") + line; };
  for (const std::string& path : paths) {
    Result<SchemaLoad> load = LoadOne(path);
    if (!load.ok()) {
      add(load.status().message());
      continue;
    }
    for (const SchemaProblem& problem : load->problems) {
      if (problem.error) {
        add(problem.ToText());
      } else {
        warnings->push_back(problem.PlaceText() + ": " + problem.message);  // who prints it says "warning"
      }
    }
    if (load->schema) schemas.push_back(std::move(load->schema));
  }
  if (!errors.empty()) return Status::Invalid(errors);
  return SchemaSet::Make(std::move(schemas));
}

}  // namespace tidegate::daemon
