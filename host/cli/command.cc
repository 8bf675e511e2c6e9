// tidegate command: the commands that wait at this node, and a program that runs them, once by key.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "host/cli/commands.h"
#include "host/cli/daemon.h"
#include "host/cli/fields.h"

namespace tidegate::cli {
namespace {

constexpr size_t kOutputBytesMax = 64 << 10;  // of a program's stdout; the rest is read and dropped
constexpr int64_t kLookAgainMs = 10'000;
constexpr int64_t kLookAgainSoonMs = 500;
constexpr int kExitSignal = 128;  // as a shell says that a signal ended a program

struct Ran {
  int code = 0;
  std::string output;
};

Status LastError(const char* what) { return Status::Io(std::string(what) + ": " + std::strerror(errno)); }

[[noreturn]] void Become(const std::vector<std::string>& words, int input, int output) {
  dup2(input, STDIN_FILENO);
  dup2(output, STDOUT_FILENO);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "tidegate: cannot run %s: %s\n", arguments[0], std::strerror(errno));
  _exit(127);
}

// The item is a file, not a pipe: a program that does not read it holds up nobody.
Result<Ran> RunProgram(const std::vector<std::string>& words, const std::string& item) {
  int input = memfd_create("tidegate-command", MFD_CLOEXEC);
  if (input < 0) return LastError("memfd_create");
  std::array<int, 2> pipe_ends{};
  bool written = write(input, item.data(), item.size()) == static_cast<ssize_t>(item.size());
  if (!written || lseek(input, 0, SEEK_SET) != 0 || pipe2(pipe_ends.data(), O_CLOEXEC) != 0) {
    Status failed = LastError("cannot hand over the command");
    close(input);
    return failed;
  }
  std::fflush(stdout);
  pid_t child = fork();
  if (child == 0) Become(words, input, pipe_ends[1]);
  close(input);
  close(pipe_ends[1]);
  if (child < 0) {
    close(pipe_ends[0]);
    return LastError("fork");
  }
  Ran ran;
  std::array<char, 4096> part;
  while (true) {
    ssize_t got = read(pipe_ends[0], part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    ran.output.append(part.data(), std::min(static_cast<size_t>(got), kOutputBytesMax - ran.output.size()));
  }
  close(pipe_ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return LastError("waitpid");
  }
  ran.code = WIFEXITED(status) ? WEXITSTATUS(status) : kExitSignal + WTERMSIG(status);
  return ran;
}

// What the answers' model cannot take.
struct Lacks {
  std::string model;
  bool code = false;
  bool output = false;
};

Lacks LacksOf(const Json& list) {
  Lacks lacks{Text(list, "answer_model"), false, false};
  for (const Json& field : list.value("answer_lacks", Json::array())) {
    lacks.code = lacks.code || field == "code";
    lacks.output = lacks.output || field == "output";
  }
  return lacks;
}

// What a program printed: a JSON object is the fields of the answer, anything else is `output`.
Json AnswerOf(const Json& key, const Ran& ran, const Lacks& lacks) {
  Json answer = Json::parse(ran.output, nullptr, false);
  if (!answer.is_object()) {
    answer = Json::object();
    if (!ran.output.empty() && !lacks.output) answer["output"] = ran.output;
    if (!ran.output.empty() && lacks.output)
      std::fprintf(stderr, "tidegate: model %s has no field output: what the program printed is not kept\n",
                   lacks.model.c_str());
  }
  answer["code"] = ran.code;
  for (const auto& [name, value] : key.items()) answer[name] = value;
  return answer;
}

// A program that could not be started has not run: the command stays.
Status RunOne(const Arguments& arguments, const std::vector<std::string>& program, const Json& due,
              const Lacks& lacks) {
  const Json key = due.value("answer_key", Json::object());
  TG_ASSIGN_OR_RETURN(Ran ran, RunProgram(program, ToText(due["item"]) + "\n"));
  if (ran.code == 127 && ran.output.empty()) return Status::Invalid("cannot run " + program[0]);
  std::string model = Text(due, "answer_model");
  Result<Json> put = Ask(arguments, "POST", "/v1/items/" + PercentEncode(model) + "?mode=create",
                         AnswerOf(key, ran, lacks).dump(-1, ' ', false, Json::error_handler_t::replace));
  if (!put.ok() && put.status().code() != Code::kConflict) {
    return {put.status().code(),
            "the program has run, but its answer cannot be written: " + put.status().message() +
                "; the model of the answers needs the fields of the key, code (number) and output (string)"};
  }
  if (!put.ok()) {
    // Another one has written the answer, or an item of another model lies under its key.
    TG_ASSIGN_OR_RETURN(Json list, Ask(arguments, "GET", "/v1/commands/" + PercentEncode(arguments.words()[0])));
    for (const Json& still : list.value("commands", Json::array())) {
      if (still.value("answer_key", Json::object()) != key || still["item"] != due["item"]) continue;
      return {put.status().code(), "the program has run, but its answer finds no place: " + put.status().message() +
                                       "; the pk or sk of " + model + " and of its commands have to differ"};
    }
  }
  if (arguments.json()) {
    PrintJson(Json{{"command", due["item"]}, {"code", ran.code}});
  } else {
    std::printf("ran %s: code %d\n", ToText(key).c_str(), ran.code);
  }
  std::fflush(stdout);
  return Status::Ok();
}

// True once the model has changed, or some time has gone.
Status AwaitChange(HttpClient& client, int64_t wait_ms) {
  while (true) {
    Result<std::optional<std::string>> line = client.ReceiveLine(wait_ms);
    if (!line.ok()) return line.status().code() == Code::kTimeout ? Status::Ok() : line.status();
    if (!line->has_value() || **line == "event: stop") return Status::Unavailable("the daemon is stopping");
    if (line->value().starts_with("event: ")) return Status::Ok();
  }
}

int Run(const Arguments& arguments) {
  const std::string model = arguments.words()[0];
  const std::vector<std::string> program(arguments.words().begin() + 1, arguments.words().end());
  const bool once = arguments.Has("--once");
  Result<HttpClient> watch = ConnectToDaemon(arguments);
  if (!watch.ok()) return Fail(watch.status());
  if (Status sent = watch->Send("GET", "/v1/watch?model=" + PercentEncode(model)); !sent.ok()) return Fail(sent);
  Result<int> head = watch->ReceiveHead();
  if (!head.ok()) return Fail(head.status());
  std::string told;
  while (true) {
    Result<Json> list = Ask(arguments, "GET", "/v1/commands/" + PercentEncode(model));
    if (!list.ok()) return Fail(list.status());
    const Lacks lacks = LacksOf(*list);
    if (lacks.code)
      return Fail(Status::Invalid("nothing was run: model " + lacks.model + ", which answers " + model +
                                  ", has no field code; add code: {type: 'number'}, and "
                                  "output: {type: 'string'} for what a program prints as text"));
    for (const Json& due : list->value("commands", Json::array())) {
      if (Status ran = RunOne(arguments, program, due, lacks); !ran.ok()) return Fail(ran);
    }
    std::string waits_for = list->contains("waits_for") ? Text(*list, "waits_for") : "";
    if (!waits_for.empty() && waits_for != told) std::fprintf(stderr, "tidegate: waiting: %s\n", waits_for.c_str());
    told = waits_for;
    if (once && waits_for.empty()) return kExitOk;
    if (Status seen = AwaitChange(*watch, waits_for.empty() ? kLookAgainMs : kLookAgainSoonMs); !seen.ok())
      return Fail(seen);
  }
}

int List(const Arguments& arguments) {
  Result<Json> list = Ask(arguments, "GET", "/v1/commands/" + PercentEncode(arguments.words()[0]));
  if (!list.ok()) return Fail(list.status());
  for (const Json& due : list->value("commands", Json::array())) PrintJson(due["item"]);
  if (list->contains("waits_for")) std::fprintf(stderr, "tidegate: waiting: %s\n", Text(*list, "waits_for").c_str());
  return kExitOk;
}

}  // namespace

Command CommandListCommand() {
  return {"command list",
          "MODEL",
          "commands for this node that have no answer",
          {},
          "example:\n  tidegate command list Order\n",
          1,
          1,
          List};
}

Command CommandRunCommand() {
  return {
      "command run",
      "MODEL -- PROGRAM [ARGUMENT ...]",
      "runs a program for each command of this node, once by key, and writes its answer",
      {{"--once", "", "end when no command is left, instead of waiting for the next"}},
      "The program gets the item as JSON on stdin. If it prints a JSON object, those are the fields of the answer;\n"
      "anything else becomes its field output. The field code is the exit code, 128 and more for a signal. Whatever\n"
      "the code, a command that is answered does not run again. If this command or the machine dies while the\n"
      "program runs, it runs again with the same item: let it look at the key. One runner for a model.\n\n"
      "example:\n  tidegate command run Order -- /usr/local/bin/order\n",
      2,
      64,
      Run};
}

}  // namespace tidegate::cli
