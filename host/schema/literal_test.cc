#include "host/schema/literal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate {
namespace {

using ::testing::HasSubstr;

std::string Json(std::string_view text) {
  TextPlace place;
  auto literal = ReadLiteral(text, &place);
  if (!literal.ok())
    return "error " + std::to_string(place.line) + ":" + std::to_string(place.column) + " " +
           literal.status().message();
  std::string json;
  literal->AppendJson(&json);
  return json;
}

TEST(Literal, Json_IsRead) {
  EXPECT_EQ(Json(R"({"b": [1, -2.5e3, true, null], "a": {"x": "yé\n"}})"),
            "{\"a\":{\"x\":\"yé\\n\"},\"b\":[1,-2500,true,null]}");
}

TEST(Literal, Json5_IsRead) {
  EXPECT_EQ(Json("// c\n{a: 'it\\'s', /* x\n y */ $b_1: .5, 'c': +0x1F, d: [1,2,], e: 'a\\\nb',}"),
            R"({"$b_1":0.5,"a":"it's","c":31,"d":[1,2],"e":"ab"})");
}

TEST(Literal, Javascript_IsRead) {
  for (std::string_view head : {"const S = ", "export default ", "module.exports = ", "export const S = ", "let S=",
                                "const S: OneSchema = ", "exports.S = ", "// c\nvar /* x */ S\n= "}) {
    EXPECT_EQ(Json(std::string(head) + "{type: String, v: /a[/]b\\/c/i, t: `x${y}`};"),
              R"({"t":"x${y}","type":"String","v":"/a[/]b\\/c/i"})")
        << head;
  }
  EXPECT_EQ(Json("const S = {a: 1} as const;\nexport default S;\n"), R"({"a":1})");
  EXPECT_EQ(Json("const S = {a: 1}\nmodule.exports = S"), R"({"a":1})");
  EXPECT_EQ(Json("'use strict';\nmodule.exports = {a: 1}"), R"({"a":1})");
  EXPECT_EQ(Json("/* x */ \"use strict\"\nconst S = {a: 1}"), R"({"a":1})");
  EXPECT_THAT(Json("'text'"), HasSubstr("a schema is one object"));
}

TEST(Literal, Regex_EndsAtItsSlash) {
  EXPECT_EQ(Json(R"({a: /\\/, b: /[\]/]/, c: /\[/g})"), R"({"a":"/\\\\/","b":"/[\\]/]/","c":"/\\[/g"})");
}

TEST(Literal, Escapes_BecomeCharacters) {
  EXPECT_EQ(Json(R"({a: "\x41\u00e9\u{1F600}\ud83d\ude00\t\0"})"), "{\"a\":\"Aé😀😀\\t\\u0000\"}");
}

struct Bad {
  const char* text;
  const char* message;
};

TEST(Literal, Wrong_SaysWhereAndWhat) {
  for (const Bad& bad : std::vector<Bad>{
           {"", "error 1:1 a schema is one object"},
           {"[1]", "error 1:1 a schema is one object"},
           {"{a: 1", "error 1:6 this object does not end"},
           {"{a: [1", "error 1:7 this array does not end"},
           {"{\n  a: 1,\n  b: 2,\n  a: 3\n}", "error 4:3 property 'a' is here twice; the first is at 2:3"},
           {"{a: 'x\n'}", "error 1:7 this string does not end on its line"},
           {"{a: \"x", "error 1:7 this string does not end"},
           {"{é: 1, b: }", "error 1:11 expected a value"},
           {"{a: () => 1}", "error 1:5 expected a value; functions are not read, only literals"},
           {"{a: function() {}}", "error 1:5 'function' is not a literal"},
           {"{a: new Date()}", "error 1:5 'new' is not a literal"},
           {"{a: 1} {b: 2}", "error 1:8 nothing may follow"},
           {"{a: 1 b: 2}", "error 1:7 expected ',' or '}'"},
           {"{a 1}", "error 1:4 expected ':'"},
           {"{a: 012}", "error 1:5 a number may not begin with 0"},
           {"{a: 1e999}", "error 1:5 a number out of range"},
           {"{a: 1x}", "error 1:6 not a number"},
           {"{a: /x", "error 1:7 this regular expression does not end"},
           {"{a: '\\u12'}", "error 1:10 expected 4 hex digits"},
           {"{a: '\\udc00'}", "not a Unicode character"},
           {"/* x", "error 1:1 this comment does not end"},
           {"import x from 'y'; {}", "error 1:8 expected '{', or 'const NAME ='"},
           {"const S = {}\nexport default T", "only an export of 'S' may follow"},
           {"{a: '\xff'}", "error 1:6 not UTF-8"},
       }) {
    EXPECT_THAT(Json(bad.text), HasSubstr(bad.message)) << bad.text;
  }
}

TEST(Literal, Limits_AreKept) {
  EXPECT_THAT(Json("{a: " + std::string(200, '[')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(Json("{a: " + std::string(100000, '[')), HasSubstr("nested deeper than 64"));
  EXPECT_THAT(Json("{a: '" + std::string(kLiteralBytesMax, 'x') + "'}"), HasSubstr("larger than 1 MiB"));
}

TEST(Literal, Places_AreOfEachValue) {
  TextPlace place;
  auto literal = ReadLiteral("{\n  a: {\n    'é': 1, b:  'x'}}", &place);
  ASSERT_TRUE(literal.ok());
  const Literal* b = literal->Find("a")->Find("b");
  EXPECT_EQ(b->place.line, 3u);
  EXPECT_EQ(b->place.column, 17u);
  EXPECT_EQ(literal->Find("a")->members[1].place.column, 13u);
}

}  // namespace
}  // namespace tidegate
