// policy-merge through its C table.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "plugins/policy-merge/policy.h"

namespace policy_merge {
namespace {

using ::testing::HasSubstr;
using tidegate::sdk::Bytes;
using tidegate::sdk::Str;
using tidegate::sdk::View;

constexpr const tg_policy_v1& kTable = tidegate::sdk::PolicyPlugin<MergePolicy>::kTable;

// An item as the host holds it.
struct Item {
  std::string body, meta;
  tg_version version{};
  bool gone = false;

  tg_change Change() const {
    tg_change change{};
    change.struct_size = sizeof change;
    change.kind = gone ? TG_CHANGE_TOMBSTONE : TG_CHANGE_ITEM;
    change.model = Str("Setting");
    change.version = version;
    change.body = Bytes(body);
    change.policy_meta = Bytes(meta);
    return change;
  }
};

class MergePolicyTable : public ::testing::Test {
 protected:
  void SetUp() override { Make(R"({"models":["Setting"]})"); }
  void TearDown() override { Drop(); }
  void Make(std::string_view config) {
    Drop();
    ASSERT_EQ(kTable.base.create(nullptr, Str(config), &self_, &error_), TG_OK) << error_.message;
  }
  void Drop() {
    if (self_ != nullptr) kTable.base.destroy(self_);
    self_ = nullptr;
  }
  tg_code Reload(const std::string& schemas) {
    warnings_.clear();
    tg_text_sink sink{&warnings_, [](void* ctx, tg_str text) { *static_cast<std::string*>(ctx) += View(text); }};
    return kTable.reload(self_, Str(schemas), &sink, &error_);
  }
  bool Merges(std::string_view model) {
    uint32_t revision = 0;
    return kTable.merges(self_, Str(model), &revision) == TG_DECIDED && revision == 1;
  }
  // A write of agent at ms over held.
  Item Write(const Item* held, uint64_t agent, uint64_t ms, const std::string& body) {
    Item written{body, "", {ms << 16, agent, 7}, body.empty()};
    tg_change before{}, now = written.Change();
    if (held != nullptr) before = held->Change();
    tg_policy_item held_item{sizeof(tg_policy_item), TG_ROLE_DEVICE, agent, &before};
    tg_policy_item now_item{sizeof(tg_policy_item), TG_ROLE_DEVICE, agent, &now};
    tg_bytes_sink sink{&written.meta,
                       [](void* ctx, tg_bytes meta) { static_cast<std::string*>(ctx)->assign(View(meta)); }};
    EXPECT_EQ(kTable.stamp(self_, held != nullptr ? &held_item : nullptr, &now_item, &sink), TG_DECIDED);
    return written;
  }
  Item Join(const Item& a, const Item& b) {
    tg_change x = a.Change(), y = b.Change();
    tg_policy_item left{sizeof(tg_policy_item), TG_ROLE_DEVICE, 1, &x};
    tg_policy_item right{sizeof(tg_policy_item), TG_ROLE_DEVICE, 1, &y};
    Item joined;
    tg_bytes_sink body{&joined.body,
                       [](void* ctx, tg_bytes text) { static_cast<std::string*>(ctx)->assign(View(text)); }};
    tg_bytes_sink meta{&joined.meta,
                       [](void* ctx, tg_bytes text) { static_cast<std::string*>(ctx)->assign(View(text)); }};
    EXPECT_EQ(kTable.merge(self_, &left, &right, &body, &meta), TG_DECIDED);
    joined.gone = joined.body.empty();
    joined.version = a.version.hlc > b.version.hlc ? a.version : b.version;
    return joined;
  }

  void* self_ = nullptr;
  tg_error error_{};
  std::string warnings_;
};

TEST_F(MergePolicyTable, TwoFieldsEditedAtOnce_BothSurvive) {
  Item base = Write(nullptr, 1, 100, R"({"a":1,"b":1})");
  EXPECT_EQ(base.meta, "") << "one write made it all";
  Item left = Write(&base, 2, 200, R"({"a":2,"b":1})");
  Item right = Write(&base, 3, 150, R"({"a":1,"b":3})");
  EXPECT_EQ(Join(left, right).body, R"({"a":2,"b":3})");
  EXPECT_EQ(Join(right, left).body, R"({"a":2,"b":3})");
  EXPECT_EQ(Join(right, left).meta, Join(left, right).meta);
}

TEST_F(MergePolicyTable, OneFieldEditedAtOnce_TheLaterWriteWins) {
  Item base = Write(nullptr, 1, 100, R"({"a":1})");
  Item left = Write(&base, 2, 200, R"({"a":2})");
  Item right = Write(&base, 3, 300, R"({"a":3})");
  EXPECT_EQ(Join(left, right).body, R"({"a":3})");
}

TEST_F(MergePolicyTable, FieldRemovedHereEditedThereEarlier_StaysRemoved) {
  Item base = Write(nullptr, 1, 100, R"({"a":1,"b":1})");
  Item removed = Write(&base, 2, 300, R"({"b":1})");
  Item edited = Write(&base, 3, 200, R"({"a":2,"b":1})");
  EXPECT_EQ(Join(removed, edited).body, R"({"b":1})");
  EXPECT_EQ(Join(edited, removed).body, R"({"b":1})");
}

TEST_F(MergePolicyTable, ItemDeletedHereEditedThere_StaysDeletedWithTheHigherVersion) {
  Item base = Write(nullptr, 1, 100, R"({"a":1})");
  Item deleted = Write(&base, 2, 200, "");
  Item edited = Write(&base, 3, 300, R"({"a":2})");
  Item joined = Join(deleted, edited);
  EXPECT_TRUE(joined.gone);
  EXPECT_EQ(Join(edited, deleted).meta, joined.meta);
  EXPECT_TRUE(Join(joined, edited).gone) << "the edit arrives once more";
}

TEST_F(MergePolicyTable, ItemMadeAgainAfterItsDelete_TheOldOneDoesNotShineThrough) {
  Item base = Write(nullptr, 1, 100, R"({"a":1,"b":1})");
  Item deleted = Write(&base, 2, 200, "");
  Item again = Write(&deleted, 2, 250, R"({"a":9})");
  Item late = Write(&base, 3, 400, R"({"a":1,"b":7})");
  EXPECT_EQ(Join(again, late).body, R"({"a":9})");
  EXPECT_EQ(Join(late, again).body, R"({"a":9})");
}

TEST_F(MergePolicyTable, MetaThatNobodyWrote_CountsAsNone) {
  Item a = Write(nullptr, 1, 100, R"({"a":1})");
  Item b{R"({"a":2,"b":2})", "\x01{", {200 << 16, 2, 7}, false};
  EXPECT_EQ(Join(a, b).body, R"({"a":2,"b":2})");
  EXPECT_EQ(Join(b, a).body, R"({"a":2,"b":2})");
}

TEST_F(MergePolicyTable, ModelsOfSchemasAndConfiguration_AreMerged) {
  const std::string schema = R"([{"models":{"A":{},"B":{},"Setting":{}},
      "process":{"A":{"sync":"both","merge":"fields"},"B":{"merge":"newest"}}}])";
  ASSERT_EQ(Reload(schema), TG_OK) << error_.message;
  EXPECT_TRUE(Merges("A"));
  EXPECT_FALSE(Merges("B"));
  EXPECT_TRUE(Merges("Setting"));
  EXPECT_EQ(warnings_, "");
  ASSERT_EQ(Reload(R"([{"models":{"A":{}}}])"), TG_OK);
  EXPECT_FALSE(Merges("A"));
  EXPECT_THAT(warnings_, HasSubstr("'Setting'"));
}

TEST_F(MergePolicyTable, UnknownWordForMerge_ErrorNamesTheModel) {
  EXPECT_EQ(Reload(R"([{"models":{"A":{}},"process":{"A":{"merge":"all"}}}])"), TG_INVALID);
  EXPECT_THAT(std::string(error_.message), HasSubstr("process.A.merge"));
  EXPECT_TRUE(Merges("Setting")) << "an error changes nothing";
}

TEST_F(MergePolicyTable, ItemWithTooManyFields_Denied) {
  Make(R"({"models":["Setting"],"fields_max":2})");
  Item item{R"({"a":1,"b":2,"c":3})", "", {1, 1, 1}, false};
  tg_change change = item.Change();
  tg_policy_item asked{sizeof(tg_policy_item), TG_ROLE_DEVICE, 1, &change};
  std::string reason;
  tg_text_sink sink{&reason, [](void* ctx, tg_str text) { static_cast<std::string*>(ctx)->assign(View(text)); }};
  EXPECT_EQ(kTable.accept(self_, &asked, &sink), TG_DENIED);
  EXPECT_THAT(reason, HasSubstr("fields_max"));
  item.body = R"({"a":1,"b":2})";
  change = item.Change();
  EXPECT_EQ(kTable.accept(self_, &asked, &sink), TG_PASS);
}

}  // namespace
}  // namespace policy_merge
