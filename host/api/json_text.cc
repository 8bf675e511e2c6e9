#include "host/api/json_text.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>

namespace tidegate::api {
namespace {

constexpr size_t kDepthMax = 64;
constexpr unsigned kParseFlags =
    rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseNumbersAsStringsFlag;

// Notes where the members of the outer level begin and end while rapidjson checks the whole text.
class Cutter : public rapidjson::BaseReaderHandler<rapidjson::UTF8<>, Cutter> {
 public:
  Cutter(std::string_view text, const rapidjson::MemoryStream& in, bool object)
      : text_(text), in_(in), object_(object) {}

  bool Default() { return Scalar(); }
  bool Key(const char* name, rapidjson::SizeType size, bool) {
    if (depth_ != 1) return true;
    name_.assign(name, size);
    for (const JsonMember& member : members) {
      if (member.name == name_) return Fail("has \"" + name_ + "\" twice");
    }
    begin_ = in_.Tell();
    return true;
  }
  bool StartObject() { return Start(true); }
  bool EndObject(rapidjson::SizeType) { return End(); }
  bool StartArray() { return Start(false); }
  bool EndArray(rapidjson::SizeType) { return End(); }

  std::vector<JsonMember> members;
  std::string problem;

 private:
  bool Fail(std::string problem_text) {
    problem = std::move(problem_text);
    return false;
  }
  bool Wrong() { return Fail(object_ ? "must be a JSON object" : "must be a JSON array"); }
  bool Scalar() {
    if (depth_ == 0) return Wrong();
    Cut(in_.Tell());
    return true;
  }
  // The iterative parser calls these before it takes the bracket.
  bool Start(bool object) {
    if (depth_ == 0) {
      if (object != object_) return Wrong();
      begin_ = in_.Tell() + 1;
    }
    if (++depth_ > kDepthMax) return Fail("is nested deeper than " + std::to_string(kDepthMax));
    return true;
  }
  bool End() {
    depth_--;
    Cut(in_.Tell() + 1);
    return true;
  }
  void Cut(size_t end) {
    if (depth_ != 1) return;
    size_t begin = text_.find_first_not_of(" \t\r\n:,", begin_);
    members.push_back({std::move(name_), text_.substr(begin, end - begin)});
    begin_ = end;
  }

  std::string_view text_;
  const rapidjson::MemoryStream& in_;
  bool object_;
  size_t depth_ = 0;
  size_t begin_ = 0;
  std::string name_;
};

Result<std::vector<JsonMember>> Split(std::string_view json, std::string_view what, bool object) {
  rapidjson::MemoryStream in(json.data(), json.size());
  Cutter cutter(json, in, object);
  rapidjson::Reader reader;
  rapidjson::ParseResult parsed = reader.Parse<kParseFlags>(in, cutter);
  std::string name(what);
  if (!cutter.problem.empty()) return Status::Invalid(name + " " + cutter.problem);
  if (parsed.IsError()) {
    return Status::Invalid(name + " is no JSON: " + rapidjson::GetParseError_En(parsed.Code()) + " (byte " +
                           std::to_string(parsed.Offset() + 1) + ")");
  }
  if (in.Tell() < json.size()) {
    return Status::Invalid(name + " is no JSON: more text after its end (byte " + std::to_string(in.Tell() + 1) + ")");
  }
  return std::move(cutter.members);
}

// The one scalar of a text.
struct ScalarHandler : rapidjson::BaseReaderHandler<rapidjson::UTF8<>, ScalarHandler> {
  bool Default() { return false; }
  bool String(const char* text, rapidjson::SizeType size, bool) {
    value.assign(text, size);
    return true;
  }
  std::string value;
};

}  // namespace

Result<std::vector<JsonMember>> SplitObject(std::string_view json, std::string_view what) {
  return Split(json, what, true);
}

Result<std::vector<std::string_view>> SplitArray(std::string_view json, std::string_view what) {
  TG_ASSIGN_OR_RETURN(std::vector<JsonMember> members, Split(json, what, false));
  std::vector<std::string_view> values;
  values.reserve(members.size());
  for (const JsonMember& member : members) values.push_back(member.value);
  return values;
}

Result<std::string> JsonToString(std::string_view json, std::string_view name) {
  rapidjson::MemoryStream in(json.data(), json.size());
  rapidjson::Reader reader;
  ScalarHandler handler;
  if (json.empty() || json[0] != '"' || reader.Parse(in, handler).IsError()) {
    return Status::Invalid(std::string(name) + " must be a text");
  }
  return std::move(handler.value);
}

Result<uint64_t> JsonToUnsigned(std::string_view json, std::string_view name) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (json.empty() || error != std::errc() || end != json.data() + json.size()) {
    return Status::Invalid(std::string(name) + " must be a whole number of 0 or more");
  }
  return value;
}

Result<bool> JsonToBool(std::string_view json, std::string_view name) {
  if (json == "true") return true;
  if (json == "false") return false;
  return Status::Invalid(std::string(name) + " must be true or false");
}

namespace {

// Bytes of the UTF-8 character that text begins with; 0 = none.
size_t CharacterBytes(std::string_view text) {
  auto byte = [&](size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&](size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF && tail(1)) return 2;
  if (first >= 0xE0 && first <= 0xEF && tail(1) && tail(2)) {
    if (first == 0xE0 && byte(1) < 0xA0) return 0;
    if (first == 0xED && byte(1) > 0x9F) return 0;
    return 3;
  }
  if (first >= 0xF0 && first <= 0xF4 && tail(1) && tail(2) && tail(3)) {
    if (first == 0xF0 && byte(1) < 0x90) return 0;
    if (first == 0xF4 && byte(1) > 0x8F) return 0;
    return 4;
  }
  return 0;
}

}  // namespace

void AppendQuoted(std::string* out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out->push_back('"');
  for (size_t i = 0; i < text.size();) {
    char c = text[i];
    size_t bytes = CharacterBytes(text.substr(i));
    if (bytes == 0) {
      out->append("\xEF\xBF\xBD");
      bytes = 1;
    } else if (bytes > 1) {
      out->append(text.substr(i, bytes));
    } else if (c == '"' || c == '\\') {
      out->push_back('\\');
      out->push_back(c);
    } else if (c == '\n') {
      out->append("\\n");
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out->append("\\u00");
      out->push_back(kHex[c >> 4]);
      out->push_back(kHex[c & 15]);
    } else {
      out->push_back(c);
    }
    i += bytes;
  }
  out->push_back('"');
}

std::string Quoted(std::string_view text) {
  std::string out;
  AppendQuoted(&out, text);
  return out;
}

void ObjectWriter::Name(std::string_view name) {
  if (text_.size() > 1) text_.push_back(',');
  AppendQuoted(&text_, name);
  text_.push_back(':');
}

ObjectWriter& ObjectWriter::Text(std::string_view name, std::string_view value) {
  Name(name);
  AppendQuoted(&text_, value);
  return *this;
}

ObjectWriter& ObjectWriter::Unsigned(std::string_view name, uint64_t value) { return Raw(name, std::to_string(value)); }

ObjectWriter& ObjectWriter::Signed(std::string_view name, int64_t value) { return Raw(name, std::to_string(value)); }

ObjectWriter& ObjectWriter::Bool(std::string_view name, bool value) { return Raw(name, value ? "true" : "false"); }

ObjectWriter& ObjectWriter::Raw(std::string_view name, std::string_view json) {
  Name(name);
  text_.append(json);
  return *this;
}

ArrayWriter& ArrayWriter::Raw(std::string_view json) {
  if (text_.size() > 1) text_.push_back(',');
  text_.append(json);
  return *this;
}

}  // namespace tidegate::api
