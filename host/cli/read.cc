// tidegate get and tidegate find.
#include <algorithm>
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

constexpr uint64_t kPage = 500;

std::string Cell(const Json& value) { return value.is_string() ? value.get<std::string>() : ToText(value); }

Result<Json> Query(const Arguments& arguments) {
  TG_ASSIGN_OR_RETURN(Json properties, FieldsToJson(arguments.words(), 1));
  Json query = {{"model", arguments.words()[0]}};
  if (!properties.empty()) query["properties"] = std::move(properties);
  TG_RETURN_IF_ERROR(SetAgent(arguments, "--owner", "owner", &query));
  if (arguments.Has("--hidden")) query["hidden"] = true;
  return query;
}

int Get(const Arguments& arguments) {
  Result<Json> query = Query(arguments);
  if (!query.ok()) return FailUsage(query.status());
  Result<Json> item = Ask(arguments, "POST", "/v1/get", ToText(*query));
  if (!item.ok()) return Fail(item.status());
  if (arguments.json() || !item->is_object()) {
    PrintJson(*item);
    return kExitOk;
  }
  Table table({"field", "value"});
  for (const auto& [name, value] : item->items()) table.Add({name, Cell(value)});
  table.Print(false);
  return kExitOk;
}

// Fields of the items in the order they first appear; those of the envelope behind, without the two
// that say nothing new in a list of one model.
std::vector<std::string> Columns(const Json& items) {
  std::vector<std::string> fields;
  std::vector<std::string> envelope;
  for (const Json& item : items) {
    for (const auto& [name, unused] : item.items()) {
      if (name == "_type" || name == "_version") continue;
      std::vector<std::string>& list = name.starts_with("_") ? envelope : fields;
      if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
    }
  }
  fields.insert(fields.end(), envelope.begin(), envelope.end());
  return fields;
}

class Printer {
 public:
  explicit Printer(bool json) : json_(json) {}

  void Print(const Json& items) {
    if (json_) {
      for (const Json& item : items) PrintJson(item);
      return;
    }
    if (items.empty()) return;
    bool first = columns_.empty();
    if (first) columns_ = Columns(items);
    std::vector<std::string> headings;
    for (const std::string& name : columns_) {
      bool numbers = std::any_of(items.begin(), items.end(),
                                 [&](const Json& item) { return item.contains(name) && item[name].is_number(); });
      headings.push_back((numbers ? ">" : "") + name);
    }
    Table table(headings);
    for (const Json& item : items) {
      std::vector<std::string> cells;
      for (const std::string& name : columns_) cells.push_back(item.contains(name) ? Cell(item[name]) : "");
      table.Add(std::move(cells));
    }
    table.Print(first);
  }

 private:
  bool json_;
  std::vector<std::string> columns_;
};

int Find(const Arguments& arguments) {
  Result<Json> query = Query(arguments);
  if (!query.ok()) return FailUsage(query.status());
  Result<uint64_t> limit = arguments.GetUnsigned("--limit", UINT64_MAX);
  if (!limit.ok()) return FailUsage(limit.status());
  if (arguments.Has("--index")) (*query)["index"] = arguments.Get("--index");
  if (arguments.Has("--reverse")) (*query)["reverse"] = true;
  Result<HttpClient> client = ConnectToDaemon(arguments);
  if (!client.ok()) return Fail(client.status());
  Printer printer(arguments.json());
  uint64_t left = *limit;
  while (left > 0) {
    (*query)["limit"] = std::min(left, kPage);
    Result<Json> answer = AskOn(*client, "POST", "/v1/find", ToText(*query));
    if (!answer.ok()) return Fail(answer.status());
    Json items = answer->value("items", Json::array());
    printer.Print(items);
    left -= std::min<uint64_t>(left, items.size());
    std::string cursor = Text(*answer, "cursor");
    if (cursor.empty()) break;
    (*query)["cursor"] = cursor;
  }
  return kExitOk;
}

}  // namespace

Command GetCommand() {
  return {"get",
          "MODEL FIELD=VALUE ...",
          "shows the item with this key",
          {{"--owner", "AGENT", "whose item; else one's own, then that of all"},
           {"--hidden", "", "with pk, sk and the other hidden fields"}},
          "The exit code is 4 if there is none.\n\nexample:\n  tidegate get Reading id=7 --json\n",
          1,
          1000,
          Get};
}

Command FindCommand() {
  return {"find",
          "MODEL [FIELD=VALUE ...]",
          "lists items by key, prefix, index or other fields",
          {{"--index", "NAME", "by a secondary index"},
           {"--limit", "N", "at most N items"},
           {"--reverse", "", "from the end of the order"},
           {"--owner", "AGENT", "only items of this owner"},
           {"--hidden", "", "with pk, sk and the other hidden fields"}},
          "Fields that make up the key find by it; where the last of them are left out, what is there is\n"
          "taken as a prefix. Other fields filter. FIELD:='{\"begins\":\"x\"}' and other operators work as in\n"
          "docs/schema.md. --json prints one item a line.\n\n"
          "examples:\n"
          "  tidegate find Reading sensor=roof --limit 10 --reverse\n"
          "  tidegate find Fault --index gs1 severity=high --json\n",
          1,
          1000,
          Find};
}

}  // namespace tidegate::cli
