// The corpus of OneTable schemas, and the items that the OneTable library writes with them.
#include <gmock/gmock.h>
#include <rapidjson/document.h>

#include <filesystem>

#include "host/schema/canonical.h"
#include "host/schema/test_support.h"

namespace tidegate {
namespace {

using test::Ids;
using ::testing::HasSubstr;

const std::string kCorpus = TIDEGATE_SCHEMA_CORPUS;

std::vector<std::string> Files() {
  std::vector<std::string> files;
  if (kCorpus.empty()) return files;
  for (const auto& entry : std::filesystem::directory_iterator(kCorpus)) {
    if (entry.path().extension() == ".json5") files.push_back(entry.path().filename());
  }
  std::sort(files.begin(), files.end());
  return files;
}

bool MustLoad(const std::string& file) { return file < "08" || file.starts_with("43"); }

// The golden file's way to write what JSON lacks, as a user of this API writes it.
void Plain(const rapidjson::Value& value, std::string* out) {
  if (value.IsObject()) {
    for (const char* name : {"$date", "$binary", "$set"}) {
      if (value.HasMember(name)) return Plain(value[name], out);
    }
    *out += '{';
    for (auto member = value.MemberBegin(); member != value.MemberEnd(); ++member) {
      if (member != value.MemberBegin()) *out += ',';
      AppendJsonString({member->name.GetString(), member->name.GetStringLength()}, out);
      *out += ':';
      Plain(member->value, out);
    }
    *out += '}';
  } else if (value.IsArray()) {
    *out += '[';
    for (auto item = value.Begin(); item != value.End(); ++item) {
      if (item != value.Begin()) *out += ',';
      Plain(*item, out);
    }
    *out += ']';
  } else if (value.IsString()) {
    AppendJsonString({value.GetString(), value.GetStringLength()}, out);
  } else if (value.IsNumber()) {
    AppendNumber(value.GetDouble(), out);
  } else {
    *out += value.IsNull() ? "null" : value.GetBool() ? "true" : "false";
  }
}

// A DynamoDB attribute value as this project stores it.
void FromDynamo(const rapidjson::Value& typed, std::string* out) {
  auto member = typed.MemberBegin();
  std::string type = member->name.GetString();
  const rapidjson::Value& value = member->value;
  if (type == "M") {
    std::map<std::string, std::string> sorted;
    for (const auto& inner : value.GetObject()) FromDynamo(inner.value, &sorted[inner.name.GetString()]);
    *out += '{';
    for (const auto& [name, text] : sorted) {
      if (out->back() != '{') *out += ',';
      AppendJsonString(name, out);
      *out += ':' + text;
    }
    *out += '}';
  } else if (type == "L") {
    *out += '[';
    for (const auto& inner : value.GetArray()) {
      if (out->back() != '[') *out += ',';
      FromDynamo(inner, out);
    }
    *out += ']';
  } else if (type == "N") {
    *out += value.GetString();
  } else {
    Plain(value, out);
  }
}

TEST(Corpus, EveryFile_LoadsOrNamesWhatIsMissing) {
  if (kCorpus.empty()) GTEST_SKIP() << "the corpus is not beside the sources";
  auto files = Files();
  ASSERT_EQ(files.size(), 49u);
  size_t loaded = 0;
  for (const std::string& file : files) {
    SchemaLoad load = LoadSchema(file, test::ReadFile(kCorpus + "/" + file));
    if (load.schema != nullptr) {
      ++loaded;
      EXPECT_TRUE(load.status().ok()) << file;
      continue;
    }
    EXPECT_FALSE(MustLoad(file)) << test::ProblemText(load);
    for (const SchemaProblem& problem : load.problems) {
      if (!problem.error) continue;
      EXPECT_THAT(problem.message, ::testing::AnyOf(HasSubstr("not supported yet"), HasSubstr("no field gives"),
                                                    HasSubstr("no key can be made")))
          << file;
      EXPECT_NE(problem.place.line, 0u) << problem.ToText();
    }
  }
  RecordProperty("loaded", static_cast<int>(loaded));
  EXPECT_GE(loaded, 30u);
}

TEST(Corpus, GoldenItems_HaveTheSameKeysIndexKeysAndAttributes) {
  if (kCorpus.empty()) GTEST_SKIP() << "the corpus is not beside the sources";
  std::string text = test::ReadFile(kCorpus + "/golden-items.json");
  rapidjson::Document golden;
  golden.Parse(text.data(), text.size());
  ASSERT_FALSE(golden.HasParseError());
  int compared = 0;
  for (const auto& entry : golden["goldens"].GetArray()) {
    std::string file = entry["schema"].GetString();
    if (!MustLoad(file) || entry.HasMember("error")) continue;
    std::string what = file + " " + entry["model"].GetString() + " " + entry["case"].GetString();
    auto schema = LoadSchema(file, test::ReadFile(kCorpus + "/" + file)).schema;
    ASSERT_NE(schema, nullptr) << what;
    const Model* model = schema->Find(entry["model"].GetString());
    ASSERT_NE(model, nullptr) << what;
    // Timestamps that the input names are the library's test option; here they are always made.
    std::string input = "{";
    for (const auto& member : entry["input"].GetObject()) {
      std::string name = member.name.GetString();
      if (name.starts_with("created") || (name.starts_with("updated"))) continue;
      if (input.size() > 1) input += ',';
      AppendJsonString(name, &input);
      input += ':';
      Plain(member.value, &input);
    }
    input += '}';
    Ids ids;
    auto item = Encode(*model, input, PutMode::kCreate, ids.Context());
    ASSERT_TRUE(item.ok()) << what << ": " << item.status().message();
    auto shown = Present(*model, item->body, item->pk, item->sk, {}, true);
    ASSERT_TRUE(shown.ok()) << what << ": " << shown.status().message();
    rapidjson::Document ours;
    ours.Parse(shown->data(), shown->size());
    const auto& items = entry["items"].GetArray();
    const rapidjson::Value& theirs = items[items.Size() - 1];
    size_t expected = 0;
    for (const auto& member : theirs.GetObject()) {
      std::string name = member.name.GetString();
      if (name == "_type" || name.starts_with("created") || name.starts_with("updated")) continue;
      ++expected;
      std::string want;
      FromDynamo(member.value, &want);
      ASSERT_TRUE(ours.HasMember(name.c_str())) << what << " lacks " << name << ": " << *shown;
      std::string have;
      Plain(ours[name.c_str()], &have);
      rapidjson::Document a, b;
      a.Parse(want.data(), want.size());
      b.Parse(have.data(), have.size());
      EXPECT_EQ(a, b) << what << " " << name << ": " << want << " but " << have;
    }
    size_t have = 0;
    for (const auto& member : ours.GetObject()) {
      std::string name = member.name.GetString();
      have += !name.starts_with("created") && !name.starts_with("updated");
    }
    EXPECT_EQ(have, expected) << what << ": " << *shown;
    EXPECT_TRUE(Check(*model, item->body, item->pk, item->sk, {}).ok()) << what;
    ++compared;
  }
  EXPECT_GE(compared, 17);
}

}  // namespace
}  // namespace tidegate
