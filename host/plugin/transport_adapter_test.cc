// The transport adapter over tables that the SDK's C++ layer makes: both sides of the boundary in one process.
#include "host/plugin/transport_adapter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "host/plugin/test_log.h"
#include "tidegate/cpp/plugin.h"
#include "tidegate/cpp/transport.h"

namespace tidegate::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class EchoTransport {
 public:
  EchoTransport(const sdk::Host&, std::string_view) {}
  void Info(tg_transport_info& info) { info.dials = 1, info.frame_bytes_max = 4; }
  void Start(const sdk::TransportEvents& events) { events_ = events; }
  void Stop(uint64_t) { events_.Closed(1, "stopping"); }
  sdk::Status Send(tg_session session, std::string_view frame) {
    if (frame == "half") {  // a struct that ends behind side
      tg_peer peer{8, TG_SIDE_PARENT, 9, 1, 0, sdk::Str("here")};
      events_.Opened(session, peer);
      return {};
    }
    if (frame == "no") return {TG_UNAVAILABLE, "session is gone"};
    tg_peer peer{sizeof peer, TG_SIDE_PARENT, 9, 1, 0, sdk::Str("here")};
    events_.Opened(session, peer);
    events_.Frame(session, frame);
    events_.Writable(session);
    return {};
  }
  void Close(tg_session session, std::string_view reason) { events_.Closed(session, reason); }
  void Stats(tg_transport_stats& stats) {
    stats.connected = 1, stats.bytes_sent = 2, stats.last_error = sdk::Str("none");
  }

 private:
  sdk::TransportEvents events_;
};

class Heard : public core::TransportEvents {
 public:
  void Opened(core::TransportSession session, const core::Peer& peer) override {
    Say(session, "opened by " + std::to_string(peer.agent) + (peer.authenticated ? " surely" : "") + " at " +
                     peer.address + (peer.side == core::Side::kParent ? " above" : " below"));
  }
  void Frame(core::TransportSession session, std::string_view frame) override {
    Say(session, "frame " + std::string(frame));
  }
  void Closed(core::TransportSession session, std::string_view reason) override {
    Say(session, "closed " + std::string(reason));
  }
  void Writable(core::TransportSession session) override { Say(session, "writable"); }
  std::vector<std::string> heard;

 private:
  void Say(core::TransportSession session, const std::string& what) {
    heard.push_back(std::to_string(session) + " " + what);
  }
};

TEST(TransportAdapter, PartOfAPeer_OnlyWhatItsSizeCovers) {
  Heard events;
  Lines log;
  auto made = PluginTransport::Create(&sdk::detail::kPlugin<sdk::TransportPlugin<EchoTransport>>, "t", "{}",
                                      {&log, nullptr, nullptr, nullptr});
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE((*made)->Start(&events).ok());
  EXPECT_TRUE((*made)->Send(3, "half").ok());
  EXPECT_THAT(events.heard, ElementsAre("3 opened by 0 at  above"));
  EXPECT_THAT(log.lines, ElementsAre(HasSubstr("set struct_size")));
}

// Events from a thread of its own until stop has joined it.
class BusyTransport {
 public:
  explicit BusyTransport(const sdk::Host& host, std::string_view) : host_(host) {}
  void Info(tg_transport_info& info) { info.listens = 1, info.frame_bytes_max = 64; }
  void Start(const sdk::TransportEvents& events) {
    thread_ = std::thread([this, events] {
      tg_peer peer{sizeof peer, TG_SIDE_CHILD, 9, 1, 0, sdk::Str("here")};
      events.Opened(1, peer);
      while (!stopping_) {
        events.Frame(1, "frame");
        host_.log().Debug("frame");
        ++frames_;
      }
      events.Closed(1, "stopping");
    });
  }
  void Stop(uint64_t) {
    stopping_ = true;
    thread_.join();
  }
  sdk::Status Send(tg_session, std::string_view) { return {}; }
  void Close(tg_session, std::string_view) {}
  void Stats(tg_transport_stats& stats) { stats.bytes_received = frames_; }

 private:
  sdk::Host host_;
  std::atomic<bool> stopping_{false};
  std::atomic<uint64_t> frames_{0};
  std::thread thread_;
};

class Counting : public core::TransportEvents, public core::Log {
 public:
  void Opened(core::TransportSession, const core::Peer&) override { ++events; }
  void Frame(core::TransportSession, std::string_view) override { ++events; }
  void Closed(core::TransportSession, std::string_view) override { closed = true; }
  void Writable(core::TransportSession) override {}
  void Write(uint32_t, std::string_view) override { ++lines; }
  std::atomic<uint64_t> events{0};
  std::atomic<uint64_t> lines{0};
  std::atomic<bool> closed{false};
};

TEST(TransportAdapter, EventsOfItsThread_EndBeforeStopReturns) {
  Counting counting;
  auto made = PluginTransport::Create(&sdk::detail::kPlugin<sdk::TransportPlugin<BusyTransport>>, "busy", "{}",
                                      {&counting, nullptr, nullptr, nullptr});
  ASSERT_TRUE(made.ok()) << made.status().message();
  ASSERT_TRUE((*made)->Start(&counting).ok());
  while (counting.events < 100) EXPECT_TRUE((*made)->Send(1, "reply").ok());
  EXPECT_GT((*made)->stats().bytes_received, 0u);
  ASSERT_TRUE((*made)->Stop(1'000).ok());
  EXPECT_TRUE(counting.closed);
  uint64_t events = counting.events;
  EXPECT_EQ((*made)->Send(1, "late").code(), Code::kUnavailable);
  made->reset();
  EXPECT_EQ(counting.events, events);
  EXPECT_GT(counting.lines, 0u);
}

TEST(TransportAdapter, AfterStop_NothingReachesThePlugin) {
  Heard events;
  auto made = PluginTransport::Create(&sdk::detail::kPlugin<sdk::TransportPlugin<EchoTransport>>, "t", "{}", {});
  ASSERT_TRUE(made.ok());
  ASSERT_TRUE((*made)->Start(&events).ok());
  EXPECT_TRUE((*made)->Stop(1).ok());
  events.heard.clear();
  EXPECT_EQ((*made)->Send(3, "yes").code(), Code::kUnavailable);
  EXPECT_EQ((*made)->Close(3, "bye").code(), Code::kUnavailable);
  EXPECT_TRUE(events.heard.empty());
}

TEST(TransportAdapter, CallsAndEvents_Cross) {
  Heard events;
  auto made = PluginTransport::Create(&sdk::detail::kPlugin<sdk::TransportPlugin<EchoTransport>>, "t", "{}", {});
  ASSERT_TRUE(made.ok()) << made.status().message();
  core::Transport& transport = **made;
  EXPECT_TRUE(transport.info().dials);
  EXPECT_FALSE(transport.info().listens);
  EXPECT_EQ(transport.info().frame_bytes_max, 4u);
  ASSERT_TRUE(transport.Start(&events).ok());
  EXPECT_TRUE(transport.Send(3, "yes").ok());
  EXPECT_EQ(transport.Send(3, "no").code(), Code::kUnavailable);
  EXPECT_EQ(transport.Send(3, "too long").code(), Code::kInvalid);
  EXPECT_TRUE(transport.Close(3, "bye").ok());
  core::TransportStats stats = transport.stats();
  EXPECT_TRUE(stats.connected);
  EXPECT_EQ(stats.bytes_sent, 2u);
  EXPECT_EQ(stats.last_error, "none");
  made->reset();  // stops: its last event still finds us
  EXPECT_THAT(events.heard, ElementsAre("3 opened by 9 surely at here above", "3 frame yes", "3 writable",
                                        "3 closed bye", "1 closed stopping"));
}

}  // namespace
}  // namespace tidegate::plugin
