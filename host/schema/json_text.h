// RapidJSON with exact numbers: what text becomes which values. Internal to host/schema.
//
// RapidJSON 1.1.0 either rounds numbers wrongly in the last digit or, with full precision, shifts by an
// undefined amount on "0e49"; so it hands numbers over as text, and std::from_chars reads them.
// Thread safety: functions without shared state. Ownership: values live in the document.
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cstdint>
#include <string_view>

namespace tidegate {

// Hands the events of a reader to a document, numbers as doubles.
template <typename Document>
class ExactNumbers {
 public:
  using Ch = char;
  using Size = rapidjson::SizeType;
  explicit ExactNumbers(Document& to) : to_(to) {}

  bool RawNumber(const Ch* text, Size size, bool) {
    double value = 0;
    auto got = std::from_chars(text, text + size, value);
    if (got.ec == std::errc::result_out_of_range) {
      std::string_view number(text, size);
      bool tiny = number.find("e-") != number.npos || number.find("E-") != number.npos || number.starts_with("0.") ||
                  number.starts_with("-0.");
      if (!tiny) return false;
      value = 0;
    }
    return to_.Double(value);
  }
  bool Null() { return to_.Null(); }
  bool Bool(bool b) { return to_.Bool(b); }
  bool Int(int i) { return to_.Int(i); }
  bool Uint(unsigned i) { return to_.Uint(i); }
  bool Int64(int64_t i) { return to_.Int64(i); }
  bool Uint64(uint64_t i) { return to_.Uint64(i); }
  bool Double(double d) { return to_.Double(d); }
  bool String(const Ch* text, Size size, bool copy) { return to_.String(text, size, copy); }
  bool Key(const Ch* text, Size size, bool copy) { return to_.Key(text, size, copy); }
  bool StartObject() { return to_.StartObject(); }
  bool EndObject(Size members) { return to_.EndObject(members); }
  bool StartArray() { return to_.StartArray(); }
  bool EndArray(Size items) { return to_.EndArray(items); }

 private:
  Document& to_;
};

// Parses a stream into a document with these flags.
template <unsigned kFlags, typename Document, typename Stream>
rapidjson::ParseResult ParseExactly(Stream& stream, Document* document) {
  rapidjson::ParseResult result;
  auto generate = [&](Document& to) {
    ExactNumbers<Document> handler(to);
    rapidjson::Reader reader;
    result = reader.template Parse<kFlags | rapidjson::kParseNumbersAsStringsFlag>(stream, handler);
    return !result.IsError();
  };
  document->Populate(generate);
  return result;
}

// Any JSON text of a value; false if it is none, or nested too deep.
bool ParseSmallJson(std::string_view text, rapidjson::Document* document);

}  // namespace tidegate
