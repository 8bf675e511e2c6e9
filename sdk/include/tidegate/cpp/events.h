// tg.events/1-draft made from a class. Beside what lifecycle.h asks for, T may have these methods; one that
// it has not is not called. Start returns void or Status and may throw. Of the others an exception counts
// as a veto where one can be given, and is forgotten elsewhere.
//
//   Start()
//   std::optional<std::string> Connecting(const tg_link_event& link)     why the neighbour is refused
//   Connected(const tg_link_event& link)
//   Disconnected(const tg_link_event& link)
//   std::optional<std::string> Changing(const tg_change_event& event)    why the change is refused
//   Changed(const tg_change_event& event)
//   Received(const tg_receive_event& event)
//   Acked(const tg_ack_event& event)
//
// Thread safety: as tagged in tidegate/events.h: the writer thread, which waits for each of them. Ownership:
// views are valid during the call.
#pragma once

#include <optional>
#include <string>

#include "tidegate/cpp/lifecycle.h"
#include "tidegate/cpp/text_sink.h"
#include "tidegate/events.h"

namespace tidegate::sdk {

template <typename T>
class EventsPlugin {
  static T& Self(void* self) { return detail::Self<T>(self); }

  template <typename Body>
  static uint32_t Ask(const tg_text_sink* reason, Body&& body) noexcept {
    try {
      std::optional<std::string> veto = body();
      if (!veto) return TG_ALLOWED;
      TextSink{reason}(*veto);
    } catch (...) {
      TextSink{reason}("the events plugin failed on it");
    }
    return TG_VETOED;
  }
  template <typename Body>
  static void Tell(Body&& body) noexcept {
    try {
      body();
    } catch (...) {
      // There is nobody to whom it would matter: what happened has happened.
    }
  }

  static tg_code Start(void* self, tg_error* error) noexcept {
    return Guard("start", error, [&] {
      if constexpr (requires(T& t) { t.Start(); }) return Self(self).Start();
    });
  }
  static uint32_t Connecting(void* self, const tg_link_event* link, const tg_text_sink* reason) noexcept {
    return Ask(reason, [&] { return Self(self).Connecting(*link); });
  }
  static void Connected(void* self, const tg_link_event* link) noexcept {
    Tell([&] { Self(self).Connected(*link); });
  }
  static void Disconnected(void* self, const tg_link_event* link) noexcept {
    Tell([&] { Self(self).Disconnected(*link); });
  }
  static uint32_t Changing(void* self, const tg_change_event* event, const tg_text_sink* reason) noexcept {
    return Ask(reason, [&] { return Self(self).Changing(*event); });
  }
  static void Changed(void* self, const tg_change_event* event) noexcept {
    Tell([&] { Self(self).Changed(*event); });
  }
  static void Received(void* self, const tg_receive_event* event) noexcept {
    Tell([&] { Self(self).Received(*event); });
  }
  static void Acked(void* self, const tg_ack_event* event) noexcept {
    Tell([&] { Self(self).Acked(*event); });
  }

  static constexpr tg_events_v1 MakeTable() {
    tg_events_v1 table{};
    table.base = detail::Lifecycle<T, tg_events_v1>();
    table.start = &Start;
    if constexpr (requires { &T::Connecting; }) table.connecting = &Connecting;
    if constexpr (requires { &T::Connected; }) table.connected = &Connected;
    if constexpr (requires { &T::Disconnected; }) table.disconnected = &Disconnected;
    if constexpr (requires { &T::Changing; }) table.changing = &Changing;
    if constexpr (requires { &T::Changed; }) table.changed = &Changed;
    if constexpr (requires { &T::Received; }) table.received = &Received;
    if constexpr (requires { &T::Acked; }) table.acked = &Acked;
    return table;
  }

 public:
  static constexpr std::string_view kId = TG_EVENTS_ID;
  static constexpr std::string_view kKind = TG_EVENTS_KIND;
  static constexpr tg_events_v1 kTable = MakeTable();
};

}  // namespace tidegate::sdk
