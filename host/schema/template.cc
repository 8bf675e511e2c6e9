#include "host/schema/template.h"

#include <charconv>

namespace tidegate {
namespace {

Status ParseVariable(std::string_view inside, ValueTemplate::Part* part) {
  std::string shown = "${" + std::string(inside) + "}";
  size_t colon = inside.find(':');
  std::string_view name = inside.substr(0, colon);
  if (colon != std::string_view::npos) {
    std::string_view rest = inside.substr(colon + 1);
    size_t second = rest.find(':');
    std::string_view length = rest.substr(0, second);
    auto got = std::from_chars(length.data(), length.data() + length.size(), part->pad_to);
    if (got.ec != std::errc() || got.ptr != length.data() + length.size() || part->pad_to > 256) {
      return Status::Invalid(shown + ": the length must be a number up to 256");
    }
    if (second != std::string_view::npos) part->pad = std::string(rest.substr(second + 1));
    if (part->pad.size() != 1) return Status::Invalid(shown + ": pad with one ASCII character");
  }
  part->variable = std::string(name);
  for (size_t from = 0; from <= name.size();) {
    size_t dot = std::min(name.find('.', from), name.size());
    if (dot == from) return Status::Invalid(shown + ": a name is empty");
    part->path.emplace_back(name.substr(from, dot - from));
    from = dot + 1;
  }
  return Status::Ok();
}

}  // namespace

Result<ValueTemplate> ValueTemplate::Parse(std::string_view text) {
  ValueTemplate out;
  out.text = std::string(text);
  while (true) {
    Part part;
    size_t open = text.find("${");
    part.literal = std::string(text.substr(0, open));
    if (open == std::string_view::npos) {
      if (!part.literal.empty() || out.parts.empty()) out.parts.push_back(std::move(part));
      return out;
    }
    size_t close = text.find('}', open);
    if (close == std::string_view::npos) return Status::Invalid("'${' without '}' in \"" + out.text + "\"");
    TG_RETURN_IF_ERROR(ParseVariable(text.substr(open + 2, close - open - 2), &part));
    out.parts.push_back(std::move(part));
    text.remove_prefix(close + 1);
  }
}

}  // namespace tidegate
