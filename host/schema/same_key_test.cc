#include "host/schema/same_key.h"

#include <gtest/gtest.h>

#include "host/schema/test_support.h"

namespace tidegate {
namespace {

// Two models, whose keys are told.
bool Same(const std::string& pk_a, const std::string& sk_a, const std::string& pk_b, const std::string& sk_b) {
  auto model = [](const std::string& name, const std::string& pk, const std::string& sk) {
    auto field = [](const std::string& value) {
      return value.empty() ? std::string("{type: 'string'}") : "{type: 'string', value: '" + value + "'}";
    };
    return name + ": {pk: " + field(pk) + ", sk: " + field(sk) + ", id: {type: 'string'}, code: {type: 'number'}}";
  };
  auto schema = test::Load(test::Around(model("A", pk_a, sk_a) + ", " + model("B", pk_b, sk_b)));
  return HaveSameKey(*schema->Find("A"), *schema->Find("B"));
}

TEST(SameKey, SameTemplates_AreOneKey) {
  EXPECT_TRUE(Same("job#${id}", "x", "job#${id}", "x"));
  EXPECT_TRUE(Same("job#", "${_owner}#${id}", "job#", "${_owner}#${id}"));
  EXPECT_TRUE(Same("", "job#${id}", "", "job#${id}"));
  EXPECT_TRUE(Same("", "", "", ""));
}

TEST(SameKey, OnePartDiffers_AreTwo) {
  EXPECT_FALSE(Same("order#${id}", "x", "done#${id}", "x"));
  EXPECT_FALSE(Same("job#", "order#${id}", "job#", "done#${id}"));
  EXPECT_FALSE(Same("job#", "${id}", "job#", ""));
}

TEST(SameKey, NameOfTheModelInIt_AreTwo) {
  EXPECT_FALSE(Same("${_type}#", "${id}", "${_type}#", "${id}"));
  EXPECT_FALSE(Same("job#", "${_src}#${id}", "job#", "${_src}#${id}"));
}

}  // namespace
}  // namespace tidegate
