#include "host/base/spelling.h"

#include <algorithm>

namespace tidegate {

size_t EditDistance(std::string_view a, std::string_view b) {
  // Three rows of the table of optimal string alignment.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); j++) last[j] = j;
  for (size_t i = 1; i <= a.size(); i++) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); j++) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

std::string NearestName(std::string_view name, const std::vector<std::string>& known) {
  std::string nearest;
  size_t best = std::max<size_t>(2, name.size() / 3) + 1;
  for (const std::string& candidate : known) {
    size_t longer = std::max(name.size(), candidate.size());
    size_t distance = EditDistance(name, candidate);
    // "warn" for "warning": an abbreviation is near, however much is left out.
    if (name.size() >= 3 && (candidate.starts_with(name) || name.starts_with(candidate))) distance = 1;
    // Nothing in common is no likeness, however short the names.
    if (distance < best && distance < longer) best = distance, nearest = candidate;
  }
  return nearest;
}

}  // namespace tidegate
