#include "host/config/positions.h"

namespace tidegate {

namespace {
// The entries of pointer and everything in it are [pointer] and the range from pointer + "/".
template <typename MapT>
auto Inside(MapT& entries, const std::string& pointer) {
  return std::pair(entries.lower_bound(pointer + "/"), entries.lower_bound(pointer + "0"));  // '0' follows '/'
}
}  // namespace

uint32_t Positions::AddFile(std::string name) {
  files_.push_back(std::move(name));
  return static_cast<uint32_t>(files_.size() - 1);
}

void Positions::Erase(const std::string& pointer) {
  entries_.erase(pointer);
  auto [begin, end] = Inside(entries_, pointer);
  entries_.erase(begin, end);
}

void Positions::Take(const Positions& other, const std::string& pointer) {
  std::vector<uint32_t> number(other.files_.size());
  for (uint32_t i = 0; i < other.files_.size(); i++) {
    uint32_t known = 0;
    while (known < files_.size() && files_[known] != other.files_[i]) known++;
    number[i] = known < files_.size() ? known : AddFile(other.files_[i]);
  }
  auto take = [&](const std::string& at, Entry entry) {
    entry.key.file = number.empty() ? 0 : number[entry.key.file];
    entry.value.file = number.empty() ? 0 : number[entry.value.file];
    entries_[at] = entry;
  };
  if (auto own = other.entries_.find(pointer); own != other.entries_.end()) take(own->first, own->second);
  auto [begin, end] = Inside(other.entries_, pointer);
  for (auto it = begin; it != end; ++it) take(it->first, it->second);
}

std::string Positions::Text(Place place) const {
  std::string file = place.file < files_.size() ? files_[place.file] : "configuration";
  return file + ":" + std::to_string(place.line) + ":" + std::to_string(place.column);
}

bool Positions::Expanded(const std::string& pointer) const {
  auto it = entries_.find(pointer);
  return it != entries_.end() && it->second.expanded;
}

const Positions::Entry& Positions::Nearest(std::string_view pointer) const {
  static const Entry kStart;
  for (std::string at(pointer);; at.resize(at.rfind('/'))) {
    if (auto it = entries_.find(at); it != entries_.end()) return it->second;
    if (at.find('/') == std::string::npos) return kStart;
  }
}

std::string PointerStep(std::string_view name) {
  std::string step = "/";
  for (char c : name) {
    if (c == '~') {
      step += "~0";
    } else if (c == '/') {
      step += "~1";
    } else {
      step += c;
    }
  }
  return step;
}

std::string PointerStep(size_t index) { return "/" + std::to_string(index); }

}  // namespace tidegate
