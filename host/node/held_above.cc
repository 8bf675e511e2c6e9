// Holds of others: what a neighbour leaves waiting is passed over, and sent again in portions when it may go.
#include <algorithm>
#include <utility>

#include "host/base/views.h"
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint64_t kPortionItems = 1'000;  // of what a hold kept back, sent again at once
constexpr uint64_t kPortionBytes = 256u << 10;
constexpr int kPagesInACommit = 16;

}  // namespace

bool Node::Impl::LeavesOut(AgentId neighbour, const tg_change& change) const {
  const sync::Link* parent = links_.parent();
  if (parent != nullptr && parent->agent() == neighbour) return held_above_.LeavesOut(change);
  const sync::Link* link = links_.Find(neighbour);
  if (link == nullptr || link->held_there.empty() || change.run_first != change.run_last) return false;
  auto hold = link->held_there.find(View(change.model));
  return hold != link->held_there.end() && sync::Covers(hold->second, change);
}

// Up to where the neighbour has taken everything of our feeds, as far as an ack says nothing else.
std::vector<uint64_t> Node::Impl::TakenPositions(const sync::Link& link, const wire::Ack& ack) const {
  std::vector<uint64_t> taken(TG_LANE_COUNT, 0);
  for (uint32_t lane = 0; lane < TG_LANE_COUNT; ++lane) taken[lane] = link.senders[lane].acked().position;
  for (const wire::LaneAck& lane : ack.lanes) {
    if (lane.begin == link.senders[lane.lane].begin())
      taken[lane.lane] = std::max(taken[lane.lane], lane.held.position);
  }
  return taken;
}

void Node::Impl::OnHolds(sync::Link* link, const std::vector<wire::Hold>& list, uint64_t number,
                         const std::vector<uint64_t>& positions) {
  if (number <= link->holds_heard) return;
  link->holds_heard = number;
  if (!link->is_parent()) {
    auto before = std::exchange(link->held_there, {});
    for (const wire::Hold& hold : list) {
      if (hold.by == 0) link->held_there[hold.model] = hold;
    }
    // What was passed over is its to compare, by a mark that it has by now, and is not to come by the next session's
    // feed once more.
    const bool ended = std::any_of(before.begin(), before.end(),
                                   [&](const auto& hold) { return !link->held_there.contains(hold.first); });
    for (uint32_t lane = 0; ended && lane < TG_LANE_COUNT; ++lane) link->senders[lane].Advance(end_.position, 1);
    link->holds_recorded = number;
    link->ack_due = true;
    return;
  }
  sync::HeldAbove::Positions known{positions, {}, {}};
  for (const sync::FeedSender& sender : link->senders) known.read.push_back(sender.read_position());
  for (const Watermark& delivered : delivered_) known.delivered.push_back(delivered.position);
  held_above_.Heard(list, known, deps_.clock.unix_ms());
  stage_.Begin();
  held_above_.Stage(&stage_);
  stage_.End([this, agent = link->agent(), id = link->session_id, number](const Status& status,
                                                                          std::span<const core::Effect>) {
    sync::Link* told = links_.Find(agent);
    held_above_.Staged(status.ok());
    TellBeyond();
    if (told == nullptr || told->session_id != id) return;
    if (!status.ok()) {
      told->holds_heard = std::min(told->holds_heard, number - 1);  // the next ack says it again
      return;
    }
    told->holds_recorded = std::max(told->holds_recorded, number);
    told->ack_due = true;
  });
}

// What waits above is an exception of "delivered" for everybody below.
std::vector<wire::Hold> Node::Impl::HeldBeyond() const {
  const sync::Link* parent = links_.parent();
  std::vector<wire::Hold> beyond;
  for (const auto& [key, entry] : held_above_.entries()) {
    wire::Hold hold = entry.record.hold;
    if (hold.by == 0 && parent != nullptr) hold.by = parent->agent();
    hold.since.clear();
    if (hold.by != 0 && entry.left_out) beyond.push_back(std::move(hold));
  }
  return beyond;
}

void Node::Impl::TellBeyond() {
  const std::vector<wire::Hold> beyond = HeldBeyond();
  for (const auto& [agent, link] : links_.all()) {
    if (link->is_parent()) continue;
    uint64_t number = link->holds.number();
    link->holds.SetBeyond(beyond);
    if (link->holds.number() != number) link->ack_due = true;
  }
}

// What a hold kept back gets new positions, in portions, and so travels by the feed like anything new. The next
// portion waits until the parent has the last one: a hold that comes back soon must not find all of it moved.
void Node::Impl::SendHeldAgain() {
  send_again_now_ = false;
  if (held_above_.empty()) return;
  sync::Link* parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  std::vector<sync::HeldAbove::Key> keys;
  for (const auto& [key, entry] : held_above_.entries()) {
    if (!entry.record.released || !entry.durable || entry.record.ranges.empty()) continue;
    const sync::FeedSender& sender = parent->senders[entry.record.ranges.front().lane];
    uint64_t portion = sent_again_[key];
    if (portion <= sender.acked().position || portion <= sender.hop_position(end_.position)) keys.push_back(key);
  }
  // What is staged may turn out to be older than what is held, so it is no reason to pass a row over.
  if (!keys.empty() && !CommitStage().ok()) return;
  parent = links_.parent();
  if (parent == nullptr || !parent->up()) return;
  for (const sync::HeldAbove::Key& key : keys) {
    auto found = held_above_.entries().find(key);
    if (found == held_above_.entries().end() || !found->second.durable || found->second.record.ranges.empty()) continue;
    if (found->second.record.released && SendPortionAgain(parent, key)) send_again_now_ = true;
  }
  ForgetSentAgain();
}

// Returns true if there is more that need not wait.
bool Node::Impl::SendPortionAgain(sync::Link* parent, const sync::HeldAbove::Key& key) {
  sync::HeldAbove::Entry& entry = held_above_.entries()[key];
  const wire::HeldRecord former = entry.record;
  wire::SeqRange& range = entry.record.ranges.front();
  const sync::FeedSender& sender = parent->senders[range.lane];
  core::ChangeArena& arena = stage_.arena();
  std::vector<tg_change> rows;
  bool done = false;
  for (int pages = 0; rows.empty() && !done && pages < kPagesInACommit; ++pages) {
    std::vector<tg_change> page;
    auto reached = deps_.storage.Changes(sender.Selector(), range.from, kPortionItems, kPortionBytes,
                                         [&](const tg_change& change) {
                                           tg_change name = change;
                                           name.body = {};
                                           if (change.seq <= range.to) page.push_back(arena.Copy(name));
                                           return true;
                                         });
    if (!reached.ok()) {
      deps_.log.Write(3, "cannot read what was held: " + reached.status().message());
      entry.record = former;
      return false;
    }
    range.from = reached->reached.position;
    done = !reached->more || range.from >= range.to;
    // A transaction goes again as a whole; one of which something was overwritten since, in case that was held.
    for (size_t first = 0; first < page.size();) {
      size_t end = first + 1;
      while (end < page.size() && page[end].run_first == page[first].run_first) ++end;
      bool held = end - first < page[first].run_last - page[first].run_first + 1;
      held = held || std::any_of(page.begin() + static_cast<std::ptrdiff_t>(first),
                                 page.begin() + static_cast<std::ptrdiff_t>(end), [&](const tg_change& change) {
                                   return View(change.model) == key.first && sync::Covers(former.hold, change);
                                 });
      if (held)
        rows.insert(rows.end(), page.begin() + static_cast<std::ptrdiff_t>(first),
                    page.begin() + static_cast<std::ptrdiff_t>(end));
      first = end;
    }
  }
  if (done) entry.record.ranges.erase(entry.record.ranges.begin());

  for (size_t first = 0; first < rows.size();) {
    size_t end = first + 1;
    while (end < rows.size() && rows[end].run_first == rows[first].run_first) ++end;
    stage_.Begin();
    std::vector<uint64_t> from;
    for (size_t i = first; i < end; ++i) {
      rows[i].via = 0;
      from.push_back(rows[i].seq);
      stage_.Renumber(rows[i], Version::From(rows[i].version));
    }
    stage_.End([this, key, from](const Status& status, std::span<const core::Effect> effects) {
      for (size_t i = 0; status.ok() && i < effects.size(); ++i) {
        if (!effects[i].applied()) continue;
        Renumbered(from[i], effects[i].outcome.seq);
        sent_again_[key] = std::max(sent_again_[key], effects[i].outcome.seq);
        auto found = held_above_.entries().find(key);
        if (found != held_above_.entries().end())
          found->second.record.last = std::max(found->second.record.last, effects[i].outcome.seq);
      }
    });
    first = end;
  }
  entry.durable = false;
  stage_.Begin();
  stage_.MetaPut(sync::HeldAbove::MetaKey(key), wire::EncodeRecord(entry.record));
  stage_.End([this, key, former](const Status& status, std::span<const core::Effect>) {
    auto found = held_above_.entries().find(key);
    if (found == held_above_.entries().end()) return;
    if (!status.ok()) found->second.record = former;
    found->second.durable = true;
  });
  return rows.empty();
}

// Everything of it was sent again and is delivered: it is no exception any more.
void Node::Impl::ForgetSentAgain() {
  const sync::Link* parent = links_.parent();
  uint64_t delivered = parent->delivered_position(end_.position);
  std::vector<sync::HeldAbove::Key> over;
  for (const auto& [key, entry] : held_above_.entries()) {
    const wire::HeldRecord& record = entry.record;
    if (!record.released || !record.ranges.empty() || !entry.durable) continue;
    if (entry.beyond() || delivered >= record.last) over.push_back(key);
  }
  if (over.empty()) return;
  stage_.Begin();
  for (const sync::HeldAbove::Key& key : over) stage_.MetaDelete(sync::HeldAbove::MetaKey(key));
  stage_.End([this, over](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) return;
    for (const sync::HeldAbove::Key& key : over) {
      auto found = held_above_.entries().find(key);
      if (found != held_above_.entries().end() && found->second.record.released) held_above_.entries().erase(found);
      sent_again_.erase(key);
    }
    retention_.LookAgain();
    TellBeyond();
  });
}

}  // namespace tidegate::node
