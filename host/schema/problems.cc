#include <algorithm>

#include "host/base/spelling.h"
#include "host/schema/loader.h"

namespace tidegate {
namespace {

constexpr size_t kProblemsMax = 200;

}  // namespace

void Problems::Add(bool error, TextPlace place, std::string message) {
  if (error) ++errors_;
  if (list_.size() < kProblemsMax) list_.push_back({error, file_, place, std::move(message)});
}

std::vector<SchemaProblem> Problems::Take() {
  std::stable_sort(list_.begin(), list_.end(), [](const SchemaProblem& a, const SchemaProblem& b) {
    return std::pair(a.place.line, a.place.column) < std::pair(b.place.line, b.place.column);
  });
  return std::move(list_);
}

void Problems::Unknown(const Literal::Member& member, std::string_view where,
                       const std::vector<std::string_view>& known) {
  std::string message = std::string(where) + ": property '" + member.name + "' is not known and is passed over";
  std::string nearest = NearestName(member.name, {known.begin(), known.end()});
  if (!nearest.empty()) message += "; did you mean '" + nearest + "'?";
  Warn(member.place, message);
}

bool Problems::Bool(const Literal::Member& member, bool fallback) {
  if (member.value.kind == Literal::Kind::kBool) return member.value.boolean;
  if (member.value.kind != Literal::Kind::kNull) Error(member.value.place, member.name + " must be true or false");
  return fallback;
}

std::string Problems::Text(const Literal::Member& member, std::string_view fallback) {
  if (member.value.IsString()) return member.value.text;
  Error(member.value.place, member.name + " must be a string");
  return std::string(fallback);
}

}  // namespace tidegate
