// Answers: what callers are told without a commit of their own, at the end of the one under way.
// Thread safety: the writer thread. Ownership: owns the callbacks.
#pragma once

#include <deque>
#include <functional>
#include <utility>

namespace tidegate::node {

class Answers {
 public:
  void Add(std::function<void()> tell) { waiting_.push_back(std::move(tell)); }
  bool empty() const { return waiting_.empty(); }
  // Also those that are added meanwhile.
  void Give() {
    while (!waiting_.empty()) {
      auto tell = std::move(waiting_.front());
      waiting_.pop_front();
      tell();
    }
  }

 private:
  std::deque<std::function<void()>> waiting_;
};

}  // namespace tidegate::node
