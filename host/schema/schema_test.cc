#include "host/schema/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "host/schema/test_support.h"

namespace tidegate {
namespace {

using test::Around;
using test::Load;
using test::ProblemText;
using ::testing::HasSubstr;

constexpr const char* kKeys =
    "pk: {type: 'string', value: 'a#${id}'}, sk: {type: 'string', value: 'a#'}, id: {type: 'string'}";

std::string ProblemsOf(const std::string& text) { return ProblemText(LoadSchema("s.json5", text)); }
std::string OfField(const std::string& field) {
  return ProblemsOf(
      "{format: 'onetable:1.1.0', version: '1', indexes: {primary: {hash: 'pk', sort: 'sk'}}, models: {\nA: {\n" +
      std::string(kKeys) + ",\n  f: " + field + "\n}}}");
}

TEST(Schema, Examples_LoadWithoutAWord) {
  for (std::string file : {"device.json5", "weather.json5"}) {
    SchemaLoad load = LoadSchema(file, test::ReadFile(std::string(TIDEGATE_SCHEMA_EXAMPLES) + "/" + file));
    EXPECT_NE(load.schema, nullptr);
    EXPECT_EQ(ProblemText(load), "") << file;
  }
}

TEST(Schema, GoodField_HasNoProblem) {
  for (const char* field :
       {"{type: String}", "{type: 'Number', required: true}", "{type: 'string', enum: ['a', 'b'], default: 'a'}",
        "{type: 'string', validate: /^x/i}", "{type: 'string', validate: 'San Francisco'}",
        "{type: 'string', generate: 'uid(12)'}", "{type: 'object', schema: {a: {type: 'date'}}}",
        "{type: 'array', items: {type: 'object', schema: {a: {type: 'number'}}}}", "{type: Date, ttl: true}",
        "{type: ArrayBuffer}", "{type: 'set'}", "{type: 'string', map: 'ff', hidden: true, nulls: true}",
        "{type: 'string', unique: false, crypt: false}", "{type: 'string', description: 'x'}"}) {
    EXPECT_EQ(OfField(field), "") << field;
  }
}

TEST(Schema, WrongField_IsAnErrorWithItsPlace) {
  const std::pair<const char*, const char*> kCases[] = {
      {"{type: 'text'}", "s.json5:4:13: error: model A: field 'f': type 'text' is not known"},
      {"{type: 5}", "s.json5:4:13: error: model A: field 'f': type must be a name"},
      {"'string'", "s.json5:4:6: error: model A: field 'f': must be an object of properties"},
      {"{type: 'string', required: 'yes'}", "s.json5:4:33: error: required must be true or false"},
      {"{type: 'string', generate: 'ksuid'}", "generate must be 'ulid', 'uuid', 'uid' or 'uid(n)'"},
      {"{type: 'string', generate: 'uid(0)'}", "uid(n) needs n from 1 to 128"},
      {"{type: 'number', generate: 'ulid'}", "the type must be string"},
      {"{type: 'string', validate: '/[/'}",
       "s.json5:4:33: error: model A: field 'f': validate: the regular expression is wrong"},
      {"{type: 'string', validate: /a/q}", "flag 'q' is not known"},
      {"{type: 'string', enum: 'a'}", "enum must be an array"},
      {"{type: 'number', enum: ['x']}",
       "s.json5:4:30: error: model A: field 'f': enum: field 'f' must be of type number"},
      {"{type: 'number', default: {}}", "default: field 'f' must be of type number"},
      {"{type: 'string', default: String}", "'String' is not a value of default"},
      {"{type: 'string', schema: {}}", "schema is only for the types object and array"},
      {"{type: 'string', value: '${a'}", "'${' without '}'"},
      {"{type: 'string', value: '${a:x}'}", "the length must be a number"},
      {"{type: 'string', value: '${f}'}", "its template needs itself"},
      {"{type: 'number', value: '${id}'}", "a value template makes text"},
      {"{type: 'string', ttl: true}", "ttl needs the type date"},
      {"{type: 'string', uuid: true}", "use generate: 'uuid'"},
      {"{type: 'string', map: 'pk'}", "both stored as 'pk'"},
      {"{type: 'object', schema: {a: {type: 'x'}}}", "model A: field 'f': field 'a': type 'x' is not known"},
      {"{type: 'string', unique: true}",
       "s.json5:4:23: error: model A: field 'f': not supported yet: the property 'unique'"},
      {"{type: 'string', crypt: true}", "not supported yet: the property 'crypt'"},
      {"{type: 'string', encode: ['sk', /#/, 1]}", "not supported yet: the property 'encode'"},
      {"{type: 'string', map: 'data.x'}", "not supported yet: map to a packed attribute 'data.x'"},
      {"{type: 'string', value: true}", "not supported yet: value: true"},
      {"{type: 'string', generate: true}", "not supported yet: generate: true"},
  };
  for (const auto& [field, message] : kCases) {
    std::string problems = OfField(field);
    EXPECT_THAT(problems, HasSubstr(message)) << field;
    EXPECT_THAT(problems, HasSubstr(": error: ")) << field;
  }
}

TEST(Schema, UnknownOrIdleProperty_IsAWarningWithItsPlace) {
  EXPECT_EQ(OfField("{type: 'string', requierd: true}"),
            "s.json5:4:23: warning: model A: field 'f': property 'requierd' is not known and is passed over; did you "
            "mean 'required'?\n");
  for (const char* name : {"filter", "partial", "reference", "timestamp", "fixed", "drop"}) {
    EXPECT_THAT(OfField("{type: 'string', " + std::string(name) + ": true}"),
                HasSubstr("warning: model A: field 'f': '" + std::string(name) + "' has no effect"))
        << name;
  }
  EXPECT_THAT(OfField("{}"), HasSubstr("warning: model A: field 'f': has no type; taken as string"));
  EXPECT_THAT(OfField("{type: 'string', value: '${nobody}'}"),
              HasSubstr("warning: model A: field 'f': ${nobody} is no field"));
}

TEST(Schema, TopLevel_IsChecked) {
  std::string models = "models: {A: {" + std::string(kKeys) + "}}";
  std::string indexes = "indexes: {primary: {hash: 'pk', sort: 'sk'}}";
  const std::tuple<std::string, const char*> kCases[] = {
      {"{version: '1', " + indexes + ", " + models + "}", "1:1: warning: format is missing"},
      {"{format: 'onetable:2.0.0', version: '1', " + indexes + "}",
       "1:10: error: format 'onetable:2.0.0' is not supported"},
      {"{format: 'onetable:1.1.0', " + indexes + "}", "error: version is missing"},
      {"{format: 'onetable:1.1.0', version: 1, " + indexes + "}", "error: version must be a string"},
      {"{version: '1', " + models + "}", "error: indexes is missing"},
      {"{version: '1', indexes: {}}", "error: indexes: primary is missing"},
      {"{version: '1', indexes: {primary: {sort: 'sk'}}}", "error: indexes: primary: hash is missing"},
      {"{version: '1', indexes: {primary: {hash: 'nope'}}, " + models + "}",
       "error: model A: no field gives the hash key 'nope'"},
      {"{version: '1', indexes: {primary: {hash: 'pk', sort: 'sk'}, l: {type: 'local'}}}",
       "l: a local index needs sort"},
      {"{version: '1', indexes: {primary: {hash: 'pk', sort: 'sk'}, l: {type: 'local', hash: 'x', sort: 'y'}}}",
       "has the hash of primary"},
      {"{version: '1', indexes: {primary: {hash: 'pk'}, g: {hash: 'x', type: 'global'}}}", "type can only be 'local'"},
      {"{version: '1', " + indexes + ", models: {'1M': {}}}", "'1M' cannot name a model"},
      {"{version: '1', " + indexes + ", models: {_Schema: {}}}", "warning: model _Schema is OneTable's own"},
      {"{version: '1', " + indexes + ", params: {timestamps: 'maybe'}}", "timestamps must be true, false"},
      {"{version: '1', " + indexes + ", modles: {}}",
       "warning: schema: property 'modles' is not known and is passed over; did you mean 'models'?"},
      {"{version: '1', " + indexes + ", process: 5}", "error: process must be an object"},
  };
  for (const auto& [text, message] : kCases) EXPECT_THAT(ProblemsOf(text), HasSubstr(message)) << text;
}

TEST(Schema, ManyProblems_AreAllTold) {
  std::string problems = ProblemsOf(
      "{format: 'x', indexes: {primary: {hash: 'pk'}}, models: {A: {pk: {type: 'strin'}, b: {type: 'date', ttl: 3}}}}");
  EXPECT_EQ(std::count(problems.begin(), problems.end(), '\n'), 4) << problems;
}

TEST(Schema, ReplicationRules_AreKeptAndMustAgree) {
  std::string head = "{format: 'onetable:1.1.0', version: '1', indexes: {primary: {hash: 'pk'}}, models: {}";
  auto schema = Load(head + ", control: {A: {sync: 'up', future: [1]}}}");
  EXPECT_THAT(schema->ToJson(), HasSubstr(R"("control":{"A":{"future":[1],"sync":"up"}})"));
  EXPECT_NE(LoadSchema("s", head + ", process: {A: {sync: 'up'}}, control: {A: {'sync': \"up\"}}}").schema, nullptr);
  EXPECT_THAT(ProblemsOf(head + ", process: {A: {sync: 'up'}}, control: {A: {}}}"),
              HasSubstr("process and control differ"));
}

TEST(Schema, Digest_IsOfTheRulesAndNotOfTheirSpelling) {
  auto digest = [](const std::string& text) { return Load(text)->models()[0]->digest(); };
  std::string keys = kKeys;
  uint64_t one = digest(Around("A: {" + keys + ", f: {type: String, required: true}}"));
  EXPECT_EQ(one, digest(Around("A: {f: {required: true, type: 'string', description: 'x'}, " + keys + "}")));
  EXPECT_NE(one, digest(Around("A: {" + keys + ", f: {type: 'string'}}")));
  EXPECT_NE(one, digest(Around("B: {" + keys + ", f: {type: String, required: true}}")));
  EXPECT_NE(one, digest(Around("A: {" + keys + ", f: {type: String, required: true}}", "isoDates: true")));
}

TEST(Schema, Places_ComeFromTheLookupWhenGiven) {
  PlaceLookup places = [](std::string_view pointer) -> std::optional<ValuePlaces> {
    if (pointer == "/models/A~1b/f") return ValuePlaces{{12, 5}, {12, 8}};
    if (pointer == "/models/A~1b") return ValuePlaces{{11, 3}, {12, 5}};
    return std::nullopt;
  };
  SchemaLoad load = LoadSchema(
      "s.yaml",
      R"({"version":"1","format":"onetable:1.1.0","indexes":{"primary":{"hash":"pk"}},"models":{"A/b":{"f":3}}})",
      places);
  EXPECT_THAT(ProblemText(load), HasSubstr("s.yaml:11:3: error: 'A/b' cannot name a model"));
}

TEST(SchemaSet, WithPlace_IsThatOfTheSchemaFile) {
  auto a = LoadSchema("a.json5", Around("A: {" + std::string(kKeys) + "}")).schema;
  auto b = LoadSchema("b.json5",
                      "{version: '1', format: 'onetable:1.1.0', indexes: {primary: {hash: 'pk'}},\n models: {},"
                      "\n process: {\n  'A/~': {enable: 'moon',\n   more: {deep: [1]}}}}")
               .schema;
  ASSERT_TRUE(a && b);
  auto set = SchemaSet::Make({a, b});
  ASSERT_TRUE(set.ok());
  EXPECT_EQ((*set)->WithPlace("/1/process/A~1~0/enable\nno moon"), "b.json5:4:19: no moon");
  EXPECT_EQ((*set)->WithPlace("/1/process/A~1~0\nx"), "b.json5:4:3: x");
  EXPECT_EQ((*set)->WithPlace("/1/process/A~1~0/ena\ncut short"), "b.json5:4:3: cut short");
  EXPECT_EQ((*set)->WithPlace("/1\nx"), "b.json5:1:1: x");
  EXPECT_EQ((*set)->WithPlace("/2/process\nx"), "/2/process: x");
  EXPECT_EQ((*set)->WithPlace("/x\ny"), "/x: y");
  EXPECT_EQ((*set)->WithPlace("plain\ntext"), "plain\ntext");
}

TEST(SchemaSet, SameModelTwice_IsRefused) {
  auto a = Load(Around("A: {" + std::string(kKeys) + "}"));
  auto b = Load(Around("B: {" + std::string(kKeys) + "}"));
  auto set = SchemaSet::Make({b, a});
  ASSERT_TRUE(set.ok());
  ASSERT_EQ((*set)->models().size(), 2u);
  EXPECT_EQ((*set)->models()[0]->name(), "A");
  EXPECT_EQ((*set)->Find("B"), b->Find("B"));
  EXPECT_EQ((*set)->Find("C"), nullptr);
  EXPECT_EQ((*set)->ToJson(), "[" + b->ToJson() + "," + a->ToJson() + "]");
  EXPECT_THAT(SchemaSet::Make({a, a}).status().message(), HasSubstr("model A is in test.json5 and in test.json5"));
}

}  // namespace
}  // namespace tidegate
