#include "host/config/explain.h"

#include <regex.h>

#include <algorithm>
#include <tuple>

#include "host/base/spelling.h"
#include "host/config/scalar.h"

namespace tidegate {

namespace {

using Json = nlohmann::json;

constexpr size_t kShownBytesMax = 60;

struct Line {
  Place place;
  std::string text;
  auto Order() const { return std::tie(place.file, place.line, place.column, text); }
};

std::string TypeWord(const std::string& type) {
  if (type == "integer") return "a whole number";
  if (type == "number") return "a number";
  if (type == "string") return "a text";
  if (type == "boolean") return "true or false";
  if (type == "array") return "a list";
  if (type == "object") return "a map";
  if (type == "null") return "empty";
  return type;
}

std::string TypeOf(const Json& value) {
  if (value.is_number_integer()) return "integer";
  return value.is_number() ? "number" : value.type_name();
}

std::string Join(const std::vector<std::string>& words, const char* last) {
  std::string text;
  for (size_t i = 0; i < words.size(); i++) {
    if (i > 0) text += i + 1 == words.size() ? last : ", ";
    text += words[i];
  }
  return text;
}

std::string Shown(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

class Explainer {
 public:
  Explainer(const Json& json, const SchemaView& schema, const Positions& positions, const std::string& prefix)
      : json_(json), schema_(schema), positions_(positions), prefix_(prefix) {}

  void Explain(const Violation& violation) {
    const Json* value = ValueAt(violation.pointer);
    const std::string& what = violation.what;
    if (value == nullptr) return Add(violation.pointer, what);
    if (what.starts_with("Object contains a property")) return UnknownKeys(violation, *value);
    if (what.starts_with("Missing required property")) return MissingKey(violation);
    if (what.starts_with("Missing dependency")) return MissingCompanion(violation);
    if (what.starts_with("Value type not permitted")) return WrongType(violation.pointer, *value);
    if (what.starts_with("Failed to match against any enum") || what.starts_with("Failed to match expected value")) {
      return WrongValue(violation.pointer, *value);
    }
    if (what.starts_with("Failed to match regex")) return WrongForm(violation.pointer, *value);
    std::string text = what;
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
    if (text.ends_with('.')) text.pop_back();
    OutOfRange(violation.pointer, *value, text);
  }

  std::vector<Line> TakeLines() { return std::move(lines_); }

 private:
  const Json* ValueAt(const std::string& pointer) const {
    const Json* value = &json_;
    for (const std::string& step : PointerSteps(pointer)) {
      if (value->is_object() && value->contains(step)) {
        value = &(*value)[step];
      } else if (value->is_array() && std::strtoull(step.c_str(), nullptr, 10) < value->size()) {
        value = &(*value)[std::strtoull(step.c_str(), nullptr, 10)];
      } else {
        return nullptr;
      }
    }
    return value;
  }

  // Texts that came out of the environment or a file may be secrets: they are not repeated.
  std::string Is(const std::string& pointer, const Json& value) const {
    if (positions_.Expanded(prefix_ + pointer)) return "the expanded text is not";
    if (value.is_string()) {
      std::string text = value.get<std::string>();
      if (text.size() > kShownBytesMax) return "is a text of " + std::to_string(text.size()) + " bytes";
      return "is the text '" + text + "'";
    }
    if (value.is_primitive() && !value.is_null()) return "is " + value.dump();
    return "is " + TypeWord(TypeOf(value));
  }

  void UnknownKeys(const Violation& violation, const Json& value) {
    std::vector<std::string> known = schema_.Keys(violation.pointer);
    std::vector<std::string> unknown;
    if (schema_.Keyword(violation.pointer, "patternProperties") == nullptr) {
      for (auto& [key, ignored] : value.items()) {
        if (std::find(known.begin(), known.end(), key) == known.end()) unknown.push_back(key);
      }
    }
    if (unknown.empty()) {  // the library names the first one between quotes
      size_t start = violation.what.find(": '"), end = violation.what.rfind('\'');
      if (start != std::string::npos && end > start + 3)
        unknown.push_back(violation.what.substr(start + 3, end - start - 3));
    }
    for (const std::string& key : unknown) {
      std::string nearest = NearestName(key, known);
      std::string advice = !nearest.empty() ? "did you mean '" + nearest + "'?"
                           : known.empty()  ? "remove it"
                                            : "known here: " + Join(known, ", ");
      std::string where = prefix_ + violation.pointer;
      Place place = positions_.PlaceOfKey(where + PointerStep(key));
      lines_.push_back({place, "unknown key '" + key + "'" + In(where) + "; " + advice});
    }
  }

  void MissingKey(const Violation& violation) {
    size_t start = violation.what.find('\''), end = violation.what.rfind('\'');
    std::string key = start < end ? violation.what.substr(start + 1, end - start - 1) : "";
    std::string where = prefix_ + violation.pointer;
    const Json* description = schema_.Keyword(violation.pointer + PointerStep(key), "description");
    std::string meaning = description != nullptr && description->is_string()
                              ? " (" + description->get<std::string>().substr(0, 100) + ")"
                              : "";
    lines_.push_back({positions_.PlaceOfKey(where), "key '" + key + "' is missing" + In(where) + "; add it" + meaning});
  }

  void MissingCompanion(const Violation& violation) {
    size_t start = violation.what.find('\''), end = violation.what.rfind('\'');
    std::string key = start < end ? violation.what.substr(start + 1, end - start - 1) : "";
    std::string where = prefix_ + violation.pointer;
    lines_.push_back({positions_.PlaceOfKey(where),
                      "key '" + key + "' is missing" + In(where) + "; one of the keys beside it needs it, add it"});
  }

  // Whether the value would do as a text.
  bool QuotesHelp(const std::string& pointer, const Json& value) const {
    const Json* pattern = schema_.Keyword(pointer, "pattern");
    if (pattern == nullptr || !pattern->is_string()) return true;
    regex_t compiled;  // POSIX reads the plain patterns of our schemas as JSON Schema means them
    if (regcomp(&compiled, pattern->get_ref<const std::string&>().c_str(), REG_EXTENDED | REG_NOSUB) != 0) return false;
    bool matches = regexec(&compiled, value.dump().c_str(), 0, nullptr, 0) == 0;
    regfree(&compiled);
    return matches;
  }

  void WrongType(const std::string& pointer, const Json& value) {
    std::set<std::string> types = schema_.Types(pointer);
    std::vector<std::string> words;
    for (const std::string& type : types) words.push_back(TypeWord(type));
    std::string advice;
    if (value.is_null()) {
      advice = "; give it a value, or remove the key";
    } else if (value.is_string() && !types.contains("string")) {
      auto read = ReadPlainScalar(value.get<std::string>());
      bool number = read.ok() && read->is_number() && (types.contains("integer") || types.contains("number"));
      if (number && !positions_.Expanded(prefix_ + pointer)) advice = "; remove the quotes";
    } else if (value.is_primitive() && types.contains("string") && QuotesHelp(pointer, value)) {
      advice = "; put it in quotes";
    }
    Add(pointer, "must be " + Join(words, " or ") + ", " + Is(pointer, value) + advice);
  }

  void WrongValue(const std::string& pointer, const Json& value) {
    std::vector<std::string> allowed;
    for (const Json& one : schema_.Values(pointer)) allowed.push_back(Shown(one));
    std::string nearest = value.is_string() ? NearestName(value.get<std::string>(), allowed) : "";
    std::string advice = nearest.empty() ? "" : ", did you mean '" + nearest + "'?";
    // protocol: 5, where the text "5" is allowed
    if (!value.is_string() && std::find(allowed.begin(), allowed.end(), value.dump()) != allowed.end()) {
      advice = "; put it in quotes";
    }
    Add(pointer, "must be " + std::string(allowed.size() > 1 ? "one of " : "") + Join(allowed, ", ") + "; " +
                     Is(pointer, value) + advice);
  }

  void WrongForm(const std::string& pointer, const Json& value) {
    const Json* examples = schema_.Keyword(pointer, "examples");
    const Json* pattern = schema_.Keyword(pointer, "pattern");
    std::string like = "follow its pattern";
    if (examples != nullptr && examples->is_array() && !examples->empty()) {
      std::vector<std::string> shown;
      for (const Json& example : *examples) shown.push_back(Shown(example));
      like = "be written like " + Join(shown, " or ");
    } else if (pattern != nullptr && pattern->is_string()) {
      like = "match the pattern " + pattern->get<std::string>();
    }
    Add(pointer, "must " + like + "; " + Is(pointer, value));
  }

  void OutOfRange(const std::string& pointer, const Json& value, const std::string& what) {
    const Json* minimum = schema_.Keyword(pointer, "minimum");
    const Json* maximum = schema_.Keyword(pointer, "maximum");
    if (!what.starts_with("expected number")) return Add(pointer, what);
    std::string range = minimum != nullptr && maximum != nullptr ? minimum->dump() + " to " + maximum->dump()
                        : minimum != nullptr                     ? minimum->dump() + " or more"
                        : maximum != nullptr                     ? maximum->dump() + " or less"
                                                                 : "in range: " + what;
    Add(pointer, "must be " + range + ", " + Is(pointer, value));
  }

  void Add(const std::string& pointer, const std::string& what) {
    std::string name = DottedName(prefix_ + pointer);
    lines_.push_back({positions_.PlaceOfValue(prefix_ + pointer), name.empty() ? what : name + ": " + what});
  }

  static std::string In(const std::string& pointer) { return pointer.empty() ? "" : " in " + DottedName(pointer); }

  const Json& json_;
  const SchemaView& schema_;
  const Positions& positions_;
  const std::string& prefix_;
  std::vector<Line> lines_;
};

bool Within(const std::string& inner, const std::string& outer) {
  return inner == outer || inner.starts_with(outer + "/");
}

// The library also reports what only follows from a deeper violation, and for each branch of an anyOf
// why it is not that one.
std::vector<Violation> WithoutConsequences(const std::vector<Violation>& violations, const Json& json,
                                           const SchemaView& schema) {
  auto follows = [](const Violation& v) { return v.what.starts_with("Failed to validate"); };
  std::vector<Violation> kept;
  for (const Violation& one : violations) {
    bool explained = false;
    for (const Violation& other : violations) {
      if (&one == &other) continue;
      explained |= follows(one) && !follows(other) && Within(other.pointer, one.pointer);
    }
    if (one.what.starts_with("Value type") && json.contains(Json::json_pointer(one.pointer))) {
      std::set<std::string> types = schema.Types(one.pointer);
      std::string type = TypeOf(json.at(Json::json_pointer(one.pointer)));
      explained |= types.contains(type) || (type == "integer" && types.contains("number"));
    }
    if (!explained) kept.push_back(one);
  }
  return kept.empty() ? violations : kept;
}

}  // namespace

std::string DottedName(const std::string& pointer) {
  std::string name;
  for (const std::string& step : PointerSteps(pointer)) {
    bool index = !step.empty() && step.find_first_not_of("0123456789") == std::string::npos;
    name += index ? "[" + step + "]" : (name.empty() ? "" : ".") + step;
  }
  return name;
}

std::vector<std::string> ExplainViolations(const std::vector<Violation>& violations, const Json& json,
                                           const SchemaView& schema, const Positions& positions,
                                           const std::string& prefix) {
  Explainer explainer(json, schema, positions, prefix);
  for (const Violation& violation : WithoutConsequences(violations, json, schema)) explainer.Explain(violation);
  std::vector<Line> lines = explainer.TakeLines();
  std::sort(lines.begin(), lines.end(), [](const Line& a, const Line& b) { return a.Order() < b.Order(); });
  std::vector<std::string> texts;
  for (const Line& line : lines) {
    std::string text = positions.Text(line.place) + ": " + line.text;
    if (texts.empty() || texts.back() != text) texts.push_back(std::move(text));
  }
  return texts;
}

}  // namespace tidegate
