#include "host/node/asked_answers.h"

#include <algorithm>

namespace tidegate::node {
namespace {

constexpr int64_t kAgainUsMin = 250'000;
constexpr int64_t kAgainUsMax = 8'000'000;

}  // namespace

void AskedAnswers::DoubtAll() {
  all_ = true;
  page_after_.reset();
  AskAgain();
}

void AskedAnswers::Doubt(Key key) {
  if (size() >= kKeysMax) {
    all_ = true;
    page_after_.reset();  // from the first again, behind those that are being asked about
    return;
  }
  fresh_.insert(std::move(key));
}

bool AskedAnswers::Covers(const Key& key) const {
  return all_ || fresh_.contains(key) || waiting_.contains(key) ||
         std::find(asked_.begin(), asked_.end(), key) != asked_.end();
}

void AskedAnswers::TakePage(const std::function<void(const KeyFn&)>& for_each) {
  bool more = false;
  for_each([&](Key key) {
    if (page_after_ && key <= *page_after_) return;
    fresh_.insert(std::move(key));
    if (fresh_.size() <= kKeysOfAPageMax) return;
    fresh_.erase(std::prev(fresh_.end()));
    more = true;
  });
  all_ = more;
  if (more) page_after_ = *fresh_.rbegin();
}

void AskedAnswers::AskAgain() {
  fresh_.insert(asked_.begin(), asked_.end());
  fresh_.merge(waiting_);
  asked_.clear();
  waiting_.clear();
  again_us_ = again_wait_us_ = 0;
}

std::optional<wire::CompareAsk> AskedAnswers::Next(AgentId self, int64_t now_us, int64_t wait_us, int64_t wait_us_max) {
  if (asked_.empty()) {
    if (fresh_.empty() && now_us >= again_us_) fresh_.swap(waiting_);
    if (fresh_.empty()) return std::nullopt;
    while (!fresh_.empty() && asked_.size() < kKeysOfAnAskMax) asked_.push_back(fresh_.extract(fresh_.begin()).value());
    if (pass_ == 0) pass_ = random_.Next() | 1;
    ++ask_;
    retry_wait_us_ = wait_us;
  } else {
    if (now_us < retry_us_) return std::nullopt;
    retry_wait_us_ = std::min(retry_wait_us_ * 2, wait_us_max);  // it was lost, or takes long
  }
  retry_us_ = now_us + retry_wait_us_;
  wire::CompareAsk ask;
  ask.pass = pass_;
  ask.ask = ask_;
  ask.owner = self;
  ask.direction_mask = TG_DIRECTION_UP;
  for (const auto& [pk, sk] : asked_) {
    wire::RangeAsk& range = ask.ranges.emplace_back();
    range.listed = true;  // it is not here
    range.range = {{pk, sk}, true, {pk, sk}};
    range.range.to.sk.push_back('\0');
  }
  return ask;
}

int64_t AskedAnswers::NextUs(int64_t now_us) const {
  if (!asked_.empty()) return std::max(now_us, retry_us_);
  if (!fresh_.empty() || needs_page()) return now_us;
  return waiting_.empty() ? INT64_MAX : std::max(now_us, again_us_);
}

bool AskedAnswers::IsAnswer(const wire::CompareAnswer& answer) const {
  return !asked_.empty() && answer.pass == pass_ && answer.ask == ask_ && answer.ranges.size() == asked_.size();
}

void AskedAnswers::Settled(uint64_t ask, const std::set<size_t>& unsure, int64_t now_us) {
  if (ask != ask_ || asked_.empty()) return;
  for (size_t place : unsure) {
    if (place < asked_.size()) waiting_.insert(std::move(asked_[place]));
  }
  asked_.clear();
  if (waiting_.empty()) again_wait_us_ = 0;
  if (unsure.empty() || now_us < again_us_) return;
  // One pace for all: what has waited long is asked again with what has just begun to.
  again_wait_us_ = std::clamp(again_wait_us_ * 2, kAgainUsMin, kAgainUsMax);
  again_us_ = now_us + again_wait_us_;
}

void AskedAnswers::Failed(uint64_t ask, int64_t now_us) {
  if (ask != ask_ || asked_.empty()) return;
  std::set<size_t> all;
  for (size_t place = 0; place < asked_.size(); ++place) all.insert(place);
  Settled(ask, all, now_us);
}

}  // namespace tidegate::node
