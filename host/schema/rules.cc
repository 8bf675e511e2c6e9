#include "host/schema/rules.h"

#include <algorithm>
#include <numeric>

namespace tidegate {
namespace {
// Names differ in length or at their ends, mostly; equality is checked anyway.
size_t NameHash(std::string_view name) {
  size_t hash = name.size() * 31;
  if (!name.empty()) {
    hash += static_cast<unsigned char>(name.front()) * 7u + static_cast<unsigned char>(name.back()) * 131u +
            static_cast<unsigned char>(name[name.size() / 2]) * 17u;
  }
  return hash;
}
}  // namespace

const char* FieldTypeName(FieldType type) {
  switch (type) {
    case FieldType::kString:
      return "string";
    case FieldType::kNumber:
      return "number";
    case FieldType::kBoolean:
      return "boolean";
    case FieldType::kDate:
      return "date";
    case FieldType::kObject:
      return "object";
    case FieldType::kArray:
      return "array";
    case FieldType::kSet:
      return "set";
    case FieldType::kBinary:
      return "binary";
  }
  return "?";
}

void FieldList::Index() {
  by_attribute.resize(fields.size());
  std::iota(by_attribute.begin(), by_attribute.end(), uint16_t{0});
  std::sort(by_attribute.begin(), by_attribute.end(),
            [this](uint16_t a, uint16_t b) { return fields[a].attribute < fields[b].attribute; });
  size_t size = 4;
  while (size < fields.size() * 2) size *= 2;
  slots.assign(size, kNoField);
  for (size_t i = 0; i < fields.size(); ++i) {
    size_t at = NameHash(fields[i].name) & (size - 1);
    while (slots[at] != kNoField) at = (at + 1) & (size - 1);
    slots[at] = static_cast<uint16_t>(i);
  }
}

uint16_t FieldList::Find(std::string_view name) const {
  if (slots.empty()) return kNoField;
  for (size_t at = NameHash(name) & (slots.size() - 1);; at = (at + 1) & (slots.size() - 1)) {
    if (slots[at] == kNoField || fields[slots[at]].name == name) return slots[at];
  }
}

}  // namespace tidegate
