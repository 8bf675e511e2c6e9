// The heart of an instance: one thread that holds the connection to the broker, makes it again when it
// is lost, moves frames from the session table to the broker and everything else to the host's events.
// Thread safety: Wake and RequestStop from any thread; the rest inside Run. Ownership: everything
// given to the constructor outlives the loop.
#pragma once

#include <atomic>
#include <deque>
#include <memory>
#include <string>

#include "backoff.h"
#include "connection.h"
#include "counters.h"
#include "link.h"
#include "session_table.h"
#include "tidegate/cpp/host.h"
#include "tidegate/cpp/transport.h"

namespace tidegate::mqtt {

class Loop : private ConnectionHandler, private LinkIo {
 public:
  struct Identity {
    uint64_t agent = 0;
    uint64_t epoch = 0;
    std::string replica;  // hex, may be empty
  };

  Loop(const Config& config, Identity identity, sdk::TransportEvents events, sdk::Log log, Counters& counters,
       SessionTable& sessions);
  ~Loop() override;

  // The body of the thread; returns after RequestStop.
  void Run();
  // There is something in the session table.
  void Wake();
  void RequestStop(uint64_t deadline_ms);

 private:
  using Clock = Connection::Clock;

  // ConnectionHandler
  void OnReady() override;
  void OnMessage(std::string_view topic, std::string_view payload, bool retained) override;
  void OnPublishRefused(const std::string& why) override { Problem(why); }

  // LinkIo
  void Publish(const std::string& topic, std::string_view payload, bool retain) override;
  tg_session OpenSession(uint64_t agent, const std::string& topic, uint64_t from_tag, uint64_t to_tag) override;
  void CloseSession(tg_session session, std::string_view reason) override;
  void DeliverFrame(tg_session session, std::string_view frame) override;
  void Drop(std::string_view kind, std::string_view topic) override;
  void DropOversize(size_t bytes, std::string_view topic);
  void WarnOfDrop(const std::string& what, std::string_view topic);
  void Problem(const std::string& message) override;
  void Settled() override { counters_.SetError(""); }
  void Reconnect(const std::string& reason) override { reconnect_ = reason; }

  void Connect(Clock::time_point now);
  void Lost(const sdk::Status& why);
  void Leave(std::string_view reason, Clock::time_point until);
  void ScheduleConnect();
  void Tick(Clock::time_point now);
  // Publishes what the sessions have queued, as far as the broker takes it.
  void Pump();
  // What the link has said since: states and goodbyes, before any further frame.
  void PublishPending();
  void PublishFrame(const SessionTable::Outgoing& out);
  int PollTimeoutMs(Clock::time_point now) const;
  void Wait();
  std::string ClientId() const;

  const Config& config_;
  const Identity identity_;
  const sdk::TransportEvents events_;
  const sdk::Log log_;
  Counters& counters_;
  SessionTable& sessions_;
  const Topics topics_;
  const int wake_fd_;
  std::atomic<bool> woken_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<uint64_t> stop_within_ms_ = 0;

  Backoff backoff_;
  struct Pending {
    std::string topic;
    std::string payload;
    bool retain = false;
  };
  std::deque<Pending> pending_;  // links speak from inside the library's callbacks: published after them
  uint32_t attempts_ = 0;
  std::unique_ptr<Link> link_;
  std::unique_ptr<Connection> connection_;
  Clock::time_point next_connect_;
  Clock::time_point next_tick_;
  Clock::time_point ready_since_;
  bool overdue_checked_ = false;
  bool leaving_ = false;   // what still arrives is not for the host
  bool more_ = false;      // Pump ended early, for fairness towards reading
  std::string reconnect_;  // a reason, if the connection is to be made anew
  sdk::Status failure_;    // of a publish: handled at the end of the round
  std::string last_problem_;
  std::vector<tg_session> open_;  // told to the host
  Clock::time_point drop_logged_;
};

}  // namespace tidegate::mqtt
