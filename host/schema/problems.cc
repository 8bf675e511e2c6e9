#include <algorithm>

#include "host/schema/loader.h"

namespace tidegate {
namespace {

constexpr size_t kProblemsMax = 200;

// Letters to change, add or drop to make b of a.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

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
  std::string_view best;
  size_t best_distance = 3;
  for (std::string_view name : known) {
    if (member.name.size() > 64) break;
    if (size_t distance = EditDistance(member.name, name); distance < best_distance) {
      best_distance = distance;
      best = name;
    }
  }
  if (!best.empty()) message += "; did you mean '" + std::string(best) + "'?";
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
