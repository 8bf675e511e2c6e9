// A small events plugin as somebody might write it: keeps a list of agents and of words that it does not want,
// and writes a journal of everything it is told to a file, from a thread of its own. The contract test and the
// scenarios load it.
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "tidegate/cpp/events.h"
#include "tidegate/cpp/plugin.h"

namespace {

namespace sdk = tidegate::sdk;

// The configuration is flat, valid JSON: {"journal":"/path","unwanted_word":"x","unwanted_agent":7}.
std::string TextOf(std::string_view json, const std::string& name) {
  size_t at = json.find("\"" + name + "\"");
  if (at == std::string_view::npos) return "";
  at = json.find_first_not_of(" :", at + name.size() + 2);
  const bool quoted = json[at] == '"';
  const size_t from = quoted ? at + 1 : at;
  return std::string(json.substr(from, json.find_first_of(quoted ? "\"" : ",}", from) - from));
}

std::string Name(uint32_t side, uint64_t agent) {
  if (side == 0) return "here";
  return (side == TG_SIDE_PARENT ? "parent " : "child ") + std::to_string(agent);
}

class Guard {
 public:
  Guard(const sdk::Host& host, std::string_view config_json)
      : metrics_(host.metrics()),
        path_(TextOf(config_json, "journal")),
        word_(TextOf(config_json, "unwanted_word")),
        agent_(TextOf(config_json, "unwanted_agent")) {
    if (word_ == "everything") throw sdk::Error(TG_INVALID, "unwanted_word: everything is too much");
  }

  sdk::Status Start() {
    file_ = path_.empty() ? nullptr : std::fopen(path_.c_str(), "a");
    if (!path_.empty() && file_ == nullptr) return {TG_IO, path_ + ": cannot be opened"};
    thread_ = std::thread([this] { Write(); });
    Note("start");
    return {};
  }
  void Stop(uint64_t /*deadline_ms*/) {
    Note("stop");
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    filled_.notify_one();
    thread_.join();
    if (file_ != nullptr) std::fclose(file_);
  }

  std::optional<std::string> Connecting(const tg_link_event& link) {
    if (std::to_string(link.agent) != agent_) return std::nullopt;
    return "agent " + agent_ + " is not wanted here";
  }
  void Connected(const tg_link_event& link) { Note("connected " + Name(link.side, link.agent)); }
  void Disconnected(const tg_link_event& link) {
    Note("disconnected " + Name(link.side, link.agent) + ": " + std::string(sdk::View(link.reason)));
  }
  std::optional<std::string> Changing(const tg_change_event& event) {
    std::string_view body = sdk::View(event.change->body);
    if (word_ == "throw") throw 7;
    if (word_.empty() || body.find(word_) == std::string_view::npos) return std::nullopt;
    metrics_.CounterAdd("vetoes");
    return "the word " + word_ + " is not wanted here";
  }
  void Changed(const tg_change_event& event) {
    Note("changed " + std::string(sdk::View(event.change->model)) + " from " + Name(event.side, event.agent));
  }
  void Received(const tg_receive_event& event) {
    Note("received " + std::to_string(event.changes) + " from " + Name(event.side, event.agent));
  }
  void Acked(const tg_ack_event& event) { Note("acked by " + Name(event.side, event.agent)); }

 private:
  static constexpr size_t kWaitingMax = 10'000;

  // From the node's writer thread: hands over and returns.
  void Note(std::string line) {
    {
      std::lock_guard lock(mutex_);
      if (waiting_.size() >= kWaitingMax) return metrics_.CounterAdd("lines_dropped");
      waiting_.push_back(std::move(line));
    }
    filled_.notify_one();
  }
  void Write() {
    std::unique_lock lock(mutex_);
    while (true) {
      filled_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      std::string line = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      if (file_ != nullptr) {
        std::fprintf(file_, "%s\n", line.c_str());
        std::fflush(file_);
      }
      lock.lock();
    }
  }

  const sdk::Metrics metrics_;
  const std::string path_;
  const std::string word_;
  const std::string agent_;
  std::FILE* file_ = nullptr;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable filled_;
  std::deque<std::string> waiting_;
  bool stopping_ = false;
};

}  // namespace

TIDEGATE_PLUGIN("events-guard", TG_EVENTS_KIND, "0.1.0", R"json({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "journal": {"type": "string", "description": "Absolute path of the file that everything is noted in"},
    "unwanted_word": {"type": "string"},
    "unwanted_agent": {"type": "integer"}
  }
})json",
                tidegate::sdk::EventsPlugin<Guard>);
