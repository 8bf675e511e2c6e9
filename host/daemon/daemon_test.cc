// The built daemon as systemd runs it: options, --check, exit codes, start, reload, stop; and its writer
// thread under load through the real command.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

namespace tidegate::daemon {
namespace {

using testing::HasSubstr;
using testing::Not;

struct Ran {
  int exit_code = -1;
  std::string text;  // stdout and stderr
};

Ran Shell(const std::string& line) {
  Ran ran;
  FILE* pipe = popen((line + " 2>&1").c_str(), "r");
  char part[4096];
  while (size_t got = fread(part, 1, sizeof(part), pipe)) ran.text.append(part, got);
  int status = pclose(pipe);
  ran.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

constexpr char kSchema[] =
    "{format:'onetable:1.1.0',version:'0.0.1',indexes:{primary:{hash:'pk',sort:'sk'}},models:{Reading:{"
    "pk:{type:'string',value:'reading#'},sk:{type:'string',value:'reading#${id}'},"
    "id:{type:'string',generate:'ulid'},value:{type:'number'}%s}},params:{},process:{Reading:{sync:'up'}}}";

class DaemonProcess : public testing::Test {
 protected:
  DaemonProcess() : folder_(testing::TempDir() + "/tg-daemon-" + std::to_string(getpid())) {
    std::filesystem::create_directories(folder_);
    WriteSchema("");
    WriteConfig("router", folder_ + "/schema.json5");
  }
  ~DaemonProcess() override {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
    std::filesystem::remove_all(folder_);
  }

  void WriteSchema(const std::string& fields) {
    char text[2000];
    std::snprintf(text, sizeof(text), kSchema, fields.c_str());
    std::ofstream(folder_ + "/schema.json5") << text;
  }
  void WriteConfig(const std::string& role, const std::string& schema, const std::string& more = "") {
    std::ofstream(folder_ + "/tidegate.yaml")
        << "node: {agent: 7, role: " << role << ", level: 2}\napi: {socket: " << folder_
        << "/api.sock}\nplugin_dir: " << TIDEGATE_TEST_PLUGIN_DIR
        << "\nstorage: {plugin: storage-sqlite, config: {path: " << folder_
        << "/replica.db}}\npolicies: [{plugin: policy-onetable}]\nschemas: [" << schema << "]\n"
        << more;
  }
  Ran Daemon(const std::string& arguments) { return Shell(std::string(TIDEGATE_DAEMON) + " " + arguments); }
  Ran Command(const std::string& arguments) {
    return Shell(std::string(TIDEGATE_COMMAND) + " " + arguments + " --api " + folder_ + "/api.sock");
  }

  void Start() {
    child_ = fork();
    if (child_ == 0) {
      FILE* log = freopen((folder_ + "/log").c_str(), "a", stderr);
      std::string config = folder_ + "/tidegate.yaml";
      if (log != nullptr) execl(TIDEGATE_DAEMON, TIDEGATE_DAEMON, "--config", config.c_str(), nullptr);
      _exit(127);
    }
    for (int i = 0; i < 600 && Command("status").exit_code != 0; i++) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }
  int Stop(int signal) {
    kill(child_, signal);
    int status = 0;
    waitpid(child_, &status, 0);
    child_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  bool WaitForLog(const std::string& text) {
    for (int i = 0; i < 400; i++) {
      if (Log().find(text) != std::string::npos) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
    return false;
  }
  std::string Log() {
    std::ifstream file(folder_ + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string folder_;
  pid_t child_ = -1;
};

TEST_F(DaemonProcess, HelpAndVersion_AreTold) {
  EXPECT_THAT(Daemon("--help").text, HasSubstr("examples:"));
  EXPECT_THAT(Daemon("--version").text, testing::StartsWith("tidegated "));
  Ran wrong = Daemon("--chek");
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.text, HasSubstr("did you mean --check?"));
}

TEST_F(DaemonProcess, Check_SaysWhatItCheckedAndTouchesNothing) {
  Ran ran = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(ran.exit_code, 0) << ran.text;
  EXPECT_THAT(ran.text, HasSubstr("ok: configuration " + folder_ + "/tidegate.yaml: router, agent 7, level 2"));
  EXPECT_THAT(ran.text, HasSubstr("ok: storage storage-sqlite: storage-sqlite"));
  EXPECT_THAT(ran.text, HasSubstr("schema.json5: 1 model\n"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/replica.db"));
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/api.sock"));
}

TEST_F(DaemonProcess, CheckOfWrongThings_Is78WithThePlace) {
  EXPECT_EQ(Daemon("--check --config /nonexistent.yaml").exit_code, 78);
  WriteConfig("router", folder_ + "/schema.json5", "lmits: {}\n");
  Ran key = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(key.exit_code, 78);
  EXPECT_THAT(key.text, HasSubstr("tidegate.yaml:7:1: "));
  EXPECT_THAT(key.text, HasSubstr("limits"));
  WriteConfig("router", folder_ + "/none.json5");
  EXPECT_EQ(Daemon("--check --config " + folder_ + "/tidegate.yaml").exit_code, 78);
  WriteConfig("router", folder_ + "/schema.json5");
  WriteSchema(",wrong:{type:'strng'}");
  Ran schema = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(schema.exit_code, 78);
  EXPECT_THAT(schema.text, HasSubstr("schema.json5:1:"));
}

TEST_F(DaemonProcess, WhatAPolicySaysOfASchema_HasThePlaceInTheFile) {
  std::string keys = "{pk: {type: string, value: 'a#'}}";
  std::string head = "format: 'onetable:1.1.0'\nversion: '0.0.1'\nindexes: {primary: {hash: pk}}\n";
  std::ofstream(folder_ + "/warn.yaml")
      << head << "models: {A: " << keys
      << "}\nprocess:\n  A:\n    enable: device\n    sync: up\n    snyc: 1\n  B: {}\n";
  std::ofstream(folder_ + "/wrong.json5")
      << "const S = {\n format: 'onetable:1.1.0', version: '0.0.1', indexes: {primary: {hash: 'pk'}},\n models: {C: "
         "{pk: {type: String, value: 'c#'}}},\n process: {C: {enable: 'moon'}}}\nexport default S\n";
  WriteConfig("router", folder_ + "/schema.json5, " + folder_ + "/warn.yaml");
  Ran warned = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(warned.exit_code, 0) << warned.text;
  EXPECT_THAT(warned.text,
              HasSubstr("warn.yaml:8:11: policy-onetable: process.A: enable keeps the model in one place"));
  EXPECT_THAT(warned.text, HasSubstr("warn.yaml:9:11: policy-onetable: process.A.snyc is not known"));
  EXPECT_THAT(warned.text, HasSubstr("warn.yaml:10:3: policy-onetable: process.B: no schema defines"));
  WriteConfig("router", folder_ + "/schema.json5, " + folder_ + "/warn.yaml, " + folder_ + "/wrong.json5");
  Ran wrong = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.text,
              testing::EndsWith("/wrong.json5:4:24: policy-onetable: process.C.enable is 'moon'; it must be "
                                "one of cloud, device, both\n"));
}

TEST_F(DaemonProcess, ModelsThatAreClearedInVain_AreWarnedOfWithTheirPlace) {
  WriteConfig("router", folder_ + "/schema.json5",
              "sync:\n  clear_on_ack:\n    - {agent: all, model: Reading}\n    - agent: self\n      model: Raeding\n");
  Ran check = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(check.exit_code, 0) << check.text;
  EXPECT_THAT(check.text,
              HasSubstr("tidegate.yaml:11:14: sync.clear_on_ack.1.model: no schema defines Raeding, did you "
                        "mean 'Reading'?; nothing is dropped for this entry"));
  EXPECT_THAT(check.text, Not(HasSubstr("clear_on_ack.0")));
  Start();
  EXPECT_THAT(Log(), HasSubstr("no schema defines Raeding"));
  std::ofstream(folder_ + "/log");
  kill(child_, SIGHUP);
  EXPECT_TRUE(WaitForLog("read anew"));
  EXPECT_THAT(Log(), HasSubstr("no schema defines Raeding")) << "again after a reload";
  EXPECT_EQ(Stop(SIGTERM), 0);
}

TEST_F(DaemonProcess, SidesThatATransportDoesNotServe_AreAnError) {
  auto check = [this](const std::string& role, const std::string& sides, const std::string& side) {
    WriteConfig(role, folder_ + "/schema.json5",
                "transports:\n  - plugin: transport-mqtt\n" + sides + "    config: {side: " + side + "}\n");
    return Daemon("--check --config " + folder_ + "/tidegate.yaml");
  };
  EXPECT_EQ(check("router", "    sides: [parent]\n", "parent").exit_code, 0);
  EXPECT_EQ(check("router", "    sides: [child]\n", "child").exit_code, 0);
  Ran wrong = check("router", "    sides: [parent]\n", "child");
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.text, HasSubstr("tidegate.yaml:9:12: transport transport-mqtt is for the parent here"));
  EXPECT_THAT(wrong.text, HasSubstr("its config serves children only"));
  EXPECT_EQ(check("router", "    sides: [parent, child]\n", "parent").exit_code, 78);
}

TEST_F(DaemonProcess, TransactionsThatFitNoFrame_AreAnError) {
  auto check = [this](const std::string& limits, const std::string& transport) {
    WriteConfig("router", folder_ + "/schema.json5",
                "transports:\n  - plugin: transport-mqtt\n    sides: [parent]\n    config: {side: parent" + transport +
                    "}\n" + limits);
    return Daemon("--check --config " + folder_ + "/tidegate.yaml");
  };
  EXPECT_EQ(check("", "").exit_code, 0);
  Ran wrong = check("", ", frame_bytes_max: 1048576");
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.text, HasSubstr("tidegate.yaml:10:13:"));
  EXPECT_THAT(wrong.text, HasSubstr("moves frames of at most 1048576 bytes"));
  EXPECT_THAT(wrong.text, HasSubstr("limits.transaction_bytes_max (1048576) may have 1479936"));
  const std::string small = "limits: {transaction_bytes_max: 16KiB, item_bytes_max: 8KiB}\n";
  EXPECT_EQ(check(small, ", frame_bytes_max: 196608").exit_code, 0);
  EXPECT_EQ(check("limits: {transaction_bytes_max: 5MiB}\n", "").exit_code, 78) << "nobody could read such a frame";
}

TEST_F(DaemonProcess, Yaml_IsASchemaFormToo) {
  std::ofstream(folder_ + "/schema.yaml")
      << "format: 'onetable:1.1.0'\nversion: '0.0.1'\nindexes:\n  primary: {hash: pk, sort: sk}\n"
         "models:\n  Note:\n    pk: {type: string, value: 'note#'}\n"
         "    sk: {type: strng, value: 'note#${id}'}\n    id: {type: string}\n";
  WriteConfig("router", folder_ + "/schema.yaml");
  Ran wrong = Daemon("--check --config " + folder_ + "/tidegate.yaml");
  EXPECT_EQ(wrong.exit_code, 78);
  EXPECT_THAT(wrong.text, HasSubstr("schema.yaml:8:16"));
}

TEST_F(DaemonProcess, StartWriteStop_KeepsTheItemsOverARestart) {
  Start();
  EXPECT_EQ(Command("put Reading id=a value=1.5").exit_code, 0) << Log();
  EXPECT_EQ(Stop(SIGTERM), 0) << Log();
  EXPECT_FALSE(std::filesystem::exists(folder_ + "/api.sock"));
  Start();
  EXPECT_THAT(Command("get Reading id=a --json").text, HasSubstr("\"value\":1.5"));
  EXPECT_EQ(Stop(SIGINT), 0) << Log();
}

TEST_F(DaemonProcess, RenewedTwiceToTheSameId_IsRefusedAndTheNextStartEnds) {
  const std::string config = " --config " + folder_ + "/tidegate.yaml";
  Start();
  EXPECT_EQ(Command("put Reading id=a value=1").exit_code, 0);
  EXPECT_EQ(Stop(SIGTERM), 0);
  EXPECT_EQ(Daemon("--renew 333" + config).exit_code, 0);
  Start();
  EXPECT_THAT(Command("status").text, HasSubstr("agent 333"));
  EXPECT_EQ(Stop(SIGTERM), 0);
  Ran again = Daemon("--renew 333" + config);
  EXPECT_NE(again.exit_code, 0);
  EXPECT_THAT(again.text, HasSubstr("this replica is agent 333 already"));
  EXPECT_THAT(Daemon("--renew 0" + config).text, HasSubstr("--renew needs an agent id, 2 or more"));
  Ran folder = Daemon("--restore " + folder_ + config);
  EXPECT_NE(folder.exit_code, 0);
  EXPECT_THAT(folder.text, HasSubstr(folder_ + " is a directory"));
  Start();
  EXPECT_THAT(Command("get Reading id=a").text, HasSubstr("1"));
  EXPECT_EQ(Stop(SIGTERM), 0);
}

TEST_F(DaemonProcess, ManyClientsAtOnce_AllGetTheirAnswers) {
  Start();
  for (int i = 0; i < 3; i++) {
    std::ofstream lines(folder_ + "/lines" + std::to_string(i));
    for (int j = 0; j < 4'000; j++) lines << "{\"id\":\"" << i << "-" << j << "\",\"value\":" << j << "}\n";
  }
  std::vector<std::thread> clients;
  std::atomic<int> failed{0};
  for (int i = 0; i < 3; i++) {
    clients.emplace_back([&, i] {
      if (Command("put Reading - <" + folder_ + "/lines" + std::to_string(i)).exit_code != 0) failed++;
    });
  }
  clients.emplace_back([&] {
    for (int i = 0; i < 20; i++) {
      if (Command("status --json").exit_code != 0 || Command("put Reading value=1").exit_code != 0) failed++;
    }
  });
  clients.emplace_back([&] {
    if (Command("watch --count 200 --timeout 60s").exit_code != 0) failed++;
  });
  for (std::thread& client : clients) client.join();
  EXPECT_EQ(failed, 0);
  EXPECT_THAT(Command("status").text, HasSubstr("holds          12,020 items"));
  EXPECT_EQ(Stop(SIGTERM), 0) << Log();
}

TEST_F(DaemonProcess, Reload_TakesGoodSchemasAndKeepsOldOnesOverBad) {
  Start();
  EXPECT_NE(Command("put Reading id=a note=x").exit_code, 0);
  WriteSchema(",note:{type:'string'}");
  kill(child_, SIGHUP);
  EXPECT_TRUE(WaitForLog("schemas and policies were read anew")) << Log();
  EXPECT_EQ(Command("put Reading id=a note=x").exit_code, 0);
  WriteSchema(",note:{type:'strng'}");
  kill(child_, SIGHUP);
  EXPECT_TRUE(WaitForLog("reload refused")) << Log();
  EXPECT_EQ(Command("put Reading id=b note=y").exit_code, 0);
  EXPECT_EQ(Stop(SIGTERM), 0);
}

TEST_F(DaemonProcess, Reload_TakesThePoliciesOfTheConfigurationToo) {
  Start();
  EXPECT_EQ(Command("put Reading id=a value=1").exit_code, 0);
  const std::string config = folder_ + "/tidegate.yaml";
  Shell(
      "sed -i 's/{plugin: policy-onetable}/{plugin: policy-onetable, config: {retain: {Reading: {items_max: 1, "
      "when_full: refuse}}}}/; s/level: 2/level: 3/' " +
      config);
  kill(child_, SIGHUP);
  EXPECT_TRUE(WaitForLog("changed in the configuration: node; that takes effect at the next start")) << Log();
  Ran full = Command("put Reading id=b value=2");
  EXPECT_NE(full.exit_code, 0);
  EXPECT_THAT(full.text, HasSubstr("items_max"));
  Shell("sed -i 's/items_max: 1,/items_max: -1,/' " + config);
  kill(child_, SIGHUP);
  EXPECT_TRUE(WaitForLog("reload refused")) << Log();
  EXPECT_NE(Command("put Reading id=b value=2").exit_code, 0) << "the old ones hold";
  Shell("sed -i 's/items_max: -1,/items_max: 10,/' " + config);
  kill(child_, SIGHUP);
  for (int i = 0; i < 200 && Command("put Reading id=b value=2").exit_code != 0; i++)
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  EXPECT_EQ(Command("get Reading id=b").exit_code, 0) << Log();
  EXPECT_EQ(Stop(SIGTERM), 0);
}

TEST_F(DaemonProcess, SecondDaemonOnTheSocket_Fails) {
  Start();
  std::string other = folder_ + "/other.yaml";
  std::ifstream first(folder_ + "/tidegate.yaml");
  std::string text{std::istreambuf_iterator<char>(first), {}};
  text.replace(text.find("replica.db"), 10, "other.db");
  std::ofstream(other) << text;
  Ran second = Daemon("--config " + other);
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.text, HasSubstr("another daemon listens there"));
  EXPECT_EQ(Command("status").exit_code, 0);
  EXPECT_EQ(Stop(SIGTERM), 0);
}

TEST_F(DaemonProcess, ReplicaOfAnotherRole_IsAConfigurationError) {
  Start();
  EXPECT_EQ(Stop(SIGTERM), 0);
  WriteConfig("device", folder_ + "/schema.json5");
  std::string config = folder_ + "/tidegate.yaml";
  Shell("sed -i 's/, level: 2//' " + config);
  Ran ran = Daemon("--config " + config);
  EXPECT_EQ(ran.exit_code, 78) << ran.text;
}

TEST_F(DaemonProcess, SigkillAfterAnAnsweredWrite_LosesNothing) {
  Start();
  EXPECT_EQ(Command("put Reading id=kept value=1").exit_code, 0);
  EXPECT_EQ(Stop(SIGKILL), -SIGKILL);
  Start();  // over the socket file that was left
  EXPECT_EQ(Command("get Reading id=kept").exit_code, 0);
  EXPECT_EQ(Stop(SIGTERM), 0);
}

}  // namespace
}  // namespace tidegate::daemon
