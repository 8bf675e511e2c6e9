#include "plugins/policy-merge/meta.h"

#include <rapidjson/document.h>

#include <charconv>
#include <cstdio>
#include <set>
#include <string_view>
#include <vector>

#include "plugins/policy-merge/body.h"
#include "tidegate/cpp/views.h"

namespace policy_merge {
namespace {

using Json = rapidjson::Value;

std::string StampText(const Stamp& stamp) {
  char text[64];
  std::snprintf(text, sizeof text, "%llx-%llx-%llx", static_cast<unsigned long long>(stamp.hlc),
                static_cast<unsigned long long>(stamp.agent), static_cast<unsigned long long>(stamp.epoch));
  return text;
}

bool ReadStamp(const Json& json, Stamp* stamp) {
  if (!json.IsString()) return false;
  const char* at = json.GetString();
  const char* end = at + json.GetStringLength();
  uint64_t* parts[] = {&stamp->hlc, &stamp->agent, &stamp->epoch};
  for (size_t i = 0; i < 3; ++i) {
    if (i != 0 && (at == end || *at++ != '-')) return false;
    auto [next, error] = std::from_chars(at, end, *parts[i], 16);
    if (error != std::errc() || next == at) return false;
    at = next;
  }
  return at == end;
}

struct Meta {
  Stamp generation;
  std::map<std::string, Stamp> kept;
  std::map<std::string, Stamp> gone;
};

bool ReadNames(const Json& meta, const char* member, const std::vector<Stamp>& stamps,
               std::map<std::string, Stamp>* names) {
  auto found = meta.FindMember(member);
  if (found == meta.MemberEnd()) return true;
  if (!found->value.IsObject()) return false;
  for (const auto& entry : found->value.GetObject()) {
    if (!entry.value.IsUint() || entry.value.GetUint() >= stamps.size()) return false;
    names->emplace(std::string(entry.name.GetString(), entry.name.GetStringLength()), stamps[entry.value.GetUint()]);
  }
  return true;
}

std::optional<Meta> ReadMeta(std::string_view text) {
  rapidjson::Document json;
  json.Parse<rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag>(text.data(), text.size());
  if (json.HasParseError() || !json.IsObject()) return std::nullopt;
  Meta meta;
  std::vector<Stamp> stamps;
  if (auto made = json.FindMember("generation"); made != json.MemberEnd()) {
    if (!ReadStamp(made->value, &meta.generation)) return std::nullopt;
  }
  if (auto list = json.FindMember("stamps"); list != json.MemberEnd()) {
    if (!list->value.IsArray()) return std::nullopt;
    for (const Json& entry : list->value.GetArray()) {
      if (!ReadStamp(entry, &stamps.emplace_back())) return std::nullopt;
    }
  }
  if (!ReadNames(json, "fields", stamps, &meta.kept) || !ReadNames(json, "gone", stamps, &meta.gone))
    return std::nullopt;
  return meta;
}

}  // namespace

std::optional<State> ReadState(const tg_change& change) {
  State state;
  state.item = change.kind == TG_CHANGE_ITEM;
  state.version = {change.version.hlc, change.version.agent, change.version.epoch};
  std::optional<Meta> meta;
  if (change.policy_meta.size != 0) meta = ReadMeta(tidegate::sdk::View(change.policy_meta));
  if (!state.item) {
    state.generation = meta ? meta->generation : state.version;
    return state;
  }
  auto body = ReadBody(tidegate::sdk::View(change.body));
  if (!body) return std::nullopt;
  if (meta) {
    state.generation = meta->generation;
    for (const auto& [name, stamp] : meta->gone) state.fields[name] = {stamp, std::nullopt};
  }
  for (auto& [name, value] : *body) {
    Field field{state.version, std::move(value)};
    if (meta) {
      auto known = meta->kept.find(name);
      if (known != meta->kept.end()) field.stamp = known->second;
    }
    state.fields[name] = std::move(field);
  }
  return state;
}

std::string WriteBody(const State& state) {
  if (!state.item) return {};
  std::string body = "{";
  for (const auto& [name, field] : state.fields) {
    if (!field.value) continue;
    if (body.size() > 1) body += ',';
    body += Quoted(name) + ':' + *field.value;
  }
  return body + '}';
}

std::string WriteMeta(const State& state) {
  if (!state.item) {
    if (state.generation == state.version) return {};
    return "{\"generation\":\"" + StampText(state.generation) + "\"}";
  }
  bool plain = state.generation == Stamp();
  std::set<Stamp> used;
  for (const auto& [name, field] : state.fields) {
    used.insert(field.stamp);
    plain = plain && field.value && field.stamp == state.version;
  }
  if (plain) return {};
  std::map<Stamp, size_t> number;
  std::string stamps;
  for (const Stamp& stamp : used) {
    stamps += (stamps.empty() ? "\"" : ",\"") + StampText(stamp) + '"';
    number.emplace(stamp, number.size());
  }
  std::string kept, gone;
  for (const auto& [name, field] : state.fields) {
    std::string& list = field.value ? kept : gone;
    list += (list.empty() ? "" : ",") + Quoted(name) + ':' + std::to_string(number[field.stamp]);
  }
  std::string meta = "{\"fields\":{" + kept + '}';
  if (state.generation != Stamp()) meta += ",\"generation\":\"" + StampText(state.generation) + '"';
  if (!gone.empty()) meta += ",\"gone\":{" + gone + '}';
  return meta + ",\"stamps\":[" + stamps + "]}";
}

}  // namespace policy_merge
