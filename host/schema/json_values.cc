#include "host/schema/json_values.h"

#include <rapidjson/encodedstream.h>
#include <rapidjson/memorystream.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "host/schema/canonical.h"
#include "host/schema/item.h"
#include "host/schema/json_text.h"

namespace tidegate {
namespace {

std::string_view ParseErrorText(rapidjson::ParseErrorCode code) {
  switch (code) {
    case rapidjson::kParseErrorDocumentEmpty:
      return "it is empty";
    case rapidjson::kParseErrorDocumentRootNotSingular:
      return "more follows the object";
    case rapidjson::kParseErrorStringInvalidEncoding:
      return "it is not UTF-8";
    case rapidjson::kParseErrorTermination:
    case rapidjson::kParseErrorNumberTooBig:
      return "a number is too large";
    default:
      return "it is not JSON";
  }
}

bool AllTextIsUtf8(const JsonValue& value) {
  if (value.IsString()) return InvalidUtf8At(TextOf(value)) == std::string_view::npos;
  if (value.IsArray()) return std::all_of(value.Begin(), value.End(), AllTextIsUtf8);
  if (!value.IsObject()) return true;
  return std::all_of(value.MemberBegin(), value.MemberEnd(), [](const JsonValue::Member& member) {
    return AllTextIsUtf8(member.name) && AllTextIsUtf8(member.value);
  });
}

bool WithinDepth(const JsonValue& value, size_t depth) {
  if (!value.IsObject() && !value.IsArray()) return true;
  if (depth >= kItemDepthMax) return false;
  if (value.IsArray()) {
    return std::all_of(value.Begin(), value.End(), [&](const JsonValue& v) { return WithinDepth(v, depth + 1); });
  }
  return std::all_of(value.MemberBegin(), value.MemberEnd(),
                     [&](const JsonValue::Member& member) { return WithinDepth(member.value, depth + 1); });
}

struct Glance {
  bool ascii = true;
  bool zero = false;
  bool escapes = false;
  size_t brackets = 0;  // that open
};

// Eight bytes at a time: this looks at every byte of every item.
Glance GlanceAt(std::string_view text) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kLow7 = 0x7F * kOnes;
  auto zero_bytes = [](uint64_t word) { return ~(((word & kLow7) + kLow7) | word | kLow7); };  // 0x80 in each
  uint64_t all = 0, zeros = 0, escapes = 0;
  Glance glance;
  for (size_t at = 0; at < text.size(); at += 8) {
    uint64_t word = ' ' * kOnes;
    std::memcpy(&word, text.data() + at, std::min<size_t>(8, text.size() - at));
    all |= word;
    zeros |= zero_bytes(word);
    escapes |= zero_bytes(word ^ ('\\' * kOnes));
    glance.brackets += static_cast<size_t>(std::popcount(zero_bytes((word & (0xDF * kOnes)) ^ ('[' * kOnes))));
  }
  glance.ascii = (all & (0x80 * kOnes)) == 0;
  glance.zero = zeros != 0;
  glance.escapes = escapes != 0;
  return glance;
}

}  // namespace

void SetText(std::string_view text, JsonPool* pool, JsonValue* value) {
  value->SetString(text.data(), static_cast<rapidjson::SizeType>(text.size()), *pool);
}

bool IsNumberInRange(const JsonValue& value) { return value.IsNumber() && std::fabs(value.GetDouble()) <= kNumberMax; }

JsonValue* NewText(std::string_view text, JsonPool* pool) {
  auto* value = new (pool->Malloc(sizeof(JsonValue))) JsonValue();
  SetText(text, pool, value);
  return value;
}

bool ParseSmallJson(std::string_view text, rapidjson::Document* document) {
  if (text.find('\0') != text.npos) return false;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  return !ParseExactly<kFlags>(stream, document).IsError() && WithinDepth(*document, 0) && AllTextIsUtf8(*document);
}

Status ParsedObject::Parse(std::string_view text, std::string_view what) {
  if (text.size() > kItemBytesMax) {
    return Status::Invalid(std::string(what) + " has " + std::to_string(text.size()) + " bytes; the limit is " +
                           std::to_string(kItemBytesMax));
  }
  // One look at the bytes: only plain ones of little nesting take the fast way.
  Glance glance = GlanceAt(text);
  if (glance.zero) return Status::Invalid(std::string(what) + ": it is not JSON");
  char* buffer = text_buffer_;
  if (text.size() < sizeof text_buffer_) {
    std::copy(text.begin(), text.end(), buffer);
    buffer[text.size()] = '\0';
  } else {
    long_text_.assign(text);
    buffer = long_text_.data();
  }
  bool plain = glance.ascii && glance.brackets <= kItemDepthMax;
  rapidjson::InsituStringStream stream(buffer);
  rapidjson::ParseResult result =
      plain ? ParseExactly<rapidjson::kParseInsituFlag>(stream, &document_)
            : ParseExactly<rapidjson::kParseInsituFlag | rapidjson::kParseValidateEncodingFlag |
                           rapidjson::kParseIterativeFlag>(stream, &document_);
  if (result.IsError()) {
    return Status::Invalid(std::string(what) + ": " + std::string(ParseErrorText(result.Code())) + " near byte " +
                           std::to_string(result.Offset()));
  }
  if (!document_.IsObject()) return Status::Invalid(std::string(what) + " must be a JSON object");
  if (!plain && !WithinDepth(document_, 0)) {
    return Status::Invalid(std::string(what) + " is nested deeper than " + std::to_string(kItemDepthMax));
  }
  // The parser lets a lone "\udc00" through.
  if (glance.escapes && !AllTextIsUtf8(document_))
    return Status::Invalid(std::string(what) + ": half of a surrogate pair");
  return Status::Ok();
}

Status AppendCanonical(const JsonValue& value, size_t depth, std::string* out) {
  if (value.IsString()) {
    AppendJsonString(TextOf(value), out);
  } else if (value.IsNumber()) {
    if (!IsNumberInRange(value)) return Status::Invalid("a number is outside of -(2^53-1) .. 2^53-1");
    AppendNumber(value.GetDouble(), out);
  } else if (value.IsBool()) {
    *out += value.GetBool() ? "true" : "false";
  } else if (value.IsNull()) {
    *out += "null";
  } else if (depth >= kItemDepthMax) {
    return Status::Invalid("it is nested deeper than " + std::to_string(kItemDepthMax));
  } else if (value.IsArray()) {
    *out += '[';
    for (const JsonValue& item : value.GetArray()) {
      if (&item != value.Begin()) *out += ',';
      TG_RETURN_IF_ERROR(AppendCanonical(item, depth + 1, out));
    }
    *out += ']';
  } else {
    std::vector<const JsonValue::Member*> members;
    members.reserve(value.MemberCount());
    for (const JsonValue::Member& member : value.GetObject()) members.push_back(&member);
    std::sort(members.begin(), members.end(),
              [](const JsonValue::Member* a, const JsonValue::Member* b) { return TextOf(a->name) < TextOf(b->name); });
    *out += '{';
    for (size_t i = 0; i < members.size(); ++i) {
      if (i > 0) *out += ',';
      std::string_view name = TextOf(members[i]->name);
      if (i > 0 && TextOf(members[i - 1]->name) == name) {
        return Status::Invalid("the name '" + std::string(name) + "' is in an object twice");
      }
      AppendJsonString(name, out);
      *out += ':';
      TG_RETURN_IF_ERROR(AppendCanonical(members[i]->value, depth + 1, out));
    }
    *out += '}';
  }
  return Status::Ok();
}

bool AppendText(const JsonValue& value, std::string* out) {
  if (value.IsString()) {
    *out += TextOf(value);
  } else if (value.IsNumber()) {
    AppendNumber(value.GetDouble(), out);
  } else if (value.IsBool()) {
    *out += value.GetBool() ? "true" : "false";
  } else if (value.IsArray()) {
    for (const JsonValue& item : value.GetArray()) {
      if (&item != value.Begin()) *out += ',';
      if (item.IsObject() || item.IsArray() || (!item.IsNull() && !AppendText(item, out))) return false;
    }
  } else {
    return false;
  }
  return true;
}

}  // namespace tidegate
