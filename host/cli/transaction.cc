// tidegate tx and tidegate remove: writes that succeed or fail as one.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

Result<std::string> ReadAll(const std::string& path) {
  if (path == "-") return std::string(std::istreambuf_iterator<char>(std::cin), {});
  std::ifstream file(path, std::ios::binary);
  if (!file) return Status::NotFound("cannot open " + path + ": " + std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

int Transaction(const Arguments& arguments) {
  Result<std::string> text = ReadAll(arguments.words()[0]);
  if (!text.ok()) return Fail(text.status());
  // As it is, so that no number changes its form; a list of writes gets the object around it.
  size_t begin = text->find_first_not_of(" \t\r\n");
  bool list = begin != std::string::npos && (*text)[begin] == '[';
  Result<Json> answer =
      Ask(arguments, "POST", "/v1/transactions", list ? "{\"writes\":" + *text + "}" : std::move(*text));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    for (const Json& item : answer->value("items", Json::array())) PrintJson(item);
  }
  return kExitOk;
}

int Remove(const Arguments& arguments) {
  Result<Json> fields = FieldsToJson(arguments.words(), 1);
  if (!fields.ok()) return FailUsage(fields.status());
  Json write = {{"mode", "remove"}, {"model", arguments.words()[0]}, {"properties", *fields}};
  Status owner = SetAgent(arguments, "--owner", "owner", &write);
  if (!owner.ok()) return FailUsage(owner);
  Json body;
  body["writes"] = Json::array({write});
  Result<Json> answer = Ask(arguments, "POST", "/v1/transactions", ToText(body));
  if (!answer.ok()) return Fail(answer.status());
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    std::printf("removed %s %s\n", Printable(arguments.words()[0]).c_str(), Printable(ToText(*fields)).c_str());
  }
  return kExitOk;
}

}  // namespace

Command TransactionCommand() {
  return {
      "tx",
      "{FILE | -}",
      "makes several writes as one: all or none",
      {},
      "FILE holds {\"writes\":[...]} or the list alone. A write has a model and properties, and may have\n"
      "mode (create, update, upsert, remove), owner and to.\n\n"
      "example:\n"
      "  echo '[{\"model\":\"Fault\",\"properties\":{\"id\":\"f1\"}},\n"
      "         {\"mode\":\"update\",\"model\":\"Device\",\"properties\":{\"id\":\"d1\",\"state\":\"faulty\"}}]' |\n"
      "    tidegate tx -\n",
      1,
      1,
      Transaction};
}

Command RemoveCommand() {
  return {"remove",
          "MODEL FIELD=VALUE ...",
          "removes the item with this key",
          {{"--owner", "AGENT", "whose item it is; else one's own, then that of all"}},
          "example:\n  tidegate remove Reading id=7\n",
          1,
          1000,
          Remove};
}

}  // namespace tidegate::cli
