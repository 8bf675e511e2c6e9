#include "host/schema/item.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/schema/test_support.h"

namespace tidegate {
namespace {

using test::Around;
using test::Ids;
using test::Load;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

// One model A with a plain key; its other fields and the params are the test's.
class Item : public ::testing::Test {
 protected:
  void Fields(const std::string& fields, const std::string& params = "") {
    schema_ =
        Load(Around("A: {pk: {type: 'string', value: 'a#${id}'}, sk: {type: 'string', value: 'a#'}, "
                    "id: {type: 'string', required: true}, " +
                        fields + "}",
                    params, indexes_));
  }
  const Model& model() { return *schema_->Find("A"); }

  Result<EncodedItem> Put(const std::string& json) { return Encode(model(), json, PutMode::kCreate, ids_.Context()); }
  // The body that `fields` of an item with id 1 give, without the id.
  std::string Body(const std::string& fields) {
    auto item = Put("{\"id\":\"1\"" + (fields.empty() ? "" : "," + fields) + "}");
    if (!item.ok()) return item.status().message();
    std::string body = item->body;
    EXPECT_TRUE(Check(model(), body, item->pk, item->sk, ids_.Context().envelope).ok()) << body;
    if (size_t at = body.find("\"id\":\"1\""); at != std::string::npos) body.erase(at, 8);
    return body;
  }

  Ids ids_;
  std::shared_ptr<const Schema> schema_;
  std::string indexes_ = "primary: {hash: 'pk', sort: 'sk'}";
};

TEST_F(Item, Body_IsCanonical) {
  Fields("z: {type: 'object'}, b: {type: 'number'}, a: {type: 'string'}");
  auto item = Put(
      R"( { "z" : {"y": [ 1.50, -0, 1e2 , {"b":null,"a":true} ], "x":"\u00e9\/\u0001\"" }, "id":"1", "b": 0.30000000000000004, "a":"\u007f"} )");
  ASSERT_TRUE(item.ok()) << item.status().message();
  EXPECT_EQ(item->body,
            "{\"a\":\"\x7f\",\"b\":0.30000000000000004,\"id\":\"1\",\"z\":{\"x\":\"é/"
            "\\u0001\\\"\",\"y\":[1.5,0,100,{\"a\":true,\"b\":null}]}}");
  EXPECT_EQ(item->pk, "a#1");
  EXPECT_EQ(item->sk, "a#");
}

TEST_F(Item, Numbers_AreWrittenAsJavascriptDoes) {
  Fields("n: {type: 'number'}, s: {type: 'string'}");
  EXPECT_EQ(Body("\"n\":1e-7"), "{,\"n\":1e-7}");
  EXPECT_EQ(Body("\"n\":0.000001"), "{,\"n\":0.000001}");
  EXPECT_EQ(Body("\"n\":123456789012345680"), "model A: field 'n' is outside of -(2^53-1) .. 2^53-1");
  EXPECT_EQ(Body("\"n\":-9007199254740991"), "{,\"n\":-9007199254740991}");
  EXPECT_EQ(Body("\"n\":1.7976931348623157e-300"), "{,\"n\":1.7976931348623157e-300}");
  EXPECT_EQ(Body("\"n\":0e49"), "{,\"n\":0}");
  EXPECT_EQ(Body("\"n\":1e-400"), "{,\"n\":0}");
  EXPECT_EQ(Body("\"n\":8.41e21e"), "model A: the item: it is not JSON near byte 21");
  EXPECT_EQ(Body("\"n\":5e-324"), "{,\"n\":5e-324}");
  EXPECT_EQ(Body("\"n\":2.2250738585072011e-308"), "{,\"n\":2.225073858507201e-308}");
  EXPECT_EQ(Body("\"n\":0.1000000000000000055511151231257827"), "{,\"n\":0.1}");
  EXPECT_THAT(Body("\"n\":1e999"), HasSubstr("a number is too large"));
  EXPECT_THAT(Body("\"n\":99999999999e300"), HasSubstr("a number is too large"));
  EXPECT_EQ(Body("\"n\":\"42.50\""), "{,\"n\":42.5}");
  EXPECT_EQ(Body("\"s\":1e21"), "{,\"s\":\"1e+21\"}");
  EXPECT_EQ(Body("\"s\":1.5e20"), "{,\"s\":\"150000000000000000000\"}");
}

TEST_F(Item, Types_AreConverted) {
  Fields("b: {type: 'boolean'}, s: {type: 'string'}, y: {type: 'buffer'}, t: {type: 'set'}, l: {type: 'array'}");
  EXPECT_EQ(Body(R"("b":"false","s":42,"y":"AAH/","t":["b","a","b"],"l":[1,"x",null])"),
            R"({"b":false,,"l":[1,"x",null],"s":"42","t":["a","b"],"y":"AAH/"})");
  EXPECT_EQ(Body(R"("t":[3,1.5,3])"), R"({,"t":[1.5,3]})");
  EXPECT_EQ(Body(R"("t":"[2, 1]","l":"[{\"a\":1}]")"), R"({,"l":[{"a":1}],"t":[1,2]})");
  EXPECT_THAT(Body(R"("l":"x")"), HasSubstr("field 'l' must be of type array"));
  EXPECT_THAT(Body("\"l\":\"" + std::string(50000, '[') + std::string(50000, ']') + "\""), HasSubstr("of type array"));
  EXPECT_THAT(Body(R"("t":[])"), HasSubstr("field 't' must be a set"));
  EXPECT_THAT(Body(R"("t":[1,"a"])"), HasSubstr("field 't' must be a set"));
  EXPECT_THAT(Body(R"("y":"AB==")"), HasSubstr("field 'y' must be bytes in base64"));
  EXPECT_THAT(Body(R"("s":{})"), HasSubstr("field 's' must be of type string"));
  EXPECT_THAT(Body(R"("b":"yes")"), HasSubstr("field 'b' must be of type boolean"));
  EXPECT_THAT(Body(R"("l":{})"), HasSubstr("field 'l' must be of type array"));
}

TEST_F(Item, Dates_AreMillisecondsOrIso) {
  Fields("d: {type: 'date'}, i: {type: 'date', isoDates: true}");
  EXPECT_EQ(Body(R"("d":"2026-01-02T03:04:05.678Z","i":1767323045678)"),
            R"({"d":1767323045678,"i":"2026-01-02T03:04:05.678Z",})");
  EXPECT_EQ(Body(R"("i":"2010-01-01T01:00:00")"), R"({"i":"2010-01-01T01:00:00.000Z",})");
  EXPECT_EQ(Body(R"("i":"2010-01-01")"), R"({"i":"2010-01-01T00:00:00.000Z",})");
  EXPECT_EQ(Body(R"("i":"2010-01-01T01:00:00.5+02:30")"), R"({"i":"2009-12-31T22:30:00.500Z",})");
  EXPECT_EQ(Body(R"("d":-1,"i":-1)"), R"({"d":-1,"i":"1969-12-31T23:59:59.999Z",})");
  EXPECT_EQ(Body(R"("i":"0000-02-29")"), R"({"i":"0000-02-29T00:00:00.000Z",})");
  for (const char* wrong :
       {"\"2026-02-30\"", "\"yesterday\"", "\"2026-1-2\"", "1e17", "\"\"", "\"2026-01-02T25:00\""}) {
    EXPECT_THAT(Body("\"d\":" + std::string(wrong)), HasSubstr("field 'd' is no date")) << wrong;
  }
}

TEST_F(Item, Ttl_IsSecondsRoundedUpAndTheExpiry) {
  Fields("e: {type: 'date', ttl: true}", "isoDates: true");
  auto item = Put(R"({"id":"1","e":"2026-01-02T03:04:05.001Z"})");
  ASSERT_TRUE(item.ok());
  EXPECT_EQ(item->body, R"({"e":1767323046,"id":"1"})");
  EXPECT_EQ(item->expires_ms, 1767323046000);
  EXPECT_EQ(ExpiresMs(model(), item->body), item->expires_ms);
  EXPECT_EQ(Admit(model(), item->body, item->pk, item->sk, {})->expires_ms, item->expires_ms);
  EXPECT_EQ(*Present(model(), item->body, item->pk, item->sk, {}), R"({"id":"1","e":"2026-01-02T03:04:06.000Z"})");
}

TEST_F(Item, Nulls_AreLeftOutUnlessKept) {
  Fields("a: {type: 'string'}, n: {type: 'string', nulls: true}, r: {type: 'string', default: 'x'}");
  EXPECT_EQ(Body(R"("a":null,"n":null,"r":null)"), R"({,"n":null})");
}

TEST_F(Item, Defaults_FillWhatIsAbsent) {
  Fields(
      "a: {type: 'string', default: 7}, o: {type: 'object', required: true, schema: {i: {type: 'number', default: 3}, "
      "u: {type: 'string', generate: 'ulid'}}}, p: {type: 'object', schema: {i: {type: 'number', default: 3}}}");
  EXPECT_THAT(Body(""), MatchesRegex(R"(\{"a":"7",,"o":\{"i":3,"u":"[0-9A-Z]+"\}\})"));
}

TEST_F(Item, Generated_AreIdsOfTheirForm) {
  Fields(
      "u: {type: 'string', generate: 'uuid'}, d: {type: 'string', generate: 'uid(5)'}, l: {type: 'string', generate: "
      "'ulid'}");
  std::string first = Body("");
  EXPECT_THAT(first, ::testing::ContainsRegex("\"d\":\"[0-9A-HJKMNP-TV-Z]{5}\""));
  EXPECT_THAT(first, ::testing::ContainsRegex("\"l\":\"01KDY[0-9A-HJKMNP-TV-Z]{21}\""));
  EXPECT_THAT(
      first, ::testing::ContainsRegex("\"u\":\"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\""));
  EXPECT_NE(first, Body(""));
  EXPECT_EQ(Body(R"("u":"x","d":"y","l":"z")"), R"({"d":"y",,"l":"z","u":"x"})");
  ItemContext none;
  EXPECT_THAT(Encode(model(), R"({"id":"1"})", PutMode::kCreate, none).status().message(),
              HasSubstr("is generated, and no"));
}

TEST_F(Item, Rules_AreEnforced) {
  Fields(
      "r: {type: 'string', required: true}, e: {type: 'string', enum: ['info', 'warn']}, n: {type: 'number', enum: [1, "
      "2]}, "
      "v: {type: 'string', validate: /^[a-z]+$/}, w: {type: 'number', validate: /^4/}");
  EXPECT_EQ(Body(""), "model A: field 'r' is required");
  EXPECT_EQ(Body(R"("r":null)"), "model A: field 'r' is required");
  EXPECT_EQ(Body(R"("r":"","e":"panic")"), R"(model A: field 'e' must be one of "info", "warn")");
  EXPECT_EQ(Body(R"("r":"","n":3)"), "model A: field 'n' must be one of 1, 2");
  EXPECT_EQ(Body(R"("r":"","v":"abc\n")"), "model A: field 'v' does not match /^[a-z]+$/");
  EXPECT_EQ(Body(R"("r":"","w":52)"), "model A: field 'w' does not match /^4/");
  EXPECT_EQ(Body(R"("r":"","e":"warn","n":2,"v":"abc","w":42)"), R"({"e":"warn",,"n":2,"r":"","v":"abc","w":42})");
}

TEST_F(Item, SlowPattern_DoesNotHang) {
  Fields("v: {type: 'string', validate: /^(a+)+$/}");
  EXPECT_THAT(Body("\"v\":\"" + std::string(5000, 'a') + "!\""), HasSubstr("does not match"));
}

TEST_F(Item, Nested_IsConvertedAndChecked) {
  Fields(
      "o: {type: 'object', schema: {when: {type: 'date'}, zip: {type: 'string', map: 'z', required: true}}}, "
      "l: {type: 'array', items: {type: 'object', schema: {n: {type: 'number', enum: [1]}}}}",
      "isoDates: true");
  EXPECT_EQ(Body(R"("o":{"zip":1,"when":0},"l":[{"n":"1"}])"),
            R"({,"l":[{"n":1}],"o":{"when":"1970-01-01T00:00:00.000Z","z":"1"}})");
  EXPECT_THAT(Body(R"("o":{})"), HasSubstr("field 'o.zip' is required"));
  EXPECT_THAT(Body(R"("o":{"zip":"1","x":1})"), HasSubstr("field 'o' has no member 'x'"));
  EXPECT_THAT(Body(R"("o":{"zip":"1","zip":"2"})"), HasSubstr("twice"));
  EXPECT_THAT(Body(R"("l":[{"n":2}])"), HasSubstr("field 'l.n' must be one of 1"));
  auto item = Put(R"({"id":"1","o":{"zip":"9"}})");
  EXPECT_EQ(*Present(model(), item->body, item->pk, item->sk, {}), R"({"id":"1","o":{"zip":"9"}})");
}

TEST_F(Item, UnusableInput_IsRefused) {
  Fields("f: {type: 'string'}, o: {type: 'object'}");
  EXPECT_EQ(Body(R"("qqqqqqqq":1)"), "model A: there is no field 'qqqqqqqq'; see the schema for the names");
  EXPECT_THAT(Body(R"("f":"1","f":"2")"), HasSubstr("field 'f' is given twice"));
  EXPECT_THAT(Body(R"("o":{"a":1,"a":2})"), HasSubstr("'a' is in an object twice"));
  EXPECT_THAT(Body("\"f\":\"\xff\""), HasSubstr("not UTF-8"));
  EXPECT_THAT(Body(R"("f":"\udc00")"), HasSubstr("half of a surrogate pair"));
  EXPECT_THAT(Body(R"("f":"\ud800")"), HasSubstr("not JSON"));
  EXPECT_THAT(Put("[]").status().message(), HasSubstr("must be a JSON object"));
  EXPECT_THAT(Put("").status().message(), HasSubstr("it is empty"));
  EXPECT_THAT(Put("{} {}").status().message(), HasSubstr("more follows"));
  EXPECT_THAT(Put(std::string("{}\0x", 4)).status().message(), HasSubstr("not JSON"));
  EXPECT_THAT(Body("\"f\":\"" + std::string(kItemBytesMax, 'x') + "\""), HasSubstr("the limit is 409600"));
  EXPECT_THAT(Body("\"o\":{\"a\":" + std::string(31, '[') + std::string(31, ']') + "}"),
              HasSubstr("nested deeper than 32"));
  EXPECT_THAT(Body("\"o\":{\"a\":" + std::string(100000, '[') + std::string(100000, ']') + "}"),
              HasSubstr("nested deeper than 32"));
  EXPECT_EQ(Body("\"o\":{\"a\":" + std::string(30, '[') + std::string(30, ']') + "}").substr(0, 4), "{,\"o");
  EXPECT_EQ(Put(R"({"id":""})")->pk, "a#");
  EXPECT_THAT(Put(R"({"id":"a\nb"})").status().message(), HasSubstr("the key 'pk' has a control character"));
  EXPECT_THAT(Put("{\"id\":\"" + std::string(2050, 'x') + "\"}").status().message(), HasSubstr("the limit is 2048"));
  EXPECT_THAT(Put(R"({"id":"1","_src":5,"_type":"A","_version":"x"})").status().message(), "");
}

TEST_F(Item, Templates_AreRendered) {
  indexes_ = "primary: {hash: 'pk', sort: 'sk'}, g: {hash: 'gh', sort: 'gs'}";
  Fields(
      "n: {type: 'number'}, b: {type: 'boolean'}, d: {type: 'date'}, o: {type: 'object'}, l: {type: 'array'}, "
      "gh: {type: 'string', value: '${_type}#${o.a.b}#${n:6}#${n:6:.}'}, gs: {type: 'string', value: '${mid}/${b}'}, "
      "mid: {type: 'string', value: '${d}|${l}|${id}'}");
  auto item = Put(R"({"id":"1","n":42.5,"b":true,"d":"2026-01-02","o":{"a":{"b":"x"}},"l":[1,"q"]})");
  ASSERT_TRUE(item.ok()) << item.status().message();
  ASSERT_EQ(item->index_keys.size(), 1u);
  EXPECT_EQ(item->index_keys[0].index, "g");
  EXPECT_EQ(item->index_keys[0].hash, "A#x#0042.5#..42.5");
  EXPECT_EQ(item->index_keys[0].sort, "1767312000000|1,q|1/true");
  EXPECT_EQ(item->body, R"({"b":true,"d":1767312000000,"id":"1","l":[1,"q"],"n":42.5,"o":{"a":{"b":"x"}}})");
  EXPECT_TRUE(Put(R"({"id":"1","b":true})")->index_keys.empty());  // o.a.b is open: in no index
}

TEST_F(Item, KeyWithoutValue_NamesWhatIsMissing) {
  schema_ = Load(Around("A: {pk: {type: 'string', value: 'a#${who}'}, sk: {type: 'string'}, who: {type: 'string'}}"));
  EXPECT_EQ(Put(R"({"sk":"1"})").status().message(), "model A: the key 'pk' (a#${who}) needs 'who'");
  EXPECT_EQ(Put(R"({"who":"1"})").status().message(), "model A: the key field 'sk' is required");
}

TEST_F(Item, GivenTemplateValue_WinsAndIsKept) {
  Fields("t: {type: 'string', value: 't#${id}'}");
  EXPECT_EQ(Put(R"({"id":"1","t":"t#1"})")->body, R"({"id":"1"})");
  auto item = Put(R"({"id":"1","t":"own","pk":"mine"})");
  EXPECT_EQ(item->body, R"({"id":"1","pk":"mine","t":"own"})");
  EXPECT_EQ(item->pk, "mine");
  EXPECT_TRUE(Check(model(), item->body, "mine", "a#", {}).ok());
  EXPECT_EQ(Update(model(), item->body, R"({"id":"2"})", ids_.Context())->body, R"({"id":"2","pk":"mine","t":"own"})");
}

TEST_F(Item, EnvelopeNames_AreUsableInKeys) {
  indexes_ = "primary: {hash: 'pk', sort: 'sk'}, s: {hash: '_src', sort: 'id'}, m: {hash: '_type', sort: 'from'}";
  Fields("from: {type: 'string', value: '${_src}>${_dst}>${_owner}'}");
  auto keys = IndexKeys(model(), R"({"id":"1"})", {9, 1, 8});
  ASSERT_EQ(keys.size(), 2u);
  EXPECT_EQ(keys[0].hash + " " + keys[0].sort, "9 1");
  EXPECT_EQ(keys[1].hash + " " + keys[1].sort, "A 9>1>8");
}

TEST_F(Item, Timestamps_AreOfTheOrigin) {
  Fields("f: {type: 'string'}", "timestamps: true, isoDates: true, createdField: 'made'");
  auto item = Put(R"({"id":"1","made":"1999-01-01"})");
  EXPECT_EQ(item->body, R"({"id":"1","made":"2026-01-02T03:04:05.678Z","updated":"2026-01-02T03:04:05.678Z"})");
  ItemContext later = ids_.Context();
  later.now_ms += 1000;
  EXPECT_EQ(Update(model(), item->body, R"({"f":"x"})", later)->body,
            R"({"f":"x","id":"1","made":"2026-01-02T03:04:05.678Z","updated":"2026-01-02T03:04:06.678Z"})");
  later.held_body = item->body;
  EXPECT_EQ(Encode(model(), R"({"id":"1"})", PutMode::kUpsert, later)->body,
            R"({"id":"1","made":"2026-01-02T03:04:05.678Z","updated":"2026-01-02T03:04:06.678Z"})");
  Fields("f: {type: 'string'}", "timestamps: 'update'");
  EXPECT_EQ(Put(R"({"id":"1"})")->body, R"({"id":"1","updated":1767323045678})");
}

TEST_F(Item, Context_AddsItsProperties) {
  Fields("site: {type: 'string'}");
  ItemContext context = ids_.Context();
  context.properties = R"({"site":"north","other":1})";
  EXPECT_EQ(Encode(model(), R"({"id":"1","site":"x"})", PutMode::kCreate, context)->body,
            R"({"id":"1","site":"north"})");
}

TEST_F(Item, Update_MergesAndMakesAllAnew) {
  indexes_ = "primary: {hash: 'pk', sort: 'sk'}, g: {hash: 'gh'}";
  Fields(
      "a: {type: 'string'}, b: {type: 'string'}, e: {type: 'date', ttl: true}, o: {type: 'object'}, "
      "gh: {type: 'string', value: '${a}#${b}'}, r: {type: 'number', required: true}");
  auto item = Put(R"({"id":"1","a":"x","b":"y","r":1,"e":"2030-01-01","o":{"k":1}})");
  auto next = Update(model(), item->body, R"({"b":"z","o":{"l":2},"r":"2"})", ids_.Context());
  ASSERT_TRUE(next.ok()) << next.status().message();
  EXPECT_EQ(next->body, R"({"a":"x","b":"z","e":1893456000,"id":"1","o":{"l":2},"r":2})");
  EXPECT_EQ(next->index_keys[0].hash, "x#z");
  EXPECT_EQ(next->expires_ms, 1893456000000);
  auto less = Update(model(), next->body, R"({"a":null,"e":null})", ids_.Context());
  EXPECT_EQ(less->body, R"({"b":"z","id":"1","o":{"l":2},"r":2})");
  EXPECT_TRUE(less->index_keys.empty());
  EXPECT_EQ(less->expires_ms, 0);
  EXPECT_THAT(Update(model(), next->body, R"({"r":null})", ids_.Context()).status().message(),
              HasSubstr("field 'r' is required"));
  // What a newer schema wrote stays where it belongs.
  EXPECT_EQ(Update(model(), R"({"aa":1,"id":"1","r":1,"zz":[2]})", R"({"b":"q"})", ids_.Context())->body,
            R"({"aa":1,"b":"q","id":"1","r":1,"zz":[2]})");
  EXPECT_EQ(Update(model(), item->body, R"({"id":"2"})", ids_.Context())->pk, "a#2");
}

TEST_F(Item, Present_IsForPeople) {
  Fields("Name: {type: 'string', map: 'nm'}, secret: {type: 'string', hidden: true}", "isoDates: true");
  auto item = Put(R"({"secret":"s","id":"1","Name":"n"})");
  EXPECT_EQ(item->body, R"({"id":"1","nm":"n","secret":"s"})");
  EXPECT_EQ(*Present(model(), item->body, item->pk, item->sk, {}), R"({"id":"1","Name":"n"})");
  EXPECT_EQ(*Present(model(), item->body, item->pk, item->sk, {}, true),
            R"({"pk":"a#1","sk":"a#","id":"1","Name":"n","secret":"s"})");
  EXPECT_FALSE(Present(model(), "{", "", "", {}).ok());
}

// Encode(Present(Encode(x))) is Encode(x), for many x.
TEST_F(Item, RandomItems_RoundTripUnchanged) {
  Fields(
      "s: {type: 'string'}, n: {type: 'number'}, b: {type: 'boolean'}, d: {type: 'date'}, e: {type: 'date', ttl: "
      "true}, "
      "o: {type: 'object'}, l: {type: 'array'}, t: {type: 'set'}, m: {type: 'object', schema: {x: {type: 'date'}, y: "
      "{type: 'string', map: 'yy'}}}",
      "isoDates: true");
  uint64_t state = 42;
  auto random = [&state](uint64_t below) {
    return (state = state * 6364136223846793005u + 1442695040888963407u) % (below << 20) >> 20;
  };
  auto number = [&]() -> std::string {
    std::string text = std::to_string(static_cast<int64_t>(random(1u << 30)) - (1 << 29));
    if (random(2) != 0u) text += "." + std::to_string(random(100000));
    if (random(4) == 0) text += "e-" + std::to_string(random(30));
    return text;
  };
  auto string = [&] {
    std::string text = "\"";
    for (uint64_t i = random(12); i > 0; --i) {
      static const char* kBits[] = {"a", "Z", "\\n", "\\\"", "é", "\\u0007", "😀", "/", " ", "\\ud83d\\ude00"};
      text += kBits[random(10)];
    }
    return text + "\"";
  };
  std::function<std::string(int)> value = [&](int depth) -> std::string {
    switch (random(depth > 3 ? 4 : 6)) {
      case 0:
        return number();
      case 1:
        return string();
      case 2:
        return "null";
      case 3:
        return "true";
      case 4:
        return "[" + value(depth + 1) + "," + value(depth + 1) + "]";
      default:
        return "{\"k" + std::to_string(random(5)) + "\":" + value(depth + 1) + ", \"a\":" + value(depth + 1) + "}";
    }
  };
  for (int i = 0; i < 3000; ++i) {
    std::string json = "{\"id\":\"i" + std::to_string(i) + "\"";
    if (random(2) != 0u) json += ",\"s\":" + string();
    if (random(2) != 0u) json += ",\"n\":" + number();
    if (random(2) != 0u) json += ",\"b\":" + std::string(random(2) != 0u ? "true" : "0");
    if (random(2) != 0u) json += ",\"d\":" + std::to_string(random(1ull << 40));
    if (random(2) != 0u) json += ",\"e\":" + std::to_string(random(1ull << 40));
    if (random(2) != 0u) json += ",\"o\":{\"x\":" + value(0) + "}";
    if (random(2) != 0u) json += ",\"l\":[" + value(0) + "]";
    if (random(2) != 0u) json += ",\"t\":[" + number() + "," + number() + "]";
    if (random(2) != 0u) json += ",\"m\":{\"y\":" + string() + ",\"x\":" + std::to_string(random(1u << 30)) + "}";
    json += "}";
    auto item = Put(json);
    ASSERT_TRUE(item.ok()) << json << ": " << item.status().message();
    auto shown = Present(model(), item->body, item->pk, item->sk, {});
    ASSERT_TRUE(shown.ok()) << json;
    auto again = Put(*shown);
    ASSERT_TRUE(again.ok()) << *shown << ": " << again.status().message();
    ASSERT_EQ(again->body, item->body) << json;
    ASSERT_EQ(again->expires_ms, item->expires_ms);
    auto admitted = Admit(model(), item->body, item->pk, item->sk, ids_.Context().envelope);
    ASSERT_TRUE(admitted.ok()) << item->body << ": " << admitted.status().message();
    ASSERT_EQ(admitted->expires_ms, item->expires_ms);
    auto same = Update(model(), item->body, "{}", ids_.Context());
    ASSERT_TRUE(same.ok()) << item->body << ": " << same.status().message();
    ASSERT_EQ(same->body, item->body);
  }
}

}  // namespace
}  // namespace tidegate
