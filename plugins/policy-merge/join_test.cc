// The laws of a join, on states that random histories of writes leave behind.
#include "plugins/policy-merge/join.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "plugins/policy-merge/body.h"
#include "plugins/policy-merge/meta.h"

namespace policy_merge {
namespace {

// Nodes that write one item and exchange states at times, as replicas do.
class Histories {
 public:
  explicit Histories(uint32_t seed) : random_(seed), held_(3) {
    for (int i = 0; i < 14; ++i) Step();
  }
  const std::vector<State>& states() const { return states_; }

 private:
  uint32_t Below(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  void Step() {
    size_t node = Below(3);
    if (Below(4) == 0) {
      const std::optional<State>& other = held_[Below(3)];
      if (other) held_[node] = held_[node] ? Join(*held_[node], *other) : *other;
    } else {
      Write(node);
    }
    if (held_[node]) states_.push_back(*held_[node]);
  }

  void Write(size_t node) {
    const State* held = held_[node] ? &*held_[node] : nullptr;
    State now;
    // Clocks differ, but a write is above what it replaces.
    now.version = {100 + Below(50), node + 1, 7};
    if (held != nullptr && now.version <= held->version) now.version.hlc = held->version.hlc + 1;
    now.item = held == nullptr || !held->item || Below(4) != 0;
    if (now.item) {
      for (const char* name : {"a", "b", "c"}) {
        if (Below(3) != 0) now.fields[name] = {now.version, std::to_string(Below(3))};
      }
    }
    held_[node] = Written(held, std::move(now));
  }

  std::mt19937 random_;
  std::vector<std::optional<State>> held_;
  std::vector<State> states_;
};

class JoinLaws : public ::testing::TestWithParam<uint32_t> {
 protected:
  static constexpr uint32_t kHistories = 30;
  template <typename Check>
  void ForAll(Check check) {
    for (uint32_t i = 0; i < kHistories; ++i) {
      Histories histories(GetParam() * kHistories + i);
      check(histories.states());
    }
  }
};

TEST_P(JoinLaws, OfTwoStates_Commutative) {
  ForAll([](const std::vector<State>& states) {
    for (const State& a : states)
      for (const State& b : states) ASSERT_EQ(Join(a, b), Join(b, a)) << WriteMeta(a) << " " << WriteMeta(b);
  });
}

TEST_P(JoinLaws, OfThreeStates_Associative) {
  ForAll([](const std::vector<State>& states) {
    for (const State& a : states)
      for (const State& b : states)
        for (const State& c : states)
          ASSERT_EQ(Join(Join(a, b), c), Join(a, Join(b, c)))
              << WriteMeta(a) << " " << WriteMeta(b) << " " << WriteMeta(c);
  });
}

TEST_P(JoinLaws, OfAStateWithItself_Idempotent) {
  ForAll([](const std::vector<State>& states) {
    for (const State& a : states) {
      ASSERT_EQ(Join(a, a), a);
      for (const State& b : states) ASSERT_EQ(Join(Join(a, b), b), Join(a, b));
    }
  });
}

TEST_P(JoinLaws, WithWhatAWriteReplaced_GivesTheWrite) {
  ForAll([](const std::vector<State>& states) {
    for (const State& held : states) {
      State plain;
      plain.item = true;
      plain.version = {held.version.hlc + 1, 9, 7};
      plain.fields["b"] = {plain.version, "5"};
      State written = Written(&held, plain);
      ASSERT_EQ(Join(held, written), written);
      State removed = Written(&held, {false, plain.version, {}, {}});
      ASSERT_EQ(Join(held, removed), removed);
    }
  });
}

TEST_P(JoinLaws, WrittenDownAndReadAgain_TheSameState) {
  ForAll([](const std::vector<State>& states) {
    for (const State& state : states) {
      std::string body = WriteBody(state), meta = WriteMeta(state);
      tg_change change{};
      change.kind = state.item ? TG_CHANGE_ITEM : TG_CHANGE_TOMBSTONE;
      change.version = {state.version.hlc, state.version.agent, state.version.epoch};
      change.body = {reinterpret_cast<const uint8_t*>(body.data()), body.size()};
      change.policy_meta = {reinterpret_cast<const uint8_t*>(meta.data()), meta.size()};
      auto read = ReadState(change);
      ASSERT_TRUE(read.has_value()) << body << " " << meta;
      State expected = state;
      if (!expected.item) expected.fields.clear();
      ASSERT_EQ(*read, expected) << body << " " << meta;
      ASSERT_EQ(WriteMeta(*read), meta);
    }
  });
}

INSTANTIATE_TEST_SUITE_P(Seeds, JoinLaws, ::testing::Range(1u, 5u));

TEST(Body, TakenApartAndPutTogether_TheSameBytes) {
  const std::string body = R"({"\n":"\"}\\","a":{"x":[1,{"y":"]"}]},"b\"":null,"é":-1e-7})";
  auto fields = ReadBody(body);
  ASSERT_TRUE(fields.has_value());
  State state;
  state.item = true;
  for (const auto& [name, value] : *fields) state.fields[name] = {{}, value};
  EXPECT_EQ(WriteBody(state), body);
}

TEST(Body, DamagedText_IsNoBody) {
  const std::string body = R"({"a":{"x":[1,{"y":"]"}]},"b":"c\\"})";
  for (size_t cut = 0; cut < body.size(); ++cut) EXPECT_FALSE(ReadBody(body.substr(0, cut)).has_value()) << cut;
  for (const char* text : {"{}x", "[]", "{\"a\":1,\"a\":2}", "{\"\\u1234\":1}", "{\"a\":]}", "{\"a\"}", "{,}"})
    EXPECT_FALSE(ReadBody(text).has_value()) << text;
}

}  // namespace
}  // namespace policy_merge
