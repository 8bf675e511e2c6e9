#include "host/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tidegate {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string Json(const std::string& text) {
  auto document = YamlTextToJson(text, "t.yaml");
  return document.ok() ? document->json.dump() : document.status().message();
}

std::string Error(const std::string& text, const YamlLimits& limits = {}) {
  auto document = YamlTextToJson(text, "t.yaml", limits);
  return document.ok() ? "accepted: " + document->json.dump() : document.status().message();
}

TEST(Yaml, PlainScalars_FollowTheCoreSchema) {
  EXPECT_EQ(Json("[1, -1, 0, 0x1f, 0o17, 1.5, -2e3, .5, true, False, null, ~, yes, 12:30, 1.2.3]"),
            "[1,-1,0,31,15,1.5,-2000.0,0.5,true,false,null,null,\"yes\",\"12:30\",\"1.2.3\"]");
}

TEST(Yaml, QuotedScalars_AreTexts) { EXPECT_EQ(Json("['80', \"true\", '', !!str 5]"), "[\"80\",\"true\",\"\",\"5\"]"); }

TEST(Yaml, LargestIntegers_AreExact) {
  EXPECT_EQ(Json("[9007199254740993, 9223372036854775807, -9223372036854775808, 18446744073709551615]"),
            "[9007199254740993,9223372036854775807,-9223372036854775808,18446744073709551615]");
}

TEST(Yaml, KeysKeepTheirOrder_AndEmptyValueIsNull) {
  EXPECT_EQ(Json("b: 1\na:\nc: 3\n"), "{\"b\":1,\"a\":null,\"c\":3}");
}

TEST(Yaml, NothingButComments_IsNull) {
  EXPECT_EQ(Json("# nothing\n"), "null");
  EXPECT_EQ(Json(""), "null");
}

TEST(Yaml, ByteOrderMark_IsSkipped) {
  EXPECT_EQ(Json("\xef\xbb\xbf"
                 "a: 1\n"),
            "{\"a\":1}");
}

TEST(Yaml, EveryValue_HasItsPlace) {
  auto document = YamlTextToJson("node:\n  role: device\n  list:\n    - a\n    - {x/y: 2}\nempty:\n", "t.yaml");
  ASSERT_TRUE(document.ok()) << document.status().message();
  const Positions& at = document->positions;
  EXPECT_EQ(at.At("/node/role"), "t.yaml:2:9");
  EXPECT_EQ(at.AtKey("/node/role"), "t.yaml:2:3");
  EXPECT_EQ(at.At("/node/list/0"), "t.yaml:4:7");
  EXPECT_EQ(at.At("/node/list/1/x~1y"), "t.yaml:5:13");
  EXPECT_EQ(at.At("/empty"), "t.yaml:6:1") << "an absent value is where its key is";
  EXPECT_EQ(at.At("/node/role/deeper"), "t.yaml:2:9") << "the nearest value around it";
}

TEST(Yaml, Columns_CountCharactersNotBytes) {
  auto document = YamlTextToJson("{größe: 1, höhe: 2}\n", "t.yaml");
  ASSERT_TRUE(document.ok()) << document.status().message();
  EXPECT_EQ(document->positions.At("/größe"), "t.yaml:1:9");
  EXPECT_EQ(document->positions.AtKey("/höhe"), "t.yaml:1:12");
}

TEST(Yaml, DuplicateKey_IsRefused) {
  EXPECT_EQ(Error("a: 1\nb:\n  c: 1\n  c: 2\n"),
            "t.yaml:4:3: key 'c' is there twice, first in line 3; keep one of them");
  EXPECT_THAT(Error("{a: 1, 'a': 2}"), StartsWith("t.yaml:1:8: key 'a' is there twice"));
}

TEST(Yaml, Anchors_AreRefusedBeforeTheyExpand) {
  EXPECT_EQ(Error("a: &x [1]\nb: *x\n"),
            "t.yaml:1:4: anchor '&x' is not supported; write the value out where it is used");
  EXPECT_THAT(Error("&a [*a]"), StartsWith("t.yaml:1:1: anchor"));
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 30; i++) {
    std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before + ", " + before + "]\n";
  }
  EXPECT_THAT(Error(laughs), StartsWith("t.yaml:1:5: anchor"));
}

TEST(Yaml, AliasWithoutAnchor_IsRefused) { EXPECT_THAT(Error("a: *x\n"), StartsWith("t.yaml:1:4: ")); }

TEST(Yaml, MergeKey_IsRefused) { EXPECT_THAT(Error("a: 1\n<<: {b: 1}\n"), StartsWith("t.yaml:2:1: merge keys")); }

TEST(Yaml, LeadingZero_IsRefused) {
  EXPECT_EQ(Error("mode: 0660\n"),
            "t.yaml:1:7: 0660 with a leading zero is an octal number to some readers; write it without, or '0660' in "
            "quotes if it is a text");
}

TEST(Yaml, NumberOutOfRange_IsRefused) {
  EXPECT_THAT(Error("a: 18446744073709551616"), StartsWith("t.yaml:1:4: number 18446744073709551616 is out of range"));
  EXPECT_THAT(Error("a: -9223372036854775809"), HasSubstr("out of range"));
  EXPECT_THAT(Error("a: 1e999"), HasSubstr("out of range"));
  EXPECT_THAT(Error("a: .inf"), HasSubstr("not a number that JSON has"));
}

TEST(Yaml, SecondDocument_IsRefused) {
  EXPECT_THAT(Error("a: 1\n---\nb: 2\n"), HasSubstr("a second document begins here; keep one document in a file"));
}

TEST(Yaml, ForeignTag_IsRefused) {
  EXPECT_EQ(Error("a: !!binary aGk=\n"), "t.yaml:1:4: tag 'tag:yaml.org,2002:binary' is not supported; remove it");
  EXPECT_THAT(Error("a: !mine {b: 1}\n"), HasSubstr("tag '!mine'"));
}

TEST(Yaml, KeyThatIsNoName_IsRefused) {
  EXPECT_THAT(Error("? [a]\n: 1\n"), HasSubstr("a key must be a plain name"));
  EXPECT_THAT(Error("~: 1\n"), HasSubstr("a key is empty"));
}

TEST(Yaml, InvalidUtf8_IsRefusedWithItsPlace) {
  EXPECT_EQ(Error("a: 1\nb: x\xffy\n"), "t.yaml:2:5: byte 0xff is not UTF-8; save the file as UTF-8");
  EXPECT_THAT(Error("a: \xc0\xaf"), HasSubstr("byte 0xc0 is not UTF-8"));
  EXPECT_THAT(Error("a: \xed\xa0\x80"), HasSubstr("byte 0xed is not UTF-8")) << "a surrogate";
  EXPECT_THAT(Error("\xff\xfe\x61\x00"), StartsWith("t.yaml:1:1: byte 0xff")) << "UTF-16";
}

TEST(Yaml, ControlCharacter_IsRefusedPlainOrEscaped) {
  EXPECT_THAT(Error(std::string("a: x\x07\n")), StartsWith("t.yaml:1:5: control character 0x07"));
  EXPECT_THAT(Error("a: \"x\\0y\"\n"), StartsWith("t.yaml:1:4: control character 0x00"));
}

TEST(Yaml, BrokenSyntax_HasItsPlace) {
  EXPECT_THAT(Error("a: [1, 2\nb: 3\n"), StartsWith("t.yaml:2:"));
  EXPECT_THAT(Error("a: b: c\n"), StartsWith("t.yaml:1:5: not YAML: "));
  EXPECT_THAT(Error("a: 1\n\tb: 2\n"), StartsWith("t.yaml:2:"));
}

TEST(Yaml, OpenQuote_IsRefusedWhereItOpens) {
  EXPECT_EQ(Error("a: 'x\nb: 1\n"), "t.yaml:1:4: the quote ' that opens here is never closed; close it");
  EXPECT_EQ(Error("a: 1\nb: \"x\\\"\n"), "t.yaml:2:4: the quote \" that opens here is never closed; close it");
  EXPECT_THAT(Error("'a: 1\n"), StartsWith("t.yaml:1:1: "));
  EXPECT_EQ(Json("a: 'it''s'\nb: \"x\\\"y\""), R"({"a":"it's","b":"x\"y"})");
}

TEST(Yaml, TooDeep_IsRefused) {
  EXPECT_THAT(Error(std::string(65, '[') + std::string(65, ']')), StartsWith("t.yaml:1:65: nested deeper than 64"));
  EXPECT_THAT(Error(std::string(200'000, '[')), StartsWith("t.yaml:1:"));
  EXPECT_THAT(Error(std::string(200'000, '{')), StartsWith("t.yaml:1:"));
}

TEST(Yaml, TooLarge_IsRefused) {
  EXPECT_THAT(Error(std::string(101, '#'), {.bytes_max = 100}), StartsWith("t.yaml:1:1: the text has 101 bytes"));
  EXPECT_THAT(Error("[1, 1, 1, 1]", {.nodes_max = 4}), StartsWith("t.yaml:1:11: more than 4 values"));
  EXPECT_THAT(Error("a: 123456", {.scalar_bytes_max = 5}), StartsWith("t.yaml:1:4: a value of 6 bytes"));
  EXPECT_THAT(Error(std::string(300, 'k') + ": 1"), StartsWith("t.yaml:1:1: a key of 300 bytes"));
}

TEST(Yaml, FileThatIsNotThere_IsNotFound) {
  auto document = YamlToJson("/nonexistent/t.yaml");
  EXPECT_EQ(document.status().code(), Code::kNotFound);
  EXPECT_THAT(document.status().message(), StartsWith("/nonexistent/t.yaml: cannot be opened"));
}

TEST(Yaml, FileThatIsAFolder_IsRefused) {
  EXPECT_THAT(YamlToJson("/").status().message(), HasSubstr("is not a regular file"));
}

}  // namespace
}  // namespace tidegate
