// The level of a router, changed while it runs (design section 6). What was set lives in the replica and goes before
// the configuration until both say the same.
#include "host/node/impl.h"
#include "host/sync/meta_keys.h"

namespace tidegate::node {
namespace {

constexpr uint32_t kRouterLevelMin = 2;
constexpr uint32_t kRouterLevelMax = 65534;

}  // namespace

void Node::Impl::ChooseLevel() {
  if (record_.level_set == options_.level || options_.role != TG_ROLE_ROUTER) record_.level_set = 0;
  record_.level = record_.level_set != 0 ? record_.level_set : options_.level;
  if (record_.level_set == 0) return;
  deps_.log.Write(5, "level " + std::to_string(record_.level) + " was set while running and goes before node.level, " +
                         std::to_string(options_.level) + "; 'tidegate level reset' ends that");
}

// Levels are judged at every hello; what is known to fail then is refused here, while nothing is cut off yet.
Status Node::Impl::JudgeLevel(uint32_t level) const {
  std::string wish = "level " + std::to_string(level);
  if (options_.role != TG_ROLE_ROUTER)
    return Status::Invalid(std::string("only a router can change its level; this node is a ") +
                           RoleName(options_.role));
  if (level < kRouterLevelMin || level > kRouterLevelMax)
    return Status::Invalid(wish + ": a router's level is 2 to 65534");
  for (const auto& [agent, link] : links_.all()) {
    uint32_t theirs = link->record.level;
    std::string who = std::to_string(agent) + " has level " + std::to_string(theirs);
    if (link->is_parent() && level <= theirs)
      return Status::Conflict(wish + " is not above the parent's: agent " + who + "; choose a higher one");
    if (!link->is_parent() && level >= theirs)
      return Status::Conflict(wish + " is not below that of a child: agent " + who +
                              "; choose a lower one, or set the child's higher first");
  }
  return {};
}

void Node::Impl::SetLevel(uint32_t level, std::function<void(Status)> done) {
  uint32_t wanted = level != 0 ? level : options_.level;
  if (Status judged = JudgeLevel(wanted); !judged.ok()) {
    answers_.Add([done = std::move(done), judged] { done(judged); });
    return;
  }
  // In place: whatever else stores the record with this commit stores the same.
  const wire::NodeRecord before = record_;
  record_.level = wanted;
  record_.level_set = wanted == options_.level ? 0 : wanted;
  stage_.Begin();
  stage_.MetaPut(sync::meta::kNode, wire::EncodeRecord(record_));
  stage_.End([this, before, wanted, done = std::move(done)](const Status& status, std::span<const core::Effect>) {
    if (!status.ok()) {
      record_.level = before.level;
      record_.level_set = before.level_set;
    } else if (self_.level != wanted) {
      deps_.log.Write(6, "level " + std::to_string(self_.level) + " is now " + std::to_string(wanted));
      self_.level = wanted;
      SayHelloAgain();
    }
    done(status);
  });
}

// With what changed in it; also to those who were refused, and to a parent that refused us.
void Node::Impl::SayHelloAgain() {
  for (auto& [number, session] : sessions_) {
    if (session.peer.side == core::Side::kParent) {
      StartHello(&session);
    } else if (session.state == SessionState::kUp || session.refused_agent != 0) {
      AskAgain(&session);
    }
  }
}

}  // namespace tidegate::node
