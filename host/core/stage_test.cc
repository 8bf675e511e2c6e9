// A commit that does not fit as a whole goes in parts: what that is, in which order, and what it never is.
#include "host/core/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/base/views.h"
#include "host/core/no_storage.h"

namespace tidegate::core {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Has room for so many bytes of bodies and meta values; names what it took, a commit in brackets.
class SmallStorage : public NoStorage {
 public:
  SmallStorage() : NoStorage(Status::Internal("not of this test")) {}

  Result<Watermark> Commit(std::span<const tg_group> groups, const OutcomeFn& outcome) override {
    uint64_t bytes = 0;
    std::string names;
    ForEach(groups, [&](uint64_t, uint64_t, const tg_mutation& m) {
      bytes += m.op == TG_OP_PUT ? m.change->body.size : m.meta_value.size;
      names +=
          (names.empty() ? "" : " ") + std::string(m.change != nullptr ? View(m.change->key.sk) : View(m.meta_key));
    });
    if (bytes > room) return Status::Full("there is no room");
    room -= bytes;
    taken.push_back(names);
    ForEach(groups, [&](uint64_t group, uint64_t mutation, const tg_mutation& m) {
      if (m.change == nullptr) return;
      tg_outcome of{};
      of.group = group;
      of.mutation = mutation;
      of.result = TG_OUTCOME_APPLIED;
      of.seq = ++head_;
      outcome(of);
    });
    Watermark end;
    end.position = head_;
    return end;
  }

  uint64_t room = UINT64_MAX;
  std::vector<std::string> taken;

 private:
  template <typename Fn>
  static void ForEach(std::span<const tg_group> groups, const Fn& fn) {
    for (uint64_t g = 0; g < groups.size(); ++g) {
      for (uint64_t m = 0; m < groups[g].count; ++m) fn(g, m, groups[g].mutations[m]);
    }
  }
  uint64_t head_ = 0;
};

class StageParts : public testing::Test {
 protected:
  // What a group has to say after the commit: its name, and the keys of its effects or "full".
  Stage::Handler Tell(const std::string& name) {
    return [this, name](const Status& status, std::span<const Effect> effects) {
      std::string text = name + ":";
      if (!status.ok()) text += status.code() == Code::kFull ? " full" : " " + status.message();
      for (const Effect& effect : effects) text += " " + std::string(View(effect.change->key.sk));
      told_.push_back(text);
    };
  }
  void Put(const std::string& sk, uint64_t bytes, uint8_t direction = TG_DIRECTION_UP) {
    bodies_.push_back(std::string(bytes, 'x'));
    tg_change change{};
    change.kind = TG_CHANGE_ITEM;
    change.direction = direction;
    change.key = {42, Str("p"), Str(stage_.arena().Copy(sk))};
    change.body = Bytes(stage_.arena().Copy(bodies_.back()));
    stage_.Put(change, TG_IF_ALWAYS);
  }
  void Write(const std::string& sk, uint64_t bytes) {
    stage_.Begin();
    Put(sk, bytes);
    stage_.End(Tell(sk));
  }
  void Meta(const std::string& name, uint64_t bytes) {
    stage_.Begin();
    stage_.MetaPut(name, std::string(bytes, 'm'));
    stage_.End(Tell(name));
  }
  void FromANeighbour(const std::string& sk, uint64_t bytes) {
    stage_.Begin(true);
    Put(sk, bytes);
    stage_.MetaPut("held of " + sk, "");
    stage_.End(Tell(sk));
  }
  Code Commit() { return stage_.Commit(nullptr).code(); }

  SmallStorage storage_;
  Stage stage_{storage_};
  std::vector<std::string> bodies_;
  std::vector<std::string> told_;
};

TEST_F(StageParts, WhatFits_IsOneCommit) {
  Write("a", 10);
  FromANeighbour("n", 10);
  Meta("clock", 1);
  EXPECT_EQ(Commit(), Code::kOk);
  EXPECT_THAT(storage_.taken, ElementsAre("a n held of n clock"));
  EXPECT_THAT(told_, ElementsAre("a: a", "n: n", "clock:"));
}

TEST_F(StageParts, Full_WhatIsSmallGoesFirstThenWhatFits) {
  storage_.room = 12;
  Write("a", 10);
  FromANeighbour("n1", 1);
  FromANeighbour("n2", 10);
  stage_.Begin();
  Put("config", 1, TG_DIRECTION_DOWN);
  stage_.End(Tell("config"));
  Meta("clock", 1);
  EXPECT_EQ(Commit(), Code::kFull);
  EXPECT_THAT(storage_.taken, ElementsAre("config clock", "a"));
  EXPECT_THAT(told_, ElementsAre("a: a", "n1: full", "n2: full", "config: config", "clock:"))
      << "what neighbours sent stands or falls together";
}

TEST_F(StageParts, Full_PartsThatAllFitAreNoFailure) {
  storage_.room = 20;
  class Once : public SmallStorage {
   public:
    Result<Watermark> Commit(std::span<const tg_group> groups, const OutcomeFn& outcome) override {
      if (groups.size() == 3) return Status::Full("not as a whole");
      return SmallStorage::Commit(groups, outcome);
    }
  } storage;
  Stage stage(storage);
  auto put = [&](const char* sk) {
    tg_change change{};
    change.kind = TG_CHANGE_ITEM;
    change.direction = TG_DIRECTION_UP;
    change.key = {42, Str("p"), Str(sk)};
    stage.Begin();
    stage.Put(change, TG_IF_ALWAYS);
    stage.End(Tell(sk));
  };
  put("a");
  put("b");
  stage.Begin();
  stage.MetaPut("clock", "1");
  stage.End();
  EXPECT_TRUE(stage.Commit(nullptr).ok());
  EXPECT_THAT(storage.taken, ElementsAre("clock", "a", "b"));
  EXPECT_THAT(told_, ElementsAre("a: a", "b: b"));
}

// Seed 12279 of the simulator: items were stored and the clock that had made their versions was not. After a restart
// it made the same versions again.
TEST_F(StageParts, Full_NothingIsWrittenWithoutTheClock) {
  storage_.room = 10;
  Write("a", 5);
  Meta("marks", 6);
  Meta("clock", 6);
  EXPECT_EQ(Commit(), Code::kFull);
  EXPECT_THAT(storage_.taken, IsEmpty());
  EXPECT_THAT(told_, ElementsAre("a: full", "marks: full", "clock: full"));
  EXPECT_EQ(storage_.room, 10u);
}

TEST_F(StageParts, Full_AWriteThatDoesNotFitEndsIt) {
  storage_.room = 10;
  Write("a", 5);
  Write("b", 6);
  Write("c", 1);
  EXPECT_EQ(Commit(), Code::kFull);
  EXPECT_THAT(storage_.taken, ElementsAre("a")) << "in the order in which they were written";
  EXPECT_THAT(told_, ElementsAre("a: a", "b: full", "c: full"));
}

TEST_F(StageParts, AnyOtherError_IsNotTriedInParts) {
  NoStorage broken(Status::Io("the disk is gone"));
  Stage stage(broken);
  stage.Begin();
  stage.MetaPut("a", "1");
  stage.End(Tell("a"));
  stage.Begin();
  stage.MetaPut("b", "1");
  stage.End(Tell("b"));
  EXPECT_EQ(stage.Commit(nullptr).code(), Code::kIo);
  EXPECT_THAT(told_, ElementsAre("a: the disk is gone", "b: the disk is gone"));
}

}  // namespace
}  // namespace tidegate::core
