// Answers to commands that their giver may have forgotten, asked for by key: whoever has one gives it back, who has
// none passes the question up, and only the server says that there is none. Nothing of it is kept on the way: the one
// who asks asks again. docs/replication.md, "Commands".
#include <algorithm>

#include "host/base/views.h"
#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// Nobody who could be asked knows more of these yet.
wire::CompareAnswer NotYet(const wire::CompareAsk& ask) {
  wire::CompareAnswer answer;
  answer.pass = ask.pass;
  answer.ask = ask.ask;
  answer.owner = ask.owner;
  answer.own = true;
  for (const wire::RangeAsk& range : ask.ranges) {
    wire::RangeAnswer& none = answer.ranges.emplace_back();
    none.range = range.range;
    none.verdict = wire::RangeVerdict::kResolved;
    none.later = true;
  }
  return answer;
}

size_t BytesOf(const tg_change& change) { return change.body.size + change.key.pk.size + change.key.sk.size + 64; }

}  // namespace

// ---- who asks ----

// The parent has to know that we are below it before it can pass a question on.
bool Node::Impl::AsksAnswers() const { return !asked_answers_.empty() && edges_told_.confirmed(); }

void Node::Impl::AskAnswers(int64_t now_us) {
  sync::Link* parent = links_.parent();
  if (!AsksAnswers() || parent == nullptr || !parent->up() || parent->blocked) return;
  if (asked_answers_.needs_page())
    asked_answers_.TakePage([this](const AskedAnswers::KeyFn& fn) { ForEachMissingAnswer(fn); });
  auto ask = asked_answers_.Next(options_.agent, now_us, options_.resend_ms * 2000, options_.resend_ms_max * 1000);
  if (ask) Send(parent, std::move(*ask));
}

void Node::Impl::OnOwnAnswer(sync::Link* parent, wire::CompareAnswer& answer, const std::shared_ptr<const void>& keep) {
  if (!parent->is_parent()) return;
  if (answer.owner != options_.agent) return PassOwnDown(std::move(answer));
  if (!asked_answers_.IsAnswer(answer)) return;
  stage_.arena().Hold(keep);
  const sync::Inbound from{parent->agent(), true, true};
  std::set<size_t> unsure;
  std::vector<tg_change> given;
  for (size_t place = 0; place < answer.ranges.size(); ++place) {
    if (answer.ranges[place].later) unsure.insert(place);
    for (tg_change& change : answer.ranges[place].changes) {
      Status admitted = IsOwnAnswer(change) ? Admit(from, &change, &stage_.arena())
                                            : Status::Refused("it is no answer that this node gave");
      if (admitted.ok()) {
        given.push_back(change);
        continue;
      }
      // It was given: its command does not run, whatever is wrong with it here.
      unsure.insert(place);
      deps_.log.Write(4, "cannot take back the answer " + std::string(View(change.key.sk)) +
                             " to a command, which does not run until it can: " + admitted.message());
    }
  }
  stage_.Begin(true);
  for (const tg_change& change : given) Put(from, change);
  stage_.End(
      [this, number = answer.ask, unsure = std::move(unsure)](const Status& status, std::span<const core::Effect>) {
        const int64_t now_us = deps_.clock.monotonic_us();
        if (!status.ok()) return asked_answers_.Failed(number, now_us);
        asked_answers_.Settled(number, unsure, now_us);
        if (sync::Link* link = links_.parent()) link->moved_us = now_us;
      });
}

// ---- who is asked ----

void Node::Impl::AnswerOwn(sync::Link* child, const wire::CompareAsk& ask) {
  wire::CompareAnswer answer = NotYet(ask);
  // Where the way to it is not known yet, or not any more, nothing can be said.
  if (ask.owner == kAgentAll || !links_.Reaches(*child, ask.owner)) {
    Send(child, std::move(answer));
    return;
  }
  const bool server = options_.role == TG_ROLE_SERVER;
  core::ChangeArena arena;
  size_t missing = 0;
  size_t bytes = 0;
  for (wire::RangeAnswer& range : answer.ranges) {
    bool here = false;
    Status got =
        deps_.storage.Get({ask.owner, Str(range.range.from.pk), Str(range.range.from.sk)}, [&](const tg_change& held) {
          here = true;
          range.later = bytes != 0 && bytes + BytesOf(held) > options_.frame_bytes_max;
          if (range.later || held.direction != TG_DIRECTION_UP) return false;  // what goes down is compared as the rest
          bytes += BytesOf(held);
          range.changes.push_back(arena.Copy(held));
          return false;
        });
    if (!got.ok() && got.code() != Code::kNotFound) continue;  // it is asked again
    if (here) continue;
    ++missing;
    if (server) range.later = false;
  }
  sync::Link* parent = links_.parent();
  if (!server && missing != 0 && missing == answer.ranges.size() && parent != nullptr && parent->up() &&
      !parent->blocked) {
    deps_.metrics.Add("tidegate_answers_asked_above_total", 1);
    Send(parent, ask);
    return;
  }
  Send(child, std::move(answer));
}

// To a question that was passed up: it goes back the way that leads to the owner now.
void Node::Impl::PassOwnDown(wire::CompareAnswer answer) {
  if (answer.owner == kAgentAll) return;
  size_t bytes = 0;
  for (wire::RangeAnswer& range : answer.ranges) {
    for (const tg_change& change : range.changes) {
      if (change.key.owner != answer.owner || change.direction != TG_DIRECTION_UP) return;  // it is no such answer
      range.later = bytes != 0 && bytes + BytesOf(change) > options_.frame_bytes_max;
      if (!range.later) bytes += BytesOf(change);
    }
    if (range.later) range.changes.clear();
  }
  answer.purge_horizon = 0;
  for (sync::Link* child : links_.ChildrenOf(answer.owner)) {
    if (child->up() && !child->blocked) Send(child, answer);
  }
}

}  // namespace tidegate::node
