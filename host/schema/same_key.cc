#include "host/schema/same_key.h"

#include <algorithm>

#include "host/schema/rules.h"

namespace tidegate {
namespace {

const ValueTemplate* TemplateOf(const Model& model, uint16_t field) {
  if (field == kNoField) return nullptr;
  const auto& value = model.rules().list.fields[field].value;
  return value ? &*value : nullptr;
}

// The name of the model in it, or who wrote it and for whom, tells a command from its answer.
bool TellsApart(const ValueTemplate& made) {
  return std::any_of(made.parts.begin(), made.parts.end(), [](const ValueTemplate::Part& part) {
    return part.source == ValueTemplate::Source::kType || part.source == ValueTemplate::Source::kSrc ||
           part.source == ValueTemplate::Source::kDst;
  });
}

bool SamePart(const Model& a, uint16_t field_of_a, const Model& b, uint16_t field_of_b) {
  const ValueTemplate* ours = TemplateOf(a, field_of_a);
  const ValueTemplate* theirs = TemplateOf(b, field_of_b);
  // A key that is no template is a field, which the other has by the same name.
  if (ours == nullptr || theirs == nullptr) return ours == theirs;
  return ours->text == theirs->text && !TellsApart(*ours) && !TellsApart(*theirs);
}

}  // namespace

bool HaveSameKey(const Model& a, const Model& b) {
  return SamePart(a, a.rules().pk, b, b.rules().pk) && SamePart(a, a.rules().sk, b, b.rules().sk);
}

}  // namespace tidegate
