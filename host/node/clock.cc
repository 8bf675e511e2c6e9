// Clocks that are off: this node's own, which may jump, and the neighbours'. Versions never go back for it
// (host/base/hybrid_clock.h); what is done by the calendar waits until the clock can be trusted.
#include <cstdlib>

#include "host/node/impl.h"

namespace tidegate::node {
namespace {

// A clock without battery begins in 1970; this program is younger than that.
constexpr int64_t kPlausibleUnixMs = 1'577'836'800'000;  // 2020-01-01
constexpr int64_t kLookEveryUs = 1'000'000;

std::string SpanText(int64_t ms) {
  int64_t s = std::abs(ms) / 1000;
  if (s < 7'200) return std::to_string(s) + " s";
  if (s < 172'800) return std::to_string(s / 3'600) + " hours";
  return std::to_string(s / 86'400) + " days";
}

}  // namespace

void Node::Impl::StartClockWatch() {
  int64_t unix_ms = deps_.clock.unix_ms(), now_us = deps_.clock.monotonic_us();
  clock_offset_ms_ = unix_ms - now_us / 1000;
  clock_watch_.Start(unix_ms, now_us, static_cast<int64_t>(stored_clock_ >> 16), options_.clock_drift_ms_max,
                     options_.lease_ms);
  deps_.clock.SetSuspect(ClockSuspends());
}

// At each commit, so it is cheap: the neighbours are asked about once a second.
void Node::Impl::WatchClock(int64_t now_us) {
  int64_t offset_ms = deps_.clock.unix_ms() - now_us / 1000;
  int64_t jumped_ms = offset_ms - std::exchange(clock_offset_ms_, offset_ms);
  if (clock_watch_.Look(deps_.clock.unix_ms(), now_us)) {
    clock_jumped_ms_ = jumped_ms;
    deps_.log.Write(4, "the clock of this node jumped by " + SpanText(jumped_ms) + (jumped_ms < 0 ? " back" : "") +
                           ": nothing is forgotten by it until a neighbour's clock agrees with it");
    deps_.metrics.Add("tidegate_clock_jumps_total", 1);
    // What they said was compared with the former time.
    for (const auto& [agent, link] : links_.all()) link->clock_known = false;
  } else if (now_us < clock_looked_us_ + kLookEveryUs) {
    return;
  }
  clock_looked_us_ = now_us;
  deps_.clock.SetSuspect(ClockSuspends());
}

// From a hello or an ack: how far the neighbour's clock is ahead of ours.
void Node::Impl::NoteClock(sync::Link* link, int64_t unix_ms) {
  if (unix_ms == 0) return;
  bool was_off = IsOff(*link);
  link->clock_ahead_ms = unix_ms - deps_.clock.unix_ms();
  link->clock_known = true;
  bool off = IsOff(*link);
  if (!off && (link->is_parent() || options_.role == TG_ROLE_SERVER)) clock_watch_.Agreed();
  if (off && !was_off) deps_.log.Write(4, ClockProblem(*link));
}

bool Node::Impl::IsOff(const sync::Link& link) const {
  return link.clock_known && std::abs(link.clock_ahead_ms) > options_.clock_drift_ms_max;
}

// A parent's word counts; the server, who has none, listens to the half of its children.
bool Node::Impl::ClockIsFlagged() const {
  size_t known = 0, off = 0;
  for (const auto& [agent, link] : links_.still()) {
    if (!link->clock_known || link->is_parent() != (links_.parent() != nullptr)) continue;
    ++known;
    if (IsOff(*link)) ++off;
  }
  return off * 2 >= known && off != 0;
}

// True: nothing is to be expired, aged or purged by the calendar now, and no lease ends.
bool Node::Impl::ClockSuspends() const {
  return deps_.clock.unix_ms() < kPlausibleUnixMs || clock_watch_.in_doubt() || ClockIsFlagged();
}

std::string Node::Impl::ClockProblem(const sync::Link& link) const {
  return "the clock of agent " + std::to_string(link.agent()) + " is " + SpanText(link.clock_ahead_ms) + " " +
         (link.clock_ahead_ms > 0 ? "ahead of" : "behind") + " ours: set the one that is wrong";
}

void Node::Impl::TellClocks(std::vector<std::string>* problems) const {
  size_t off = 0, told = 0;
  for (const auto& [agent, link] : links_.still()) {
    if (!link->up() || !link->clock_known) continue;
    ++told;
    if (!IsOff(*link)) continue;
    ++off;
    problems->push_back(ClockProblem(*link));
  }
  if (deps_.clock.unix_ms() < kPlausibleUnixMs) {
    problems->push_back("the clock of this node says a year before 2020: it has no battery, or was never set; set it");
  } else if (off > 1 && off == told) {
    problems->push_back("the clocks of all neighbours differ from ours: it is this node's clock that is wrong; set it");
  }
  if (clock_watch_.in_doubt() && clock_jumped_ms_ != 0) {
    problems->push_back("the clock of this node jumped by " + SpanText(clock_jumped_ms_) +
                        (clock_jumped_ms_ < 0 ? " back" : ""));
  }
  if (ClockSuspends())
    problems->push_back(
        "the clock of this node is in doubt: nothing expires or ages and no lease ends until it agrees "
        "with " +
        std::string(links_.parent() != nullptr ? "the parent's" : "those of the children"));
}

}  // namespace tidegate::node
