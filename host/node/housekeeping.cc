// What is noted and forgotten now and then.
#include <algorithm>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {

// Every few seconds of activity: notes what the neighbours hold, forgets commit ends and epochs that none of those
// still waited for can name any more and from which no feed will begin, and moves the watermarks of idle lanes.
void Node::Impl::KeepHouse(int64_t now_us) {
  if (stage_.empty() || now_us < keep_house_at_us_) return;
  keep_house_at_us_ = now_us + 5'000'000;
  if (gone_items_ != 0 && record_.restored_unix_ms == 0) PruneGone();  // a problem as long as it is listed
  uint64_t lowest = end_.position;
  int64_t now_ms = deps_.clock.unix_ms();
  bool believed = !clock_judge_.Suspends();
  stage_.Begin();
  for (const auto& [agent, link] : links_.all()) {
    bool silent = believed && LeaseOver(*link, now_ms);
    for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) {
      sync::FeedSender& sender = link->senders[lane];
      if (!silent) lowest = std::min(lowest, sender.acked().position);
      if (link->acked_stored[lane] != sender.acked()) {
        link->acked_stored[lane] = sender.acked();
        stage_.MetaPut(sync::meta::Acked(agent, lane), wire::EncodeRecord(sender.acked()));
      }
      sender.Advance(end_.position, idle_behind_);
    }
  }
  // A parent yet to come begins at what is delivered.
  for (const Watermark& delivered : delivered_) {
    if (options_.role != TG_ROLE_SERVER) lowest = std::min(lowest, delivered.position);
  }
  if (lowest > 0) stage_.EndsTrim(lowest);
  stage_.End([this](const Status& status, std::span<const core::Effect>) {
    if (status.ok()) return;
    for (const auto& [agent, link] : links_.all()) link->acked_stored = {};
  });
}

}  // namespace tidegate::node
