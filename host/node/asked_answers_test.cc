#include "host/node/asked_answers.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace tidegate::node {
namespace {

constexpr int64_t kWaitUs = 1'000'000, kWaitUsMax = 60'000'000;
constexpr AgentId kSelf = 42;

class Counting : public core::Random {
 public:
  uint64_t Next() override { return ++last_; }

 private:
  uint64_t last_ = 0;
};

class AskedAnswersTest : public ::testing::Test {
 protected:
  static AskedAnswers::Key KeyOf(size_t number) {
    std::string text = std::to_string(1'000'000 + number);
    return {"done#", text};
  }
  std::optional<wire::CompareAsk> Next() { return asked_.Next(kSelf, now_us_, kWaitUs, kWaitUsMax); }
  // Answers the next question; unsure: nobody knows of any of it.
  size_t AnswerNext(bool unsure) {
    auto ask = Next();
    if (!ask) return 0;
    wire::CompareAnswer answer;
    answer.pass = ask->pass;
    answer.ask = ask->ask;
    answer.ranges.resize(ask->ranges.size());
    EXPECT_TRUE(asked_.IsAnswer(answer));
    std::set<size_t> places;
    for (size_t i = 0; unsure && i < ask->ranges.size(); ++i) places.insert(i);
    asked_.Settled(ask->ask, places, now_us_);
    EXPECT_FALSE(asked_.IsAnswer(answer)) << "an answer counts once";
    return ask->ranges.size();
  }

  Counting random_;
  AskedAnswers asked_{random_};
  int64_t now_us_ = 1'000'000;
};

TEST_F(AskedAnswersTest, KeyIsCoveredUntilItIsSettled) {
  asked_.Doubt(KeyOf(1));
  EXPECT_TRUE(asked_.Covers(KeyOf(1)));
  EXPECT_FALSE(asked_.Covers(KeyOf(2)));
  ASSERT_EQ(asked_.NextUs(now_us_), now_us_);
  auto ask = Next();
  ASSERT_TRUE(ask);
  EXPECT_EQ(ask->owner, kSelf);
  EXPECT_TRUE(asked_.Covers(KeyOf(1)));
  asked_.Settled(ask->ask, {}, now_us_);
  EXPECT_FALSE(asked_.Covers(KeyOf(1)));
  EXPECT_TRUE(asked_.empty());
  EXPECT_EQ(asked_.NextUs(now_us_), INT64_MAX);
}

TEST_F(AskedAnswersTest, QuestionLost_SameOneAgainEverSlower) {
  asked_.Doubt(KeyOf(1));
  const auto first = Next();
  EXPECT_FALSE(Next());
  now_us_ += kWaitUs;
  const auto second = Next();
  ASSERT_TRUE(first && second);
  EXPECT_EQ(second->ask, first->ask);
  now_us_ += kWaitUs;
  EXPECT_FALSE(Next());
  now_us_ += kWaitUs;
  EXPECT_TRUE(Next());
}

TEST_F(AskedAnswersTest, NobodyCanTell_AskedAgainEverSlowerAndWhatComesMeanwhileAtOnce) {
  asked_.Doubt(KeyOf(1));
  int64_t wait_us = 0;
  for (int i = 0; i < 12; ++i) {
    ASSERT_EQ(AnswerNext(true), 1u);
    EXPECT_TRUE(asked_.Covers(KeyOf(1)));
    EXPECT_FALSE(Next());
    const int64_t next_us = asked_.NextUs(now_us_);
    EXPECT_GE(next_us - now_us_, wait_us);
    wait_us = next_us - now_us_;
    now_us_ = next_us;
  }
  ASSERT_EQ(AnswerNext(true), 1u);
  EXPECT_EQ(asked_.NextUs(now_us_) - now_us_, wait_us) << "but not slower than that";
  asked_.Doubt(KeyOf(2));
  ASSERT_EQ(AnswerNext(false), 1u);
  EXPECT_FALSE(asked_.Covers(KeyOf(2)));
  asked_.AskAgain();  // another session
  ASSERT_EQ(AnswerNext(false), 1u);
  EXPECT_TRUE(asked_.empty());
}

TEST_F(AskedAnswersTest, AllInDoubt_AskedInPagesEachOnce) {
  constexpr size_t kCount = 2'300;
  asked_.DoubtAll();
  std::set<std::string> named;
  while (!asked_.empty()) {
    EXPECT_EQ(asked_.Covers(KeyOf(0)), asked_.all() || named.empty()) << "nothing is due before the last page";
    if (asked_.needs_page())
      asked_.TakePage([](const AskedAnswers::KeyFn& fn) {
        for (size_t i = kCount; i > 0; --i) fn(KeyOf(i - 1));  // in any order
      });
    EXPECT_LE(asked_.size(), AskedAnswers::kKeysOfAPageMax);
    if (asked_.empty()) break;
    auto ask = Next();
    ASSERT_TRUE(ask);
    EXPECT_LE(ask->ranges.size(), AskedAnswers::kKeysOfAnAskMax);
    for (const wire::RangeAsk& range : ask->ranges) EXPECT_TRUE(named.insert(range.range.from.sk).second);
    asked_.Settled(ask->ask, {}, now_us_);
    if (!asked_.all() && asked_.size() == 0) break;
  }
  EXPECT_EQ(named.size(), kCount);
}

// A limit in memory: what finds no room there is found again among all that is unanswered.
TEST_F(AskedAnswersTest, Full_AllAreInDoubt) {
  for (size_t i = 0; i < AskedAnswers::kKeysMax; ++i) asked_.Doubt(KeyOf(i));
  EXPECT_FALSE(asked_.all());
  EXPECT_FALSE(asked_.Covers(KeyOf(AskedAnswers::kKeysMax)));
  asked_.Doubt(KeyOf(AskedAnswers::kKeysMax));
  EXPECT_TRUE(asked_.all());
  EXPECT_TRUE(asked_.Covers(KeyOf(AskedAnswers::kKeysMax)));
  EXPECT_EQ(asked_.size(), AskedAnswers::kKeysMax);
}

}  // namespace
}  // namespace tidegate::node
