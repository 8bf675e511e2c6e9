#include "session_table.h"

#include "frame_header.h"

namespace tidegate::mqtt {

tg_session SessionTable::Open(std::string topic, uint64_t from_tag, uint64_t to_tag) {
  const std::lock_guard lock(mutex_);
  Session& session = sessions_[++last_];
  session.topic = std::move(topic);
  session.from_tag = from_tag;
  session.to_tag = to_tag;
  return last_;
}

void SessionTable::MakeReady(tg_session id, Session& session) {
  if (session.ready) return;
  session.ready = true;
  ready_.push_back(id);
}

sdk::Status SessionTable::Send(tg_session id, std::string_view frame) {
  // The copy is made outside the lock; a full queue makes it in vain, which is rare.
  std::string payload;
  payload.reserve(kFrameHeaderSize + frame.size());
  payload.resize(kFrameHeaderSize);
  payload.append(frame);

  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(id);
  if (it == sessions_.end() || it->second.closing) {
    return {TG_UNAVAILABLE, "session " + std::to_string(id) + " is closed: wait for the next one"};
  }
  Session& session = it->second;
  if (!session.queue.empty() && session.queue_bytes + payload.size() > queue_bytes_max_) {
    session.full = true;
    return {TG_FULL, "the queue of session " + std::to_string(id) + " holds " + std::to_string(session.queue_bytes) +
                         " of " + std::to_string(queue_bytes_max_) + " bytes: wait for writable"};
  }
  EncodeFrameHeader({FrameKind::kData, session.from_tag, session.to_tag}, payload.data());
  session.queue_bytes += payload.size();
  session.queue.push_back(std::move(payload));
  MakeReady(id, session);
  return {};
}

sdk::Status SessionTable::Close(tg_session id, std::string_view reason) {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(id);
  if (it == sessions_.end() || it->second.closing) {
    return {TG_UNAVAILABLE, "session " + std::to_string(id) + " is closed already"};
  }
  it->second.closing = true;
  it->second.reason = reason;
  MakeReady(id, it->second);
  return {};
}

bool SessionTable::IsOpen(tg_session id) const {
  const std::lock_guard lock(mutex_);
  const auto it = sessions_.find(id);
  return it != sessions_.end() && !it->second.closing;
}

bool SessionTable::Remove(tg_session id) {
  const std::lock_guard lock(mutex_);
  return sessions_.erase(id) != 0;  // its places in ready_ and writable_ are skipped later
}

SessionTable::Outgoing SessionTable::Next() {
  const std::lock_guard lock(mutex_);
  while (!ready_.empty()) {
    const tg_session id = ready_.front();
    ready_.pop_front();
    const auto it = sessions_.find(id);
    if (it == sessions_.end()) continue;
    Session& session = it->second;
    session.ready = false;
    if (session.queue.empty()) {
      if (!session.closing) continue;
      Outgoing finished{Outgoing::kFinished, id, std::move(session.topic), std::move(session.reason)};
      sessions_.erase(it);
      return finished;
    }
    Outgoing frame{Outgoing::kFrame, id, session.topic, std::move(session.queue.front())};
    session.queue.pop_front();
    session.queue_bytes -= frame.payload.size();
    if (!session.queue.empty() || session.closing) MakeReady(id, session);
    // Half empty before the sender is called back, or it would be called for every frame.
    if (session.full && session.queue_bytes <= queue_bytes_max_ / 2) {
      session.full = false;
      writable_.push_back(id);
    }
    return frame;
  }
  return {};
}

std::vector<tg_session> SessionTable::TakeWritable() {
  const std::lock_guard lock(mutex_);
  std::vector<tg_session> result;
  for (const tg_session id : writable_) {
    const auto it = sessions_.find(id);
    if (it != sessions_.end() && !it->second.closing) result.push_back(id);
  }
  writable_.clear();
  return result;
}

}  // namespace tidegate::mqtt
