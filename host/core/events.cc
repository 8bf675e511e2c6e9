#include "host/core/events.h"

namespace tidegate::core {

EventChain::EventChain(std::vector<std::unique_ptr<Events>> links) : links_(std::move(links)) {
  for (const auto& link : links_) interests_ |= link->interests();
}

Status EventChain::Connecting(const tg_link_event& link) {
  for (const auto& one : links_) TG_RETURN_IF_ERROR(one->Connecting(link));
  return {};
}

Status EventChain::Changing(const tg_change_event& event) {
  for (const auto& one : links_) TG_RETURN_IF_ERROR(one->Changing(event));
  return {};
}

void EventChain::Connected(const tg_link_event& link) {
  for (const auto& one : links_) one->Connected(link);
}

void EventChain::Disconnected(const tg_link_event& link) {
  for (const auto& one : links_) one->Disconnected(link);
}

void EventChain::Changed(const tg_change_event& event) {
  for (const auto& one : links_) one->Changed(event);
}

void EventChain::Received(const tg_receive_event& event) {
  for (const auto& one : links_) one->Received(event);
}

void EventChain::Acked(const tg_ack_event& event) {
  for (const auto& one : links_) one->Acked(event);
}

}  // namespace tidegate::core
