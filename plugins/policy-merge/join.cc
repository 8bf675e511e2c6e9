#include "plugins/policy-merge/join.h"

#include <algorithm>
#include <utility>

namespace policy_merge {
namespace {

// An item made over a delete is above it; of the same generation a delete has nothing to say any more.
auto Rank(const State& state) { return std::pair(state.generation, state.item); }

// Two writes never share a stamp; if somebody made them so, the choice must at least not hang on the order.
bool Below(const Field& a, const Field& b) {
  if (a.stamp != b.stamp) return a.stamp < b.stamp;
  return a.value < b.value;
}

}  // namespace

State Join(const State& a, const State& b) {
  State joined = Rank(a) < Rank(b) ? b : a;
  joined.version = std::max(a.version, b.version);
  if (Rank(a) != Rank(b) || !a.item) return joined;
  for (const auto& [name, field] : b.fields) {
    auto [held, added] = joined.fields.try_emplace(name, field);
    if (!added && Below(held->second, field)) held->second = field;
  }
  return joined;
}

State Written(const State* held, State written) {
  if (!written.item) {
    written.generation = written.version;
    return written;
  }
  if (held == nullptr) return written;
  written.generation = held->generation;
  if (!held->item) return written;
  for (const auto& [name, before] : held->fields) {
    auto now = written.fields.find(name);
    if (now != written.fields.end()) {
      if (before.value == now->second.value) now->second.stamp = before.stamp;
    } else if (before.value) {
      written.fields[name] = {written.version, std::nullopt};
    } else {
      written.fields[name] = before;
    }
  }
  return written;
}

}  // namespace policy_merge
