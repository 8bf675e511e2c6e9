// The face of the node: each call goes to what is behind it.
#include <utility>

#include "host/node/impl.h"

namespace tidegate::node {

Node::Node(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Node::~Node() = default;

Result<std::unique_ptr<Node>> Node::Open(const NodeOptions& options, const Dependencies& deps) {
  auto impl = std::make_unique<Impl>(options, deps);
  TG_RETURN_IF_ERROR(impl->Open());
  return std::unique_ptr<Node>(new Node(std::move(impl)));
}

void Node::Write(replica::Transaction transaction, std::function<void(replica::WriteAnswer)> done) {
  impl_->Write(std::move(transaction), std::move(done));
}
void Node::Write(replica::Submission& submission) { impl_->Write(submission); }
std::unique_ptr<replica::Preparer> Node::MakePreparer() const { return impl_->MakePreparer(); }
void Node::SessionOpened(core::TransportSession session, const core::Peer& peer) {
  impl_->SessionOpened(session, peer);
}
void Node::SessionClosed(core::TransportSession session, std::string_view reason) {
  impl_->SessionClosed(session, reason);
}
void Node::Writable(core::TransportSession session) { impl_->Writable(session); }
void Node::Frame(core::TransportSession session, wire::DecodedFrame frame, uint64_t bytes) {
  impl_->Frame(session, std::move(frame), bytes);
}
void Node::BadFrame(core::TransportSession session, const Status& status, uint32_t unknown_type) {
  impl_->BadFrame(session, status, unknown_type);
}
void Node::Sync(const SyncRequest& request, std::function<void(SyncAnswer)> done) {
  impl_->Sync(request, std::move(done));
}
void Node::SyncLinks(const LinkSyncRequest& request, std::function<void(LinkSyncAnswer)> done) {
  impl_->SyncLinks(request, std::move(done));
}
void Node::Clear(const ClearRequest& request, std::function<void(ClearAnswer)> done) {
  impl_->Clear(request, std::move(done));
}
Result<QuarantineEntry> Node::Quarantined(const std::string& id) const { return impl_->Quarantined(id); }
void Node::ActOnQuarantine(const QuarantineRequest& request, std::function<void(QuarantineAnswer)> done) {
  impl_->ActOnQuarantine(request, std::move(done));
}
void Node::SwitchLink(AgentId agent, bool on, std::function<void(Status)> done) {
  impl_->SwitchLink(agent, on, std::move(done));
}
void Node::Adopt(AgentId agent, std::function<void(Status)> done) { impl_->Adopt(agent, std::move(done)); }
void Node::ConfirmLosses(std::function<void(Status)> done) { impl_->ConfirmLosses(std::move(done)); }
void Node::SetLevel(uint32_t level, std::function<void(Status)> done) { impl_->SetLevel(level, std::move(done)); }
void Node::CatalogChanged() { impl_->CatalogChanged(); }
Status Node::Commit() { return impl_->Commit(); }
void Node::Stop() { impl_->Stop(); }
int64_t Node::NextTimerUs() const { return impl_->NextTimerUs(); }
void Node::SetWatcher(WatchFn watcher) { impl_->SetWatcher(std::move(watcher)); }
NodeStatus Node::GetStatus() const { return impl_->GetStatus(); }
Result<std::vector<QuarantineEntry>> Node::Quarantine() const { return impl_->Quarantine(); }
Result<std::vector<LossEntry>> Node::Losses() const { return impl_->Losses(); }
Result<std::vector<ConflictEntry>> Node::Conflicts() const { return impl_->Conflicts(); }
Result<ConflictEntry> Node::Conflict(uint64_t number) const { return impl_->Conflict(number); }
Result<CommandList> Node::Commands(const std::string& model) const { return impl_->Commands(model); }
void Node::RestoreConflict(uint64_t number, std::function<void(Status)> done) {
  impl_->RestoreConflict(number, std::move(done));
}

}  // namespace tidegate::node
