// The daemon as the commands speak to it: finding its socket, asking, and turning its errors into
// messages and exit codes.
// Thread safety: one thread. Ownership: results own their texts.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "host/base/status.h"
#include "host/cli/arguments.h"
#include "host/cli/http_client.h"

namespace tidegate::cli {

using Json = nlohmann::ordered_json;

// --api, else TIDEGATE_API, else api.socket of --config, else /run/tidegate/api.sock.
Result<std::string> SocketPath(const Arguments& arguments);
Result<HttpClient> ConnectToDaemon(const Arguments& arguments);

// One request on a connection of its own; an answer that is an error comes back as that error.
// failed: the whole body of such an answer, if somebody wants more of it than the error.
Result<Json> Ask(const Arguments& arguments, std::string_view method, const std::string& target,
                 const std::string& body = "", Json* failed = nullptr);
Result<Json> AskOn(HttpClient& client, std::string_view method, const std::string& target,
                   const std::string& body = "");
// The body of an answer, or the error that it tells.
Result<Json> ParseAnswer(const HttpAnswer& answer, Json* failed = nullptr);

// From now on an error is an object on stdout, too: {"error":{"code","message"}}.
void SayErrorsInJson();
// Says "tidegate: ..." on stderr and returns the exit code for the error. rest: what else the answer said.
int Fail(const Status& status, const Json& rest = {});
// The same for a command line that is wrong.
int FailUsage(const Status& status);

// One line of JSON on stdout. Bytes that are no UTF-8 do not throw.
void PrintJson(const Json& json);
std::string ToText(const Json& json);

// An agent id, or one of the words that mean some; else what is possible.
Result<std::string> AgentWord(const std::string& word, const std::vector<std::string>& words);

// An agent id or another number of a JSON answer; 0 if it is not there.
uint64_t Number(const Json& object, const char* name);
std::string Text(const Json& object, const char* name);

}  // namespace tidegate::cli
