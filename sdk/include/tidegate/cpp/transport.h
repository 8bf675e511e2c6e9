// tg.transport/1-draft made from a class. Beside what lifecycle.h asks for, T has these methods; each
// returns void or Status and may throw. The contract of each is at its member of tg_transport_v1.
//
//   Info(tg_transport_info& info)
//   Start(const TransportEvents& events)
//   Send(tg_session session, std::string_view frame)    Status of TG_FULL or TG_UNAVAILABLE is ordinary
//   Close(tg_session session, std::string_view reason)
//   Stats(tg_transport_stats& stats)
//
// info and stats arrive zeroed with struct_size set.
// Thread safety: as tagged in tidegate/transport.h. Ownership: views are valid during the call; a
// TransportEvents may be copied and used until Stop returns.
#pragma once

#include <string_view>

#include "tidegate/cpp/lifecycle.h"
#include "tidegate/transport.h"

namespace tidegate::sdk {

// The host's events. Never call one from inside Send or Close, nor after Stop has returned.
class TransportEvents {
 public:
  TransportEvents() = default;
  explicit TransportEvents(const tg_transport_events* events) : events_(events) {}

  void Opened(tg_session session, const tg_peer& peer) const { events_->opened(events_->ctx, session, &peer); }
  void Frame(tg_session session, std::string_view frame) const { events_->frame(events_->ctx, session, Bytes(frame)); }
  void Closed(tg_session session, std::string_view reason) const {
    events_->closed(events_->ctx, session, Str(reason));
  }
  void Writable(tg_session session) const { events_->writable(events_->ctx, session); }

 private:
  const tg_transport_events* events_ = nullptr;
};

template <typename T>
class TransportPlugin {
  static T& Self(void* self) { return detail::Self<T>(self); }

  static tg_code Info(void* self, tg_transport_info* info, tg_error* error) noexcept {
    return Guard("info", error, [&] { return Self(self).Info(*info); });
  }
  static tg_code Start(void* self, const tg_transport_events* events, tg_error* error) noexcept {
    return Guard("start", error, [&] { return Self(self).Start(TransportEvents(events)); });
  }
  static tg_code Send(void* self, tg_session session, tg_bytes frame, tg_error* error) noexcept {
    return Guard("send", error, [&] { return Self(self).Send(session, View(frame)); });
  }
  static tg_code Close(void* self, tg_session session, tg_str reason, tg_error* error) noexcept {
    return Guard("close", error, [&] { return Self(self).Close(session, View(reason)); });
  }
  static tg_code Stats(void* self, tg_transport_stats* stats, tg_error* error) noexcept {
    return Guard("stats", error, [&] { return Self(self).Stats(*stats); });
  }

 public:
  static constexpr std::string_view kId = TG_TRANSPORT_ID;
  static constexpr std::string_view kKind = TG_TRANSPORT_KIND;
  static constexpr tg_transport_v1 kTable{
      detail::Lifecycle<T, tg_transport_v1>(), &Info, &Start, &Send, &Close, &Stats};
};

}  // namespace tidegate::sdk
