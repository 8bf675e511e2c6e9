// The quarantine: list, show, retry, drop.
#include <cstdio>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"
#include "host/cli/table.h"

namespace tidegate::cli {
namespace {

std::string KeyOf(const Json& entry) { return Text(entry, "pk") + " " + Text(entry, "sk"); }

void Print(const std::vector<Json>& entries) {
  Table table({"id", "since", ">link", ">refused by", "model", ">owner", "key", "reason"});
  for (const Json& entry : entries) {
    table.Add({Text(entry, "id"), IsoTime(static_cast<int64_t>(Number(entry, "since_unix_ms"))),
               std::to_string(Number(entry, "link")),
               entry.value("ours", false) ? "agent " + std::to_string(Number(entry, "by")) : "us", Text(entry, "model"),
               std::to_string(Number(entry, "owner")), KeyOf(entry), Text(entry, "reason")});
  }
  if (!table.empty()) table.Print();
}

Result<std::vector<Json>> Entries(const Arguments& arguments) {
  TG_ASSIGN_OR_RETURN(Json answer, Ask(arguments, "GET", "/v1/quarantine"));
  return answer.value("entries", std::vector<Json>());
}

int List(const Arguments& arguments) {
  Result<std::vector<Json>> entries = Entries(arguments);
  if (!entries.ok()) return Fail(entries.status());
  if (!arguments.json()) {
    Print(*entries);
    return kExitOk;
  }
  for (const Json& entry : *entries) PrintJson(entry);
  return kExitOk;
}

// word: the id of an entry, its sk, or "pk sk".
Result<Json> EntryOf(const Arguments& arguments, const std::string& word) {
  TG_ASSIGN_OR_RETURN(std::vector<Json> entries, Entries(arguments));
  std::vector<Json> found;
  for (const Json& entry : entries) {
    if (Text(entry, "id") == word) return entry;
    if (Text(entry, "sk") == word || KeyOf(entry) == word) found.push_back(entry);
  }
  if (found.size() == 1) return found[0];
  if (found.empty())
    return Status::NotFound("nothing with the id or key \"" + word + "\" is in the quarantine of this node");
  std::string ids;
  for (const Json& entry : found) ids += " " + Text(entry, "id");
  return Status::Conflict("several entries have the key \"" + word + "\"; say which:" + ids);
}

int Show(const Arguments& arguments) {
  Result<Json> entry = EntryOf(arguments, arguments.words()[0]);
  if (!entry.ok()) return Fail(entry.status());
  Result<Json> answer = Ask(arguments, "GET", "/v1/quarantine/" + PercentEncode(Text(*entry, "id")));
  if (!answer.ok()) return Fail(answer.status());
  PrintJson(*answer);
  return kExitOk;
}

// What is meant, as a request; and its entries as they are now.
struct Chosen {
  Json request;
  std::vector<Json> entries;
};

Result<Chosen> Choose(const Arguments& arguments) {
  Chosen chosen;
  bool one = !arguments.words().empty(), model = arguments.Has("--model"), all = arguments.Has("--all");
  if ((one ? 1 : 0) + (model ? 1 : 0) + (all ? 1 : 0) != 1)
    return Status::Invalid("say which: the ID or KEY of one entry, --model MODEL, or --all");
  if (one) {
    TG_ASSIGN_OR_RETURN(Json entry, EntryOf(arguments, arguments.words()[0]));
    chosen.request["id"] = Text(entry, "id");
    chosen.entries.push_back(std::move(entry));
    return chosen;
  }
  TG_ASSIGN_OR_RETURN(std::vector<Json> entries, Entries(arguments));
  for (Json& entry : entries) {
    if (all || Text(entry, "model") == arguments.Get("--model")) chosen.entries.push_back(std::move(entry));
  }
  if (all) {
    chosen.request["all"] = true;
  } else {
    chosen.request["model"] = arguments.Get("--model");
  }
  return chosen;
}

// Of a model that neither an entry nor a schema of this node names.
Status CheckModel(const Arguments& arguments, const Chosen& chosen) {
  const std::string model = arguments.Get("--model");
  if (!arguments.Has("--model") || !chosen.entries.empty()) return Status::Ok();
  TG_ASSIGN_OR_RETURN(Json status, Ask(arguments, "GET", "/v1/status"));
  for (const std::string& known : status.value("models", std::vector<std::string>())) {
    if (known.substr(0, known.find(' ')) == model) return Status::Ok();
  }
  return Status::NotFound("no model '" + model + "' in the schemas of this node, and nothing of it is in quarantine");
}

int NothingListed(const Arguments& arguments, const char* done) {
  if (arguments.json()) {
    PrintJson({{done, 0u}, {"failed_count", 0u}, {"failed", Json::array()}});
  } else {
    std::printf("nothing of that is in the quarantine of this node\n");
  }
  return kExitOk;
}

int Failed(const Status& status) { return status.code() == Code::kInvalid ? FailUsage(status) : Fail(status); }

int Act(const Arguments& arguments, const Chosen& chosen, const char* verb, const char* done) {
  Result<Json> answer = Ask(arguments, "POST", std::string("/v1/quarantine/") + verb, ToText(chosen.request));
  if (!answer.ok()) return Fail(answer.status());
  uint64_t failed = Number(*answer, "failed_count");
  if (arguments.json()) {
    PrintJson(*answer);
  } else {
    uint64_t count = Number(*answer, done);
    std::printf("%s %s\n", (Count(count) + (count == 1 ? " item" : " items")).c_str(), done);
    for (const Json& failure : answer->value("failed", Json::array())) {
      std::fprintf(stderr, "tidegate: %s stays: %s\n", Text(failure, "id").c_str(),
                   Printable(Text(failure, "reason")).c_str());
    }
  }
  return failed == 0 ? kExitOk : kExitFailed;
}

int Retry(const Arguments& arguments) {
  Result<Chosen> chosen = Choose(arguments);
  if (!chosen.ok()) return Failed(chosen.status());
  if (Status model = CheckModel(arguments, *chosen); !model.ok()) return Fail(model);
  if (chosen->entries.empty()) return NothingListed(arguments, "retried");
  return Act(arguments, *chosen, "retry", "retried");
}

int Drop(const Arguments& arguments) {
  Result<Chosen> chosen = Choose(arguments);
  if (!chosen.ok()) return Failed(chosen.status());
  if (Status model = CheckModel(arguments, *chosen); !model.ok()) return Fail(model);
  if (chosen->entries.empty()) return NothingListed(arguments, "dropped");
  if (arguments.Has("--yes")) return Act(arguments, *chosen, "drop", "dropped");
  if (arguments.json()) {
    for (const Json& entry : chosen->entries) PrintJson(entry);
  } else {
    Print(chosen->entries);
  }
  size_t count = chosen->entries.size();
  return FailUsage(Status::Invalid("nothing was dropped yet: with --yes " + Count(count) +
                                   (count == 1 ? " item is" : " items are") +
                                   " given up, and what is lost by it is kept in 'tidegate conflicts list'"));
}

}  // namespace

Command QuarantineListCommand() {
  return {"quarantine list",
          "",
          "lists items that were refused, and why",
          {},
          "Both ends list what was refused: who refused it, and every node on the way from its writer.\n\n"
          "example:\n  tidegate quarantine list --json | jq .reason\n",
          0,
          0,
          List};
}

Command QuarantineShowCommand() {
  return {"quarantine show",
          "ID|KEY",
          "one of them, with its item",
          {},
          "KEY is the item's sk, or \"pk sk\" as the list shows it.\n\n"
          "example:\n  tidegate quarantine show 3f1c09a2b7de\n  tidegate quarantine show 'fault#f2'\n",
          1,
          1,
          Show};
}

Command QuarantineRetryCommand() {
  return {"quarantine retry",
          "[ID|KEY]",
          "tries refused items again, a transaction as a whole",
          {{"--model", "MODEL", "all of this model"}, {"--all", "", "all of them"}},
          "At the node that refused it the item is judged again; at the node that has it, it is sent again. An item\n"
          "that is listed as maybe_deleted is taken for alive. What is refused again stays listed. After a change of\n"
          "the schemas everything is tried again by itself.\n\n"
          "example:\n  tidegate quarantine retry 3f1c09a2b7de\n  tidegate quarantine retry --model Fault\n",
          0,
          1,
          Retry};
}

Command QuarantineDropCommand() {
  return {
      "quarantine drop",
      "[ID|KEY]",
      "gives refused items up; without --yes it only shows which",
      {{"--model", "MODEL", "all of this model"}, {"--all", "", "all of them"}, {"--yes", "", "do it"}},
      "At the node that refused it the state is given up: an item that goes up stays with its writer and is not sent\n"
      "again; of one that goes both ways the state here wins everywhere, or it is deleted where there is none. At\n"
      "the node that wrote it, the item is deleted everywhere. The state is kept in 'tidegate conflicts list'.\n\n"
      "example:\n  tidegate quarantine drop 3f1c09a2b7de\n  tidegate quarantine drop --model Fault --yes\n",
      0,
      1,
      Drop};
}

}  // namespace tidegate::cli
