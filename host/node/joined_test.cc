// Items that are joined: what is said of one of their states concerns all that is in it.
#include <gmock/gmock.h>

#include "host/node/test_tree.h"

namespace tidegate::node {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

// At its destination a reading needs a value here.
constexpr char kStrict[] = R"({
  format: 'onetable:1.1.0', version: '1.0.1', indexes: {primary: {hash: 'pk', sort: 'sk'}},
  params: {isoDates: true, timestamps: false},
  models: {Reading: {pk: {type: String, value: 'r#'}, sk: {type: String, value: 'r#${id}'},
                     id: {type: String, required: true}, value: {type: Number, required: true}},
           Setting: {pk: {type: String, value: 's#'}, sk: {type: String, value: 's#${name}'},
                     name: {type: String, required: true}, value: {type: String}, other: {type: String}}},
})";

// All join settings; the item x is everybody's.
class JoinedItem : public NodeTest {
 protected:
  void SetUp() override {
    NodeTest::SetUp();
    for (TestNode* node : {tree_.server, tree_.router, tree_.device}) {
      node->policy.join_settings = true;
      node->UseSchema("");
    }
    tree_.server->UseSchema(kStrict);
    tree_.Run(2'000);
    ASSERT_TRUE(tree_.server->Put("Setting", R"({"name":"x","value":"first","other":"first"})", kAgentAll).status.ok());
    tree_.Run(1'000);
  }
  replica::Write EditOf(const std::string& fields) {
    replica::Write edit;
    edit.mode = replica::WriteMode::kUpdate;
    edit.model = "Setting";
    edit.owner = kAgentAll;
    edit.properties = R"({"name":"x",)" + fields + "}";
    return edit;
  }
  void Edit(TestNode& node, const std::string& fields) {
    ASSERT_TRUE(node.Write({EditOf(fields)}).status.ok());
    tree_.Run(500);
  }
  // With a reading that the server refuses, in one transaction.
  void EditWithWhatIsRefused(TestNode& node, const std::string& fields) {
    replica::Write reading;
    reading.model = "Reading";
    reading.properties = R"({"id":"bad"})";
    ASSERT_TRUE(node.Write({EditOf(fields), reading}).status.ok());
    tree_.Run(500);
  }
  // Until a test lets them: no changes from one node to the other.
  void Keep(TestNode& from, TestNode& to) {
    tree_.network = [&](TestNode& sender, TestNode& receiver, const wire::DecodedFrame& frame) {
      const auto* batch = std::get_if<wire::Batch>(&frame.body);
      return &sender != &from || &receiver != &to || batch == nullptr || batch->changes.empty();
    };
  }
  bool Lists(TestNode& node) {
    std::vector<QuarantineEntry> entries = node.Quarantine();
    return std::any_of(entries.begin(), entries.end(), [](const QuarantineEntry& entry) { return entry.sk == "s#x"; });
  }
  std::string At(TestNode& node) { return node.Get("Setting", R"({"name":"x"})", kAgentAll); }
};

TEST_F(JoinedItem, RefusedWithItsTransaction_IsListedThoughTheNewestOfItIsKnown) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  EditWithWhatIsRefused(*tree_.device, R"("value":"device")");
  Edit(*tree_.server, R"("other":"server")");  // the newer of the two
  Keep(*tree_.router, *tree_.device);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  tree_.network = nullptr;
  EXPECT_THAT(At(*tree_.router), HasSubstr("\"value\":\"device\""));
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":\"first\"")) << "its transaction was refused";
  EXPECT_TRUE(Lists(*tree_.server));
  EXPECT_TRUE(Lists(*tree_.router));
  // Without the rest of its transaction it is taken.
  replica::Write fits;
  fits.mode = replica::WriteMode::kUpsert;
  fits.model = "Reading";
  fits.properties = R"({"id":"bad","value":1})";
  ASSERT_TRUE(tree_.device->Write({fits}).status.ok());
  tree_.Run(20'000);
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"value\":\"device\""));
  EXPECT_THAT(At(*tree_.server), HasSubstr("\"other\":\"server\""));
  for (TestNode* node : {tree_.server, tree_.router, tree_.device}) EXPECT_THAT(node->Quarantine(), IsEmpty());
}

TEST_F(JoinedItem, RefusedStateComesBackJoined_StaysListedAtItsWriter) {
  tree_.Disconnect(*tree_.device, *tree_.router);
  Edit(*tree_.router, R"("other":"router")");
  EditWithWhatIsRefused(*tree_.device, R"("value":"device")");
  Keep(*tree_.router, *tree_.device);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(5'000);
  ASSERT_TRUE(Lists(*tree_.device));
  tree_.network = nullptr;
  tree_.Run(20'000);
  EXPECT_THAT(At(*tree_.device), HasSubstr("\"other\":\"router\""));
  EXPECT_TRUE(Lists(*tree_.device));
}

TEST_F(JoinedItem, JoinedByANeighbourWhileSomebodyWaits_IsNamedAsSuperseded) {
  tree_.Disconnect(*tree_.router, *tree_.server);
  tree_.Disconnect(*tree_.device, *tree_.router);
  Edit(*tree_.device, R"("value":"device")");
  Edit(*tree_.router, R"("other":"router")");  // the newer of the two
  auto answer = std::make_shared<SyncAnswer>();
  (*tree_.router)->Sync({SyncTarget::kHop, 8'000}, [answer](SyncAnswer given) { *answer = std::move(given); });
  // The device joins, and what it made of both comes up.
  Keep(*tree_.device, *tree_.router);
  tree_.Connect(*tree_.device, *tree_.router);
  tree_.Run(2'000);
  tree_.network = nullptr;
  tree_.Run(20'000);
  ASSERT_THAT(At(*tree_.router), HasSubstr("\"value\":\"device\""));
  EXPECT_EQ(answer->status.code(), Code::kTimeout);
  ASSERT_EQ(answer->superseded.size(), 1u);
  EXPECT_EQ(answer->superseded[0].by, 42u);
}

}  // namespace
}  // namespace tidegate::node
