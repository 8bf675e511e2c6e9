// A real events plugin, loaded as the daemon does it: what it is asked and told across the boundary.
#include "host/core/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <map>

#include "host/base/views.h"
#include "host/plugin/plugin_host.h"

namespace tidegate::plugin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Counts : public core::Metrics {
 public:
  void Add(std::string_view counter, uint64_t delta) override { counters[std::string(counter)] += delta; }
  void Set(std::string_view, int64_t) override {}
  std::map<std::string, uint64_t> counters;
};

class EventsContract : public ::testing::Test {
 protected:
  EventsContract() : journal_(::testing::TempDir() + "tg-events-" + std::to_string(getpid())) {
    std::remove(journal_.c_str());
  }
  ~EventsContract() override { std::remove(journal_.c_str()); }

  Result<std::unique_ptr<PluginEvents>> Make(const std::string& config_json) {
    TG_ASSIGN_OR_RETURN(PluginFile * file, host_.Open(TIDEGATE_EVENTS_GUARD, TG_EVENTS_KIND));
    return host_.CreateEvents(*file, "guard", config_json);
  }
  std::unique_ptr<PluginEvents> Started(const std::string& more) {
    auto made = Make(R"({"journal":")" + journal_ + "\"" + more + "}");
    EXPECT_TRUE(made.ok()) << made.status().message();
    EXPECT_TRUE((*made)->Start().ok());
    return std::move(made).value();
  }
  std::vector<std::string> Journal() const {
    std::ifstream file(journal_);
    std::vector<std::string> lines;
    for (std::string line; std::getline(file, line);) lines.push_back(line);
    return lines;
  }
  static tg_link_event Link(uint32_t side, AgentId agent) {
    tg_link_event link{};
    link.struct_size = sizeof link;
    link.side = side;
    link.agent = agent;
    return link;
  }
  static tg_change Reading(std::string_view body) {
    tg_change change{};
    change.struct_size = sizeof change;
    change.kind = TG_CHANGE_ITEM;
    change.model = Str(std::string_view("Reading"));
    change.body = Bytes(body);
    return change;
  }

  const std::string journal_;
  Counts counts_;
  PluginHost host_{Environment{nullptr, &counts_, nullptr, nullptr}};
};

TEST_F(EventsContract, Note_SaysThatItIsOfItsKind) {
  auto file = host_.Open(TIDEGATE_EVENTS_GUARD, TG_EVENTS_KIND);
  ASSERT_TRUE(file.ok()) << file.status().message();
  EXPECT_EQ((*file)->note.id, "events-guard");
  EXPECT_THAT(host_.Open(TIDEGATE_EVENTS_GUARD, TG_POLICY_KIND).status().message(), HasSubstr("an events plugin"));
}

TEST_F(EventsContract, Create_RefusesWhatItsSchemaCannotSay) {
  EXPECT_THAT(Make(R"({"unwanted_word":"everything"})").status().message(), HasSubstr("guard: create: unwanted_word"));
}

TEST_F(EventsContract, StartThatFails_SaysWhy) {
  auto made = Make(R"({"journal":"/nowhere/at/all"})");
  ASSERT_TRUE(made.ok());
  EXPECT_THAT((*made)->Start().message(), HasSubstr("/nowhere/at/all: cannot be opened"));
}

TEST_F(EventsContract, Everything_IsToldInOrderAndDoneWhenStopReturns) {
  auto events = Started("");
  tg_change change = Reading("{}");
  events->Connected(Link(TG_SIDE_CHILD, 42));
  events->Changed({sizeof(tg_change_event), TG_SIDE_CHILD, 42, &change});
  events->Changed({sizeof(tg_change_event), 0, 0, &change});
  tg_receive_event received{};
  received.struct_size = sizeof received;
  received.side = TG_SIDE_CHILD;
  received.agent = 42;
  received.changes = 3;
  events->Received(received);
  tg_ack_event acked{};
  acked.struct_size = sizeof acked;
  acked.side = TG_SIDE_PARENT;
  acked.agent = 1;
  events->Acked(acked);
  {
    std::string reason = "cut";  // ends before the journal is written
    tg_link_event gone = Link(TG_SIDE_CHILD, 42);
    gone.reason = Str(reason);
    events->Disconnected(gone);
  }
  ASSERT_TRUE(events->Stop(1'000).ok());
  EXPECT_THAT(Journal(),
              ElementsAre("start", "connected child 42", "changed Reading from child 42", "changed Reading from here",
                          "received 3 from child 42", "acked by parent 1", "disconnected child 42: cut", "stop"));
}

TEST_F(EventsContract, Vetoes_CarryTheReason) {
  auto events = Started(R"(,"unwanted_word":"secret","unwanted_agent":7)");
  EXPECT_TRUE(events->Connecting(Link(TG_SIDE_CHILD, 8)).ok());
  Status refused = events->Connecting(Link(TG_SIDE_CHILD, 7));
  EXPECT_EQ(refused.code(), Code::kRefused);
  EXPECT_EQ(refused.message(), "agent 7 is not wanted here");
  tg_change good = Reading(R"({"id":"plain"})"), bad = Reading(R"({"id":"secret"})");
  EXPECT_TRUE(events->Changing({sizeof(tg_change_event), 0, 0, &good}).ok());
  EXPECT_EQ(events->Changing({sizeof(tg_change_event), 0, 0, &bad}).message(), "the word secret is not wanted here");
  EXPECT_EQ(counts_.counters["guard_vetoes"], 1u);
}

TEST_F(EventsContract, PluginThatThrows_Vetoes) {
  auto events = Started(R"(,"unwanted_word":"throw")");
  tg_change change = Reading("{}");
  EXPECT_EQ(events->Changing({sizeof(tg_change_event), 0, 0, &change}).code(), Code::kRefused);
}

TEST_F(EventsContract, BeforeStartAndAfterStop_NothingReachesIt) {
  auto made = Make(R"({"journal":")" + journal_ + R"(","unwanted_word":"secret"})");
  ASSERT_TRUE(made.ok());
  core::Events& events = **made;
  tg_change bad = Reading("secret");
  EXPECT_TRUE(events.Changing({sizeof(tg_change_event), 0, 0, &bad}).ok());
  ASSERT_TRUE((*made)->Start().ok());
  ASSERT_TRUE((*made)->Stop(1'000).ok());
  events.Connected(Link(TG_SIDE_CHILD, 42));
  EXPECT_TRUE(events.Changing({sizeof(tg_change_event), 0, 0, &bad}).ok());
  EXPECT_THAT(Journal(), ElementsAre("start", "stop"));
}

TEST_F(EventsContract, Chain_FirstVetoDecidesAndEverythingElseReachesAll) {
  auto first = Make(R"({"unwanted_word":"one"})"), second = Make(R"({"unwanted_word":"on"})");
  ASSERT_TRUE(first.ok() && second.ok());
  ASSERT_TRUE((*first)->Start().ok() && (*second)->Start().ok());
  std::vector<std::unique_ptr<core::Events>> links;
  links.push_back(std::move(first).value());
  links.push_back(std::move(second).value());
  core::EventChain chain(std::move(links));
  EXPECT_TRUE(chain.wants(core::Events::kAcked));
  tg_change both = Reading("one"), second_only = Reading("on"), none = Reading("x");
  EXPECT_EQ(chain.Changing({sizeof(tg_change_event), 0, 0, &both}).message(), "the word one is not wanted here");
  EXPECT_EQ(chain.Changing({sizeof(tg_change_event), 0, 0, &second_only}).message(), "the word on is not wanted here");
  EXPECT_TRUE(chain.Changing({sizeof(tg_change_event), 0, 0, &none}).ok());
}

}  // namespace
}  // namespace tidegate::plugin
