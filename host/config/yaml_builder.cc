#include "host/config/yaml_builder.h"

#include <algorithm>

#include "host/config/scalar.h"
#include "host/config/text_check.h"

namespace tidegate {

namespace {

constexpr size_t kKeyBytesMax = 256;
constexpr size_t kPointerBytesMax = 16 << 20;  // of all pointers together: deep paths of long names are quadratic
constexpr const char* kTagStr = "tag:yaml.org,2002:str";
constexpr const char* kTagMap = "tag:yaml.org,2002:map";
constexpr const char* kTagSeq = "tag:yaml.org,2002:seq";

bool IsPlain(const std::string& tag) { return tag.empty() || tag == "?"; }

}  // namespace

YamlBuilder::YamlBuilder(std::string_view text, const std::string& name, const YamlLimits& limits)
    : text_(text), limits_(limits) {
  document_.positions.AddFile(name);
}

Place YamlBuilder::PlaceOf(const YAML::Mark& mark) {
  if (mark.line < 0) return {};
  if (mark.line < line_) line_ = 0, line_start_ = 0, counted_to_ = 0, characters_ = 0;
  while (line_ < mark.line) {
    size_t end = text_.find('\n', line_start_);
    line_start_ = counted_to_ = end == std::string_view::npos ? text_.size() : end + 1;
    characters_ = 0;
    line_++;
  }
  size_t target = std::min(text_.size(), line_start_ + static_cast<size_t>(std::max(mark.column, 0)));
  if (target < counted_to_) counted_to_ = line_start_, characters_ = 0;
  characters_ += CountCharacters(text_.substr(counted_to_, target - counted_to_));
  counted_to_ = target;
  return {0, static_cast<uint32_t>(line_ + 1), static_cast<uint32_t>(characters_ + 1)};
}

void YamlBuilder::OnDocumentStart(const YAML::Mark& mark) {
  if (started_) Fail(PlaceOf(mark), "a second document begins here; keep one document in a file");
  started_ = true;
}

void YamlBuilder::OnAnchor(const YAML::Mark& mark, const std::string& anchor_name) {
  Fail(PlaceOf(mark), "anchor '&" + anchor_name + "' is not supported; write the value out where it is used");
}

void YamlBuilder::OnAlias(const YAML::Mark& mark, YAML::anchor_t) {
  Fail(PlaceOf(mark), "aliases (*name) are not supported; write the value out");
}

void YamlBuilder::OnNull(const YAML::Mark& mark, YAML::anchor_t) {
  if (ExpectsKey()) Fail(PlaceOf(mark), "a key is empty; give it a name");
  // The mark of an absent value is that of whatever follows it.
  bool in_map = !levels_.empty() && levels_.back().has_key;
  Add(in_map ? levels_.back().next_key_place : PlaceOf(mark), nullptr);
}

void YamlBuilder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t, const std::string& value) {
  Place place = PlaceOf(mark);
  CheckQuoteCloses(place);
  if (value.size() > limits_.scalar_bytes_max) {
    Fail(place, "a value of " + std::to_string(value.size()) + " bytes; the limit is " +
                    std::to_string(limits_.scalar_bytes_max));
  }
  // Escapes in double quotes can make what the file itself must not hold.
  if (auto fault = FindTextFault(value)) Fail(place, fault->what);
  if (ExpectsKey()) return AddKey(place, tag, value);
  if (IsPlain(tag)) {
    auto scalar = ReadPlainScalar(value);
    if (!scalar.ok()) Fail(place, scalar.status().message());
    return Add(place, std::move(scalar).value());
  }
  if (tag != "!" && tag != kTagStr) Fail(place, "tag '" + tag + "' is not supported; remove it");
  Add(place, value);
}

void YamlBuilder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                                  YAML::EmitterStyle::value) {
  Open(mark, tag, kTagSeq, Json::array());
}

void YamlBuilder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                             YAML::EmitterStyle::value) {
  Open(mark, tag, kTagMap, Json::object());
}

void YamlBuilder::Open(const YAML::Mark& mark, const std::string& tag, const char* own_tag, Json empty) {
  Place place = PlaceOf(mark);
  if (ExpectsKey()) Fail(place, "a key must be a plain name, not a map or a list; write name: value");
  if (!IsPlain(tag) && tag != own_tag) Fail(place, "tag '" + tag + "' is not supported; remove it");
  if (levels_.size() >= limits_.depth_max) {
    Fail(place, "nested deeper than " + std::to_string(limits_.depth_max) + " levels; make it flatter");
  }
  Level level;
  level.value = std::move(empty);
  level.pointer = NextPointer();
  level.place = place;
  level.key_place = NextKeyPlace(place);
  Record(level.pointer, level.key_place, place);
  levels_.push_back(std::move(level));
}

void YamlBuilder::Close() {
  Level level = std::move(levels_.back());
  levels_.pop_back();
  if (levels_.empty()) {
    document_.json = std::move(level.value);
    return;
  }
  Level& outer = levels_.back();
  if (outer.value.is_array()) {
    outer.value.push_back(std::move(level.value));
    return;
  }
  // The base class: ordered_map's own insertion looks through all its keys, and we know this one is new.
  std::vector<std::pair<const std::string, Json>>& members = outer.value.get_ref<Json::object_t&>();
  members.emplace_back(std::move(outer.key), std::move(level.value));
  outer.has_key = false;
}

void YamlBuilder::AddKey(Place place, const std::string& tag, const std::string& key) {
  Level& level = levels_.back();
  if (!IsPlain(tag) && tag != "!" && tag != kTagStr) Fail(place, "tag '" + tag + "' is not supported; remove it");
  if (IsPlain(tag) && key == "<<") Fail(place, "merge keys (<<) are not supported; write the keys out");
  if (key.size() > kKeyBytesMax) {
    Fail(place, "a key of " + std::to_string(key.size()) + " bytes; the limit is " + std::to_string(kKeyBytesMax));
  }
  if (!level.keys.insert(key).second) {
    Place first = document_.positions.PlaceOfKey(level.pointer + PointerStep(key));
    Fail(place, "key '" + key + "' is there twice, first in line " + std::to_string(first.line) + "; keep one of them");
  }
  level.key = key;
  level.next_key_place = place;
  level.has_key = true;
}

void YamlBuilder::Add(Place place, Json value) {
  std::string pointer = NextPointer();
  Record(pointer, NextKeyPlace(place), place);
  Level leaf;
  leaf.value = std::move(value);
  levels_.push_back(std::move(leaf));
  Close();
}

void YamlBuilder::CheckQuoteCloses(Place place) const {
  size_t at = counted_to_;  // where PlaceOf has just been
  char quote = at < text_.size() ? text_[at] : '\0';
  if (quote != '\'' && quote != '"') return;
  for (at++; at < text_.size(); at++) {
    bool escape = quote == '"' ? text_[at] == '\\' : text_.substr(at, 2) == "''";
    if (escape) {
      at++;
    } else if (text_[at] == quote) {
      return;
    }
  }
  Fail(place, std::string("the quote ") + quote + " that opens here is never closed; close it");
}

std::string YamlBuilder::NextPointer() const {
  if (levels_.empty()) return "";
  const Level& level = levels_.back();
  return level.pointer + (level.has_key ? PointerStep(level.key) : PointerStep(level.value.size()));
}

Place YamlBuilder::NextKeyPlace(Place place) const {
  return !levels_.empty() && levels_.back().has_key ? levels_.back().next_key_place : place;
}

void YamlBuilder::Record(const std::string& pointer, Place key, Place value) {
  pointer_bytes_ += pointer.size();
  if (++nodes_ > limits_.nodes_max || pointer_bytes_ > kPointerBytesMax) {
    Fail(value, "more than " + std::to_string(limits_.nodes_max) +
                    " values, or names too long for their depth; split the file or make it flatter");
  }
  document_.positions.Set(pointer, {key, value, false});
}

}  // namespace tidegate
