// tg.policy/1-draft made from a class. Beside what lifecycle.h asks for, T may have these methods; one
// that it has not passes always. Reload returns void or Status and may throw; the others are
// const, answer nothing (std::nullopt, false) to pass, and must not throw: an exception counts as a
// pass, except in Accept, where it denies.
//
//   Reload(std::string_view schemas_json, const TextSink& warnings)
//   std::optional<uint32_t> Placement(std::string_view model) const       TG_PLACE_*
//   std::optional<uint32_t> Direction(std::string_view model) const       TG_DIRECTION_*
//   std::optional<uint32_t> Lane(std::string_view model) const            TG_LANE_*
//   std::optional<std::string> Accept(const tg_policy_item& item) const   why it is denied
//   std::optional<uint32_t> Route(const tg_policy_item& item, uint64_t neighbour) const    TG_ROUTE_*
//   bool Merge(const tg_policy_item& held, const tg_policy_item& incoming, std::string& body,
//              std::string& policy_meta) const
//   bool Retain(std::string_view model, tg_retain& retain) const
//   std::optional<std::string> Answer(std::string_view model) const       the model of a command's answers
//   std::optional<uint32_t> Merges(std::string_view model) const          the revision of the join
//   bool Stamp(const tg_policy_item* held, const tg_policy_item& written, std::string& policy_meta) const
//
// Thread safety: as tagged in tidegate/policy.h. Ownership: views are valid during the call.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tidegate/cpp/lifecycle.h"
#include "tidegate/cpp/text_sink.h"
#include "tidegate/policy.h"

namespace tidegate::sdk {

template <typename T>
class PolicyPlugin {
  static T& Self(void* self) { return detail::Self<T>(self); }

  template <typename Body>
  static uint32_t Decide(uint32_t* out, Body&& body) noexcept {
    try {
      std::optional<uint32_t> decision = body();
      if (!decision) return TG_PASS;
      *out = *decision;
      return TG_DECIDED;
    } catch (...) {
      return TG_PASS;
    }
  }

  static tg_code Reload(void* self, tg_str schemas_json, const tg_text_sink* warnings, tg_error* error) noexcept {
    return Guard("schemas", error, [&] { return Self(self).Reload(View(schemas_json), TextSink(warnings)); });
  }
  static uint32_t Placement(void* self, tg_str model, uint32_t* place) noexcept {
    return Decide(place, [&] { return Self(self).Placement(View(model)); });
  }
  static uint32_t Direction(void* self, tg_str model, uint32_t* direction) noexcept {
    return Decide(direction, [&] { return Self(self).Direction(View(model)); });
  }
  static uint32_t Lane(void* self, tg_str model, uint32_t* lane) noexcept {
    return Decide(lane, [&] { return Self(self).Lane(View(model)); });
  }
  static uint32_t Accept(void* self, const tg_policy_item* item, const tg_text_sink* reason) noexcept {
    try {
      std::optional<std::string> denied = Self(self).Accept(*item);
      if (!denied) return TG_PASS;
      TextSink{reason}(*denied);
    } catch (...) {
      TextSink{reason}("the policy failed on this item");
    }
    return TG_DENIED;
  }
  static uint32_t Route(void* self, const tg_policy_item* item, uint64_t neighbour, uint32_t* route) noexcept {
    return Decide(route, [&] { return Self(self).Route(*item, neighbour); });
  }
  static uint32_t Merge(void* self, const tg_policy_item* held, const tg_policy_item* incoming,
                        const tg_bytes_sink* body, const tg_bytes_sink* policy_meta) noexcept {
    try {
      std::string new_body, new_meta;
      if (!Self(self).Merge(*held, *incoming, new_body, new_meta)) return TG_PASS;
      body->bytes(body->ctx, Bytes(new_body));
      policy_meta->bytes(policy_meta->ctx, Bytes(new_meta));
      return TG_DECIDED;
    } catch (...) {
      return TG_PASS;
    }
  }
  static uint32_t Retain(void* self, tg_str model, tg_retain* retain) noexcept {
    try {
      return Self(self).Retain(View(model), *retain) ? TG_DECIDED : TG_PASS;
    } catch (...) {
      return TG_PASS;
    }
  }
  static uint32_t Merges(void* self, tg_str model, uint32_t* revision) noexcept {
    return Decide(revision, [&] { return Self(self).Merges(View(model)); });
  }
  static uint32_t Stamp(void* self, const tg_policy_item* held, const tg_policy_item* written,
                        const tg_bytes_sink* policy_meta) noexcept {
    try {
      std::string meta;
      if (!Self(self).Stamp(held, *written, meta)) return TG_PASS;
      policy_meta->bytes(policy_meta->ctx, Bytes(meta));
      return TG_DECIDED;
    } catch (...) {
      return TG_PASS;
    }
  }

  static uint32_t Answer(void* self, tg_str model, const tg_text_sink* answer_model) noexcept {
    try {
      std::optional<std::string> answer = Self(self).Answer(View(model));
      if (!answer) return TG_PASS;
      TextSink{answer_model}(*answer);
      return TG_DECIDED;
    } catch (...) {
      return TG_PASS;
    }
  }

  static constexpr tg_policy_v1 MakeTable() {
    tg_policy_v1 table{};
    table.base = detail::Lifecycle<T, tg_policy_v1>();
    if constexpr (requires { &T::Reload; }) table.reload = &Reload;
    if constexpr (requires { &T::Placement; }) table.placement = &Placement;
    if constexpr (requires { &T::Direction; }) table.direction = &Direction;
    if constexpr (requires { &T::Lane; }) table.lane = &Lane;
    if constexpr (requires { &T::Accept; }) table.accept = &Accept;
    if constexpr (requires { &T::Route; }) table.route = &Route;
    if constexpr (requires { &T::Merge; }) table.merge = &Merge;
    if constexpr (requires { &T::Retain; }) table.retain = &Retain;
    if constexpr (requires { &T::Merges; }) table.merges = &Merges;
    if constexpr (requires { &T::Stamp; }) table.stamp = &Stamp;
    if constexpr (requires { &T::Answer; }) table.answer = &Answer;
    return table;
  }

 public:
  static constexpr std::string_view kId = TG_POLICY_ID;
  static constexpr std::string_view kKind = TG_POLICY_KIND;
  static constexpr tg_policy_v1 kTable = MakeTable();
};

}  // namespace tidegate::sdk
