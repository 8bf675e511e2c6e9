// What comparisons that are counted (asked_verify.h, background_verify.h) do to the rest of the node.
#include <algorithm>
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {

// Begins a pass; what is wanted of it is counted.
void Node::Impl::StartPass(sync::Link* parent, sync::ComparePlan plan, int64_t now_us) {
  if (asked_verify_.Begin(plan, now_us)) {
    plan.up_only = plan.asked = true;
  } else {
    background_verify_.Begin(plan);
  }
  plan.up_only = plan.up_only || marks_.up_only();
  plan.cut.expired_ms = expiry_.InstantMs();
  // An old tombstone that the parent still has may have to end what is named by nobody.
  if (!plan.look && policy_changes_.KeepsWhatGoesNowhere()) plan.cut.hlc = 0;
  pass_.Start(*parent, std::move(plan));
}

// It ended without an end: another parent, or another replica of it.
void Node::Impl::BreakOffPass() {
  pass_.asker().Stop();
  if (pass_.CountsFor(ComparePass::CountedFor::kAsked)) {
    asked_verify_.BreakOff();
  } else {
    pass_.StopCounting();
  }
}

void Node::Impl::EndPass(sync::Link* parent, int64_t now_us) {
  if (pass_.CountsFor(ComparePass::CountedFor::kAsked)) asked_verify_.End(parent, now_us);
  if (pass_.CountsFor(ComparePass::CountedFor::kItself)) background_verify_.EndOwner(parent, now_us);
}

// At a parent: whether items of a model may be dropped here without a delete.
bool Node::Impl::MayDrop(std::string_view model) const {
  const replica::ModelRule* rule = deps_.catalog.Get()->Find(model);
  if (rule == nullptr) return false;
  const tg_retain& retain = rule->retain;
  return retain.drop_when_delivered != 0 || retain.age_ms_max != 0 || retain.items_max != 0 || retain.bytes_max != 0;
}

void Node::Impl::NoteReport(sync::Link* parent, wire::CompareReport report) {
  report.ended_unix_ms = deps_.clock.unix_ms();
  parent->verify.last = report;
  stage_.Begin();
  sync::LinkTable::StageVerify(*parent, &stage_);
  stage_.End();
  wire::SyncDone told;  // of nothing that the parent has asked
  told.report = std::move(report);
  Send(parent, told);
}

// A child compared itself with this node.
void Node::Impl::HearReport(sync::Link* child, wire::CompareReport report) {
  for (wire::ModelDifference& model : report.models) std::swap(model.missing_here, model.missing_there);
  std::swap(report.bytes_sent, report.bytes_received);
  child->verify.last = std::move(report);
  stage_.Begin();
  sync::LinkTable::StageVerify(*child, &stage_);
  stage_.End();
}

VerifyStatus Node::Impl::ShowVerify(const sync::Link& link) const {
  VerifyStatus status;
  if (link.is_parent() && !background_verify_.under_way() && pass_.count() != nullptr) {
    status.state = pass_.count()->mends() ? "mends" : "compares";
    status.rows = asked_verify_.rows();
  } else if (link.is_parent()) {
    background_verify_.Show(&status);
  }
  status.last = link.verify.last;
  return status;
}

}  // namespace tidegate::node
