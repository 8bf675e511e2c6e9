#include "host/node/node.h"

#include <algorithm>

#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

replica::WriterOptions WriterOptionsOf(const NodeOptions& options) {
  replica::WriterOptions writer;
  writer.agent = options.agent;
  writer.role = options.role;
  writer.item_bytes_max = options.item_bytes_max;
  writer.transaction_bytes_max = options.transaction_bytes_max;
  writer.context_json = options.context_json;
  return writer;
}

}  // namespace

Node::Impl::Impl(const NodeOptions& options, const Dependencies& deps)
    : options_(options),
      deps_(deps),
      stage_(deps.storage),
      writer_(WriterOptionsOf(options), deps.storage, stage_, deps.catalog, deps.policy, deps.clock, deps.random,
              versions_, deps.events),
      links_(deps.storage, options_),
      marks_(deps.storage, stage_, links_, record_),
      clock_judge_(options_, deps_, links_),
      disk_gate_(options_, deps_, links_),
      given_up_(options_, deps_),
      dropped_here_(options_, deps_),
      loss_notes_(options_, deps_),
      quotas_(options_, deps_),
      retention_(options_, deps_, stage_, links_, clock_judge_, quotas_, *this),
      expiry_(options_, deps_, stage_, clock_judge_, *this),
      strays_(options_, deps_, stage_, links_, *this),
      policy_changes_(options_, deps_, stage_, links_, versions_, end_, parent_table_, *this),
      pass_(deps.storage, options_),
      verify_schedule_(options_),
      doubts_(options_, deps_, stage_, links_, record_, verify_schedule_),
      asked_answers_(deps_.random),
      asked_verify_(deps_, stage_, links_, marks_, end_, pass_, *this),
      background_verify_(deps_, stage_, links_, marks_, doubts_, verify_schedule_, pass_, *this),
      waits_(options_, deps_, links_, end_, marks_, policy_changes_, held_above_, given_up_, retention_),
      errands_(options_, deps_, stage_, links_, end_, marks_, asked_verify_, answers_, *this),
      clearings_(options_, deps_, stage_, links_, end_, marks_, *this),
      edges_told_(options_),
      attach_(options_, record_),
      conflicts_(deps.storage, options_) {
  writer_.set_over(
      [this](const tg_change& written, const Version& held) { policy_changes_.WritesOver(written, held); });
}

std::unique_ptr<replica::Preparer> Node::Impl::MakePreparer() const {
  return std::make_unique<replica::Preparer>(WriterOptionsOf(options_), deps_.catalog, deps_.clock, deps_.random);
}

// In order: the next start has nothing to doubt.
void Node::Impl::Stop() {
  if (!CommitStage().ok()) return;
  background_verify_.Stop();
  stage_.Begin();
  stage_.MetaPut(sync::meta::kStopped, "");
  stage_.End();
  (void)CommitStage();  // else it was not stopped in order
}

Status Node::Impl::Commit() {
  int64_t now_us = deps_.clock.monotonic_us();
  if (int64_t jumped_ms = clock_judge_.Look(now_us); jumped_ms != 0) ClockMoved(jumped_ms);
  Tick(now_us);
  policy_changes_.Run(now_us);
  RetryQuarantined();
  ReleaseOverwritten();
  RunByHand();
  EndHolds();
  RemoveAnswered();
  SendHeldAgain();
  SendLostAgain(now_us);
  clearings_.Run();
  retention_.Run(now_us);
  expiry_.Run(now_us);
  disk_gate_.TryAgain(now_us);
  if (disk_gate_.TakeOver()) doubts_.Note("the disk was full");
  StoreDelivered(now_us);
  KeepHouse(now_us);
  Purge(now_us);
  Status status = CommitStage();
  // It looks at what is committed: nothing that comes with the same commit may be missed.
  if (status.ok()) strays_.Sweep(now_us, end_.position);
  RunRetries();
  // Handlers may have staged more: the end of a reconcile pass, marks, a retry.
  for (int round = 0; round < 4 && status.ok() && !(stage_.empty() && take_up_.empty()); ++round) {
    TakeUp();
    status = CommitStage();
    RunRetries();
  }
  answers_.Give();
  if (held_above_.TakeLeftOut()) TellBeyond();
  ReadDigests(now_us);
  DeliverPairs();
  Pump();
  // What was pushed may be there already, and what was pulled is to be sent.
  for (int round = 0; round < 4 && errands_.Run(now_us); ++round) Pump();
  waits_.Answer();
  links_.Settle([&](const sync::Link& link) { return WakeUs(link, now_us); });
  return status;
}

// When the link has something to do by itself.
int64_t Node::Impl::WakeUs(const sync::Link& link, int64_t now_us) const {
  int64_t next = link.NextTimerUs(now_us);
  if (link.up() && link.waits_since_us >= 0)
    next = std::min(next, link.waits_since_us + options_.progress_timeout_ms * 1000);
  return next;
}

int64_t Node::Impl::NextTimerUs() const {
  int64_t now_us = deps_.clock.monotonic_us();
  if (!stage_.empty() || !answers_.empty() || !retry_quarantined_.empty() || !clearings_.empty()) return now_us;
  if (!by_hand_.empty() || !sent_again_entries_.empty()) return now_us;
  if (!answered_.empty() && !answered_again_) return now_us;
  if (send_again_now_ || !holds_ending_.empty() || !links_.settled()) return now_us;
  if (retention_.due() || !overwritten_.empty()) return now_us;
  const sync::Link* parent = links_.parent();
  bool to_parent = parent != nullptr && parent->up() && !parent->blocked;
  int64_t next = std::min(to_parent ? edges_told_.NextUs() : INT64_MAX, silence_us_);
  for (core::TransportSession number : uplinks_) {
    const Session& session = sessions_.at(number);
    next = std::min(next, session.hello_at_us);
    if (session.state != SessionState::kUp) continue;
    next = std::min(next, session.heard_us + options_.link_timeout_ms * 1000);
    next = std::min(next, session.sent_us + options_.keepalive_ms * 1000);
  }
  next = std::min(next, links_.NextWakeUs());
  if (pass_.asker().running() && to_parent) next = std::min(next, pass_.asker().NextTimerUs(now_us));
  if (to_parent && AsksAnswers()) next = std::min(next, asked_answers_.NextUs(now_us));
  next = std::min({next, waits_.NextUs(), strays_.NextUs()});
  if (!links_.routes().empty()) next = std::min(next, age_routes_at_us_);
  next = std::min({next, pass_.shelf().NextForgetUs(), std::max(now_us, pass_.shelf().NextReadUs()),
                   background_verify_.NextUs(now_us)});
  next = std::min({next, retention_.NextUs(), expiry_.NextUs()});
  if (!take_up_.empty()) next = std::min(next, std::max(now_us, take_up_at_us_));
  if (to_parent && given_up_.goes_again()) next = std::min(next, lost_again_.NextUs(now_us));
  return std::min({next, policy_changes_.NextUs(now_us), disk_gate_.try_us(), store_delivered_at_us_, purge_at_us_,
                   errands_.NextUs(), retry_quarantined_at_us_});
}

}  // namespace tidegate::node
