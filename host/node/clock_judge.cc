#include "host/node/clock_judge.h"

#include <cstdlib>
#include <utility>

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

void ClockJudge::Start(int64_t last_unix_ms) {
  int64_t unix_ms = deps_.clock.unix_ms(), now_us = deps_.clock.monotonic_us();
  offset_ms_ = unix_ms - now_us / 1000;
  watch_.Start(unix_ms, now_us, last_unix_ms, options_.clock_drift_ms_max, options_.lease_ms);
  deps_.clock.SetSuspect(Suspends());
}

int64_t ClockJudge::Look(int64_t now_us) {
  int64_t offset_ms = deps_.clock.unix_ms() - now_us / 1000;
  int64_t jumped_ms = offset_ms - std::exchange(offset_ms_, offset_ms);
  if (watch_.Look(deps_.clock.unix_ms(), now_us)) {
    jumped_ms_ = jumped_ms;
    deps_.log.Write(4, "the clock of this node jumped by " + SpanText(jumped_ms) + (jumped_ms < 0 ? " back" : "") +
                           ": nothing is forgotten by it until a neighbour's clock agrees with it");
    deps_.metrics.Add("tidegate_clock_jumps_total", 1);
    // What they said was compared with the former time.
    for (const auto& [agent, link] : links_.all()) link->clock_known = false;
  } else if (now_us < looked_us_ + kLookEveryUs) {
    return 0;
  } else {
    jumped_ms = 0;
  }
  looked_us_ = now_us;
  deps_.clock.SetSuspect(Suspends());
  return jumped_ms;
}

void ClockJudge::Hear(sync::Link* link, int64_t unix_ms) {
  if (unix_ms == 0) return;
  bool was_off = IsOff(*link);
  link->clock_ahead_ms = unix_ms - deps_.clock.unix_ms();
  link->clock_known = true;
  bool off = IsOff(*link);
  if (!off && (link->is_parent() || options_.role == TG_ROLE_SERVER)) watch_.Agreed();
  if (off && !was_off) deps_.log.Write(4, Problem(*link));
}

bool ClockJudge::IsOff(const sync::Link& link) const {
  return link.clock_known && std::abs(link.clock_ahead_ms) > options_.clock_drift_ms_max;
}

// A parent's word counts; the server, who has none, listens to the half of its children.
bool ClockJudge::NeighboursDisagree() const {
  size_t known = 0, off = 0;
  for (const auto& [agent, link] : links_.still()) {
    if (!link->clock_known || link->is_parent() != (links_.parent() != nullptr)) continue;
    ++known;
    if (IsOff(*link)) ++off;
  }
  return off * 2 >= known && off != 0;
}

bool ClockJudge::Suspends() const {
  return deps_.clock.unix_ms() < kPlausibleUnixMs || watch_.in_doubt() || NeighboursDisagree();
}

std::string ClockJudge::Problem(const sync::Link& link) const {
  return "the clock of agent " + std::to_string(link.agent()) + " is " + SpanText(link.clock_ahead_ms) + " " +
         (link.clock_ahead_ms > 0 ? "ahead of" : "behind") + " ours: set the one that is wrong";
}

void ClockJudge::Tell(std::vector<std::string>* problems) const {
  size_t off = 0, told = 0;
  for (const auto& [agent, link] : links_.still()) {
    if (!link->up() || !link->clock_known) continue;
    ++told;
    if (!IsOff(*link)) continue;
    ++off;
    problems->push_back(Problem(*link));
  }
  if (deps_.clock.unix_ms() < kPlausibleUnixMs) {
    problems->push_back("the clock of this node says a year before 2020: it has no battery, or was never set; set it");
  } else if (off > 1 && off == told) {
    problems->push_back("the clocks of all neighbours differ from ours: it is this node's clock that is wrong; set it");
  }
  if (watch_.in_doubt() && jumped_ms_ != 0) {
    problems->push_back("the clock of this node jumped by " + SpanText(jumped_ms_) + (jumped_ms_ < 0 ? " back" : ""));
  }
  if (Suspends())
    problems->push_back(
        "the clock of this node is in doubt: nothing expires or ages and no lease ends until it agrees "
        "with " +
        std::string(links_.parent() != nullptr ? "the parent's" : "those of the children"));
}

}  // namespace tidegate::node
