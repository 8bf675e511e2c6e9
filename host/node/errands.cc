#include "host/node/errands.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace tidegate::node {
namespace {

constexpr int64_t kAskWaitMs = 2'000;  // the first; it doubles up to resend_ms_max
constexpr int64_t kUnwatchedMs = 60'000;
constexpr int64_t kTimeoutMsMax = 24ll * 3600 * 1000;
constexpr uint32_t kSyncAskType = 23;

}  // namespace

void Errands::Add(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done) {
  wire::SyncAsk what;
  what.agent = request.agent;
  what.subtree = request.subtree;
  what.push = request.push;
  what.pull = request.pull;
  what.compare = request.compare;
  what.verify = request.verify;
  what.timeout_ms =
      static_cast<uint64_t>(request.wait ? std::clamp<int64_t>(request.timeout_ms, 0, kTimeoutMsMax) : kUnwatchedMs);
  Errand errand;
  errand.what = what;
  errand.children = request.children;
  if (Status made = MakeLegs(&errand); !made.ok()) {
    answers_.Add([done, made] { done({made, {}}); });
    return;
  }
  if (request.wait) {
    errand.done = std::move(done);
  } else {
    answers_.Add([done] { done({}); });
  }
  Start(std::move(errand));
}

bool Errands::IsUnderWay(const sync::Link& link, const wire::SyncAsk& ask) const {
  return std::any_of(errands_.begin(), errands_.end(), [&](const Errand& errand) {
    return errand.asker == link.agent() && errand.asker_session == link.session_id && errand.what.number == ask.number;
  });
}

void Errands::Ask(sync::Link* link, const wire::SyncAsk& ask) {
  Errand errand;
  errand.what = ask;
  errand.what.timeout_ms = std::min<uint64_t>(ask.timeout_ms, kTimeoutMsMax);
  // A child may have what concerns it moved, and not a whole tree.
  if (!link->is_parent()) errand.what.subtree = false;
  errand.asker = link->agent();
  errand.asker_session = link->session_id;
  Status made = MakeLegs(&errand);
  if (made.ok() && errands_.size() >= options_.errands_max) {
    made = Status::Full("agent " + std::to_string(options_.agent) + " has " + std::to_string(errands_.size()) +
                        " of these under way (limits.errands_max): ask later");
  }
  if (!made.ok()) {
    wire::SyncDone refused;
    refused.number = ask.number;
    refused.failure = made.message();
    around_.Send(link, refused);
    return;
  }
  Start(std::move(errand));
}

// Whether a neighbour is one of those that all, or the subtree of this node, stand for.
bool Errands::IsMeant(const Errand& errand, const sync::Link& link) {
  if (errand.children && link.is_parent()) return false;
  return (errand.asker == 0 && errand.what.agent == kAgentAll) || (errand.what.subtree && !link.is_parent());
}

// A link that is switched off is passed over, but nothing is said to be where it waits for.
Status Errands::LeftOut(const Errand& errand) const {
  const wire::SyncAsk& what = errand.what;
  if (!what.push || !(what.agent == options_.agent || (what.agent == kAgentAll && errand.asker == 0))) return {};
  for (const auto& [agent, link] : links_.all()) {
    if (!link->record.off || !IsMeant(errand, *link)) continue;
    uint64_t waits = 0;
    for (const sync::FeedSender& sender : link->senders) {
      TG_ASSIGN_OR_RETURN(auto stat, deps_.storage.FeedStat(sender.Selector(), sender.hop_position(end_.position)));
      waits += stat.count;
    }
    if (waits == 0) continue;
    const std::string name = std::to_string(agent);
    return Status::Unavailable(std::to_string(waits) + (waits == 1 ? " change waits" : " changes wait") +
                               " for agent " + name + ", whose link is switched off: 'tidegate link on " + name +
                               "' at agent " + std::to_string(options_.agent));
  }
  return {};
}

// The neighbours that an errand goes through.
Status Errands::Through(const Errand& errand, std::vector<sync::Link*>* through) const {
  const wire::SyncAsk& what = errand.what;
  if (what.agent == options_.agent || (what.agent == kAgentAll && errand.asker == 0)) {
    const bool all = errand.asker == 0 && what.agent == kAgentAll;
    if (!all && errand.asker == 0 && !what.subtree) {
      return Status::Invalid("agent " + std::to_string(what.agent) + " is this node itself: name a neighbour");
    }
    for (const auto& [agent, link] : links_.all()) {
      if (!link->record.off && IsMeant(errand, *link)) through->push_back(link.get());
    }
  } else {
    sync::Link* next = links_.Find(what.agent);
    if (next == nullptr) next = links_.Find(links_.routes().LinkOf(what.agent));
    // Above us a node knows its parent and the server.
    if (next == nullptr && what.agent == kAgentServer) next = links_.parent();
    if (next == nullptr || next->agent() == errand.asker) {
      return Status::NotFound("agent " + std::to_string(options_.agent) + " knows no way to agent " +
                              std::to_string(what.agent) + ": it is neither below it nor its parent nor the server");
    }
    if (next->record.off) {
      return Status::Unavailable("the link to agent " + std::to_string(next->agent()) +
                                 " is switched off: 'tidegate link on " + std::to_string(next->agent()) + "'");
    }
    if (what.subtree && errand.asker == 0 && next->is_parent())
      return Status::Invalid("agent " + std::to_string(what.agent) + " is above agent " +
                             std::to_string(options_.agent) + ": a subtree is moved from above, not from within");
    through->push_back(next);
  }
  return {};
}

Status Errands::MakeLegs(Errand* errand) {
  const wire::SyncAsk& what = errand->what;
  std::vector<sync::Link*> through;
  TG_RETURN_IF_ERROR(Through(*errand, &through));
  const bool for_parent = what.agent == options_.agent && errand->asker != 0 && links_.parent() != nullptr &&
                          links_.parent()->agent() == errand->asker;
  if (what.verify != 0) {
    const bool here = for_parent || (through.size() == 1 && through[0]->is_parent());
    if (!for_parent && (through.size() != 1 || through[0]->agent() != what.agent || errand->asker != 0))
      return Status::Invalid("verify compares one link: name a neighbour, or run it at a node beside the link");
    if (here) errand->verify = verify_.Want(what.verify == 2);
  }
  bool mark = what.compare && for_parent;
  for (sync::Link* link : through) {
    Errand::Leg leg;
    leg.neighbour = link->agent();
    leg.about = what.agent == kAgentAll || what.agent == options_.agent ? link->agent() : what.agent;
    leg.asks = what.pull || what.subtree || leg.about != link->agent() ||
               ((what.compare || what.verify != 0) && !link->is_parent());
    leg.ask_wait_ms = kAskWaitMs;
    if (what.push) {
      leg.position = end_.position;
      for (sync::FeedSender& sender : link->senders) sender.Flush();
    }
    mark = mark || (what.compare && link->is_parent());
    errand->legs.push_back(leg);
  }
  if (mark) {
    stage_.Begin();
    marks_.Add(true, 0);
    marks_.Stage();
    stage_.End();
    errand->mark = marks_.last_number();
  }
  return {};
}

void Errands::Start(Errand errand) {
  errand.number = ++last_;
  errand.deadline_us = deps_.clock.monotonic_us() + static_cast<int64_t>(errand.what.timeout_ms) * 1000;
  errands_.push_back(std::move(errand));
}

void Errands::Done(const sync::Link& link, const wire::SyncDone& done) {
  for (auto errand = errands_.begin(); errand != errands_.end(); ++errand) {
    if (errand->number != done.number) continue;
    for (Errand::Leg& leg : errand->legs) {
      if (leg.neighbour != link.agent() || leg.asked_in != link.session_id) continue;
      leg.done = true;
      errand->report = done.report;
      if (done.failure.empty()) return;
      const std::string failure = "agent " + std::to_string(leg.neighbour) + ": " + done.failure;
      Finish(*errand, done.timed_out ? Status::Timeout(failure) : Status::Unavailable(failure));
      errands_.erase(errand);
      return;
    }
    return;
  }
}

void Errands::AskUnknown(const sync::Link& link, uint32_t type) {
  if (type != kSyncAskType) return;
  for (Errand& errand : errands_) {
    for (Errand::Leg& leg : errand.legs) {
      if (leg.done || leg.neighbour != link.agent() || leg.asked_in != link.session_id) continue;
      errand.deadline_us = 0;  // what was to be pushed to it is there; more cannot be had
    }
  }
}

void Errands::Finish(Errand& errand, const Status& status) {
  if (errand.asker != 0) {
    sync::Link* asker = links_.Find(errand.asker);
    if (asker == nullptr || asker->session_id != errand.asker_session) return;
    wire::SyncDone done;
    done.number = errand.what.number;
    if (!status.ok()) done.failure = status.message();
    done.timed_out = status.code() == Code::kTimeout;
    if (status.ok() && errand.verify != 0) done.report = verify_.report();
    around_.Send(asker, done);
    return;
  }
  if (!errand.done) return;
  LinkSyncAnswer answer;
  answer.status = status;
  if (status.ok() && errand.what.verify != 0) {
    answer.report = errand.verify != 0 ? verify_.report() : errand.report;
    if (errand.verify == 0 && answer.report) {
      // It was seen from the child.
      for (wire::ModelDifference& model : answer.report->models) std::swap(model.missing_here, model.missing_there);
      std::swap(answer.report->bytes_sent, answer.report->bytes_received);
    }
    if (!answer.report)
      answer.status = Status::Unsupported("the neighbour does not know how to verify a link: update it");
  }
  for (const Errand::Leg& leg : errand.legs) {
    if (!leg.done) answer.waits_for.push_back(leg.neighbour);
  }
  errand.done(std::move(answer));
}

// All but giving it to who asked.
bool Errands::DoneElsewhere(const Errand& errand) const {
  if (errand.verify != 0 && !verify_.IsDone(errand.verify)) return false;
  return errand.legs_done() && (errand.mark == 0 || !marks_.Waits(errand.mark));
}

bool Errands::RunLegs(Errand* errand, int64_t now_us) {
  for (Errand::Leg& leg : errand->legs) {
    sync::Link* link = links_.Find(leg.neighbour);
    if (leg.done || link == nullptr || !link->up()) continue;
    if (leg.position > link->hop_position(end_.position)) continue;
    if (!leg.asks) {
      leg.done = true;
    } else if (!link->blocked && (leg.asked_in != link->session_id || leg.ask_again_us <= now_us)) {
      wire::SyncAsk ask = errand->what;
      ask.number = errand->number;
      ask.agent = leg.about;
      ask.timeout_ms = static_cast<uint64_t>(std::max<int64_t>(0, errand->deadline_us - now_us) / 1000);
      if (leg.asked_in != link->session_id) leg.ask_wait_ms = kAskWaitMs;
      leg.asked_in = link->session_id;
      leg.ask_again_us = now_us + leg.ask_wait_ms * 1000;
      leg.ask_wait_ms = std::min(leg.ask_wait_ms * 2, options_.resend_ms_max);
      around_.Send(link, ask);
    }
  }
  if (!DoneElsewhere(*errand) || errand->gives_back || errand->asker == 0) return false;
  sync::Link* asker = links_.Find(errand->asker);
  errand->gives_back = true;
  if (asker == nullptr || !errand->what.pull) return false;
  errand->back_position = end_.position;
  for (sync::FeedSender& sender : asker->senders) sender.Flush();
  return true;
}

bool Errands::Run(int64_t now_us) {
  bool more = false;
  for (auto errand = errands_.begin(); errand != errands_.end();) {
    const sync::Link* asker = errand->asker == 0 ? nullptr : links_.Find(errand->asker);
    if (errand->asker != 0 && (asker == nullptr || asker->session_id != errand->asker_session)) {
      errand = errands_.erase(errand);  // it asks again
      continue;
    }
    more = RunLegs(&*errand, now_us) || more;
    bool over = DoneElsewhere(*errand);
    if (asker != nullptr) over = errand->gives_back && asker->hop_position(end_.position) >= errand->back_position;
    const std::string damage = errand->verify == 0 || over ? std::string() : deps_.storage.damage();
    if (!damage.empty()) {
      Finish(*errand, Status::Corrupt("this replica is damaged, and cannot be compared: " + damage));
      over = true;
    } else if (over) {
      Finish(*errand, LeftOut(*errand));
    } else if (errand->deadline_us <= now_us) {
      Finish(*errand, Status::Timeout("not done yet; nothing is lost, it goes on in the background"));
    }
    errand = over || errand->deadline_us <= now_us ? errands_.erase(errand) : std::next(errand);
  }
  return more;
}

int64_t Errands::NextUs() const {
  int64_t next = period_us_;
  for (const Errand& errand : errands_) {
    next = std::min(next, errand.deadline_us);
    for (const Errand::Leg& leg : errand.legs) {
      const sync::Link* link = leg.done ? nullptr : links_.Look(leg.neighbour);
      if (link != nullptr && link->up() && !link->blocked && leg.asked_in == link->session_id)
        next = std::min(next, leg.ask_again_us);
    }
  }
  return next;
}

bool Errands::TakePeriod(int64_t now_us) {
  if (options_.sync_period_ms == 0) return false;
  if (period_us_ == INT64_MAX) period_us_ = now_us + options_.sync_period_ms * 1000;
  if (now_us < period_us_) return false;
  period_us_ = now_us + options_.sync_period_ms * 1000;
  return true;
}

}  // namespace tidegate::node
