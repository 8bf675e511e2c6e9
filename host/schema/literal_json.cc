// A literal once it is read: its members, and its JSON.
#include <algorithm>

#include "host/schema/canonical.h"
#include "host/schema/literal.h"

namespace tidegate {

const Literal* Literal::Find(std::string_view name) const {
  for (const Member& member : members) {
    if (member.name == name) return &member.value;
  }
  return nullptr;
}

void Literal::AppendJson(std::string* out) const {
  switch (kind) {
    case Kind::kNull:
      *out += "null";
      return;
    case Kind::kBool:
      *out += boolean ? "true" : "false";
      return;
    case Kind::kNumber:
      AppendNumber(number, out);
      return;
    case Kind::kString:
    case Kind::kWord:
    case Kind::kRegex:
      AppendJsonString(text, out);
      return;
    case Kind::kArray:
      *out += '[';
      for (const Literal& item : items) {
        if (&item != &items.front()) *out += ',';
        item.AppendJson(out);
      }
      *out += ']';
      return;
    case Kind::kObject:
      break;
  }
  std::vector<const Member*> order;
  for (const Member& member : members) order.push_back(&member);
  std::sort(order.begin(), order.end(), [](const Member* a, const Member* b) { return a->name < b->name; });
  *out += '{';
  for (const Member* member : order) {
    if (member != order.front()) *out += ',';
    AppendJsonString(member->name, out);
    *out += ':';
    member->value.AppendJson(out);
  }
  *out += '}';
}

}  // namespace tidegate
