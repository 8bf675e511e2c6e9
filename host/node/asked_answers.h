// AskedAnswers: answers to commands that this node may have given and forgotten, by key. Until those above have said of
// a key that they have no answer to it, its command is not due (commands.cc, answers_above.cc). It is asked about in
// pages; what nobody can say yet is asked again, at a pace that slows down. In memory: after a start everything
// unanswered is in doubt anyway. Thread safety: the writer thread. Ownership: owns its state.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "host/base/ids.h"
#include "host/core/clock.h"
#include "host/wire/frames.h"

namespace tidegate::node {

class AskedAnswers {
 public:
  using Key = std::pair<std::string, std::string>;  // pk, sk
  using KeyFn = std::function<void(Key)>;
  static constexpr size_t kKeysMax = 10'000;  // one that finds no room puts all in doubt
  static constexpr size_t kKeysOfAPageMax = 1'000;
  static constexpr size_t kKeysOfAnAskMax = 64;

  explicit AskedAnswers(core::Random& random) : random_(random) {}

  // Every answer that is missing.
  void DoubtAll();
  // Of a command that came.
  void Doubt(Key key);
  bool all() const { return all_; }
  bool Covers(const Key& key) const;
  bool empty() const { return !all_ && size() == 0; }
  uint64_t size() const { return fresh_.size() + waiting_.size() + asked_.size(); }

  // Where all are in doubt: the next of them, when those before are settled. for_each: names each missing answer.
  bool needs_page() const { return all_ && size() == 0; }
  void TakePage(const std::function<void(const KeyFn&)>& for_each);

  // The session broke, or there is another: what was not answered is asked now.
  void AskAgain();
  // wait_us, wait_us_max: for an answer, the first time, and how far that doubles.
  std::optional<wire::CompareAsk> Next(AgentId self, int64_t now_us, int64_t wait_us, int64_t wait_us_max);
  int64_t NextUs(int64_t now_us) const;

  // An answer to the present question: to be settled, after the commit that holds it, or failed. unsure: of the ranges
  // by place, those of which nothing is known yet.
  bool IsAnswer(const wire::CompareAnswer& answer) const;
  void Settled(uint64_t ask, const std::set<size_t>& unsure, int64_t now_us);
  void Failed(uint64_t ask, int64_t now_us);

 private:
  core::Random& random_;
  bool all_ = false;
  std::optional<Key> page_after_;
  std::set<Key> fresh_;    // to be asked about
  std::set<Key> waiting_;  // nobody could say; asked again at again_us_
  std::vector<Key> asked_;
  uint64_t pass_ = 0;
  uint64_t ask_ = 0;
  int64_t retry_us_ = 0;  // of the question under way
  int64_t retry_wait_us_ = 0;
  int64_t again_us_ = 0;
  int64_t again_wait_us_ = 0;
};

}  // namespace tidegate::node
