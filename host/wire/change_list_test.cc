#include "host/wire/change_list.h"

#include <gtest/gtest.h>

#include <memory>

#include "host/wire/codec.h"
#include "host/wire/sample_frames.h"
#include "wire.pb.h"

namespace tidegate::wire {
namespace {

using sample::Travelling;

struct Decoded {
  std::unique_ptr<std::string> bytes;  // what the changes point into
  Status status;
  std::vector<tg_change> changes;
  std::deque<std::string> extras;
};

Decoded DecodeAll(std::string_view bytes, uint64_t changes_max = 1000) {
  Decoded d;
  d.bytes = std::make_unique<std::string>(bytes);
  d.status = DecodeChangeList(*d.bytes, changes_max, &d.changes, &d.extras);
  return d;
}

// A list of one change that points into tables of one entry, to be spoilt by the tests.
v1::ChangeList OneChange() {
  v1::ChangeList list;
  list.add_models("Reading");
  list.add_origins()->set_agent(7);
  list.add_owners(7);
  list.add_changes()->set_sk("a");
  return list;
}

// The fields that generated code does not know: what it writes without those it knows.
std::string UnknownOf(v1::Change change) {
  change.clear_model(), change.clear_origin(), change.clear_owner(), change.clear_hlc(), change.clear_kind();
  change.clear_direction(), change.clear_lane(), change.clear_pk(), change.clear_sk(), change.clear_src();
  change.clear_dst(), change.clear_expires_ms(), change.clear_body(), change.clear_policy_meta();
  change.clear_run_size();
  return change.SerializeAsString();
}

// What docs/format/wire.md says of a Change, written once more over the generated code.
std::vector<tg_change> ByGeneratedCode(const v1::ChangeList& list, std::deque<std::string>* extras) {
  std::vector<tg_change> changes;
  uint64_t hlc = 0;
  std::string_view pk;
  for (const v1::Change& from : list.changes()) {
    tg_change c{};
    hlc += static_cast<uint64_t>(from.hlc());
    if (from.has_pk()) pk = from.pk();
    const v1::Origin& origin = list.origins(static_cast<int>(from.origin()));
    c.kind = static_cast<uint8_t>(from.kind() == 0 ? 1 : from.kind());
    c.direction = static_cast<uint8_t>(from.has_direction() ? from.direction() : list.direction());
    c.lane = static_cast<uint8_t>(from.has_lane() ? from.lane() : list.lane());
    c.model = Str(list.models(static_cast<int>(from.model())));
    c.key = {list.owners(static_cast<int>(from.owner())), Str(pk), Str(from.sk())};
    c.src = from.has_src() ? from.src() : c.key.owner;
    c.dst = from.has_dst() ? from.dst() : 1;
    c.version = {hlc, origin.agent(), origin.epoch()};
    c.expires_ms = from.expires_ms();
    c.body = Bytes(from.body());
    c.policy_meta = Bytes(from.policy_meta());
    c.extra = Bytes(extras->emplace_back(UnknownOf(from)));
    changes.push_back(c);
  }
  return changes;
}

TEST(ChangeList, ReadByGeneratedCode_GivesTheSameChanges) {
  std::string bytes = EncodeChangeList(sample::Changes());
  v1::ChangeList list;
  ASSERT_TRUE(list.ParseFromString(bytes));
  std::deque<std::string> extras;
  EXPECT_EQ(Travelling(ByGeneratedCode(list, &extras)), Travelling(sample::Changes()));
}

TEST(ChangeList, WrittenByGeneratedCode_GivesTheSameChanges) {
  v1::ChangeList list;
  ASSERT_TRUE(list.ParseFromString(EncodeChangeList(sample::Changes())));
  Decoded d = DecodeAll(list.SerializeAsString());
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  EXPECT_EQ(Travelling(d.changes), Travelling(sample::Changes()));
}

TEST(ChangeList, ByHand_IsByteForByteWhatGeneratedCodeWrites) {
  std::vector<tg_change> changes = sample::Changes();
  std::string long_body(20'000, 'b');  // a size of three bytes
  changes[1].body = Bytes(long_body);
  changes[1].kind = TG_CHANGE_ITEM;
  std::string bytes = EncodeChangeList(changes);
  v1::ChangeList list;
  ASSERT_TRUE(list.ParseFromString(bytes));
  EXPECT_EQ(list.SerializeAsString(), bytes);
}

TEST(ChangeList, TablesAndDefaults_AreWrittenOnce) {
  v1::ChangeList list;
  ASSERT_TRUE(list.ParseFromString(EncodeChangeList(std::vector<tg_change>(3, sample::Change()))));
  EXPECT_EQ(list.models_size(), 1);
  EXPECT_EQ(list.origins_size(), 1);
  EXPECT_EQ(list.owners_size(), 1);
  EXPECT_EQ(list.lane(), TG_LANE_HISTORY);
  const v1::Change& second = list.changes(1);
  EXPECT_FALSE(second.has_direction() || second.has_lane() || second.has_pk() || second.has_src() || second.has_dst());
  EXPECT_EQ(second.hlc(), 0);
}

TEST(ChangeList, UnknownFieldsOfAChange_AreKeptAndWrittenAgain) {
  v1::ChangeList list = OneChange();
  // Field 100 before, 101 (fixed32), 102 and 103 (bytes) after the known fields: two places in one change.
  std::string change = std::string("\xa0\x06\x05", 3) + list.changes(0).SerializeAsString() +
                       std::string("\xad\x06\x01\x02\x03\x04\xb2\x06\x01z\xba\x06\x00", 13);
  ASSERT_TRUE(list.mutable_changes(0)->ParseFromString(change));
  std::string bytes = OneChange().SerializeAsString();
  bytes = bytes.substr(0, bytes.size() - 5) + "\x32" + static_cast<char>(change.size()) + change;
  Decoded d = DecodeAll(bytes);
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  ASSERT_EQ(d.changes.size(), 1u);
  std::string kept = std::string("\xa0\x06\x05\xad\x06\x01\x02\x03\x04\xb2\x06\x01z\xba\x06\x00", 16);
  EXPECT_EQ(View(d.changes[0].extra), kept);
  EXPECT_EQ(View(d.changes[0].key.sk), "a");

  v1::ChangeList again;
  ASSERT_TRUE(again.ParseFromString(EncodeChangeList(d.changes)));
  EXPECT_EQ(UnknownOf(again.changes(0)), kept);
  EXPECT_EQ(again.changes(0).sk(), "a");
}

TEST(ChangeList, KnownFieldOfAnotherWireType_IsKeptAsUnknown) {
  std::string bytes = OneChange().SerializeAsString();
  bytes = bytes.substr(0, bytes.size() - 5) + std::string(
                                                  "\x32\x05\x48\x07\x4a\x01"
                                                  "a",
                                                  7);  // sk as a number, then sk
  Decoded d = DecodeAll(bytes);
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  EXPECT_EQ(View(d.changes[0].key.sk), "a");
  EXPECT_EQ(View(d.changes[0].extra), "\x48\x07");
}

TEST(ChangeList, ExtraThatIsNoFieldSequence_IsLeftOut) {
  std::vector<tg_change> changes{sample::Change(), sample::Change()};
  changes[0].extra = Bytes("\xff\xff");
  Decoded d = DecodeAll(EncodeChangeList(changes));
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  ASSERT_EQ(d.changes.size(), 2u);
  EXPECT_EQ(d.changes[0].extra.size, 0u);
}

TEST(ChangeList, Runs_AreRegroupedByPlaceInTheList) {
  // Sequence numbers of the sender's storage: two runs side by side, of one of which only one change is left.
  std::vector<tg_change> changes(6, sample::Change());
  const uint64_t runs[6][2] = {{10, 10}, {11, 14}, {11, 14}, {15, 17}, {18, 19}, {18, 19}};
  for (size_t i = 0; i < 6; ++i) {
    changes[i].run_first = runs[i][0];
    changes[i].run_last = runs[i][1];
  }
  Decoded d = DecodeAll(EncodeChangeList(changes));
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  ASSERT_EQ(d.changes.size(), 6u);
  const uint64_t expected[6][2] = {{1, 1}, {2, 3}, {2, 3}, {4, 4}, {5, 6}, {5, 6}};
  for (size_t i = 0; i < 6; ++i) {
    EXPECT_EQ(d.changes[i].seq, i + 1);
    EXPECT_EQ(d.changes[i].run_first, expected[i][0]) << i;
    EXPECT_EQ(d.changes[i].run_last, expected[i][1]) << i;
  }
}

TEST(ChangeList, ChangesWithoutRun_AreNotGrouped) {
  Decoded d = DecodeAll(EncodeChangeList(std::vector<tg_change>(2, sample::Change())));
  ASSERT_TRUE(d.status.ok());
  EXPECT_EQ(d.changes[0].run_last, 1u);
  EXPECT_EQ(d.changes[1].run_first, 2u);
}

TEST(ChangeList, LocalFields_DoNotTravel) {
  tg_change change = sample::Change();
  tg_index_key index{Str("gs1"), Str("h"), Str("s")};
  change.index_keys = &index;
  change.index_key_count = 1;
  change.via = 5;
  change.digest = 6;
  Decoded d = DecodeAll(EncodeChangeList({change}));
  ASSERT_TRUE(d.status.ok());
  EXPECT_EQ(d.changes[0].index_keys, nullptr);
  EXPECT_EQ(d.changes[0].index_key_count, 0u);
  EXPECT_EQ(d.changes[0].via, 0u);
  EXPECT_EQ(d.changes[0].digest, 0u);
  EXPECT_EQ(d.changes[0].struct_size, sizeof(tg_change));
}

TEST(ChangeList, ManyOwnersAndModels_ComeBack) {
  std::vector<std::string> names;
  for (int i = 0; i < 300; ++i) names.push_back("Model" + std::to_string(i % 150));
  std::vector<tg_change> changes(300, sample::Change());
  for (size_t i = 0; i < 300; ++i) {
    changes[i].model = Str(names[i]);
    changes[i].key.owner = changes[i].src = 2 + i * 1'000'003;
    changes[i].version.epoch = i;
  }
  Decoded d = DecodeAll(EncodeChangeList(changes));
  ASSERT_TRUE(d.status.ok()) << d.status.message();
  EXPECT_EQ(Travelling(d.changes), Travelling(changes));
}

TEST(ChangeList, ValueOutOfRange_IsInvalidAndNamesTheChange) {
  struct Case {
    const char* says;
    void (*spoil)(v1::ChangeList*);
  };
  const Case cases[] = {
      {"model is not", [](v1::ChangeList* l) { l->mutable_changes(0)->set_model(1); }},
      {"origin is not", [](v1::ChangeList* l) { l->mutable_changes(0)->set_origin(1); }},
      {"owner is not", [](v1::ChangeList* l) { l->mutable_changes(0)->set_owner(1); }},
      {"kind", [](v1::ChangeList* l) { l->mutable_changes(0)->set_kind(4); }},
      {"direction", [](v1::ChangeList* l) { l->mutable_changes(0)->set_direction(4); }},
      {"lane", [](v1::ChangeList* l) { l->mutable_changes(0)->set_lane(4); }},
      {"src", [](v1::ChangeList* l) { l->mutable_changes(0)->set_src(kAgentMax + 1); }},
      {"dst", [](v1::ChangeList* l) { l->mutable_changes(0)->set_dst(UINT64_MAX); }},
      {"expires_ms", [](v1::ChangeList* l) { l->mutable_changes(0)->set_expires_ms(-1); }},
      {"longer than the list", [](v1::ChangeList* l) { l->mutable_changes(0)->set_run_size(2); }},
      {"direction", [](v1::ChangeList* l) { l->set_direction(9); }},
      {"lane", [](v1::ChangeList* l) { l->set_lane(9); }},
      {"an owner", [](v1::ChangeList* l) { l->set_owners(0, kAgentMax + 1); }},
      {"origin is malformed", [](v1::ChangeList* l) { l->mutable_origins(0)->set_agent(kAgentMax + 1); }},
  };
  ASSERT_TRUE(DecodeAll(OneChange().SerializeAsString()).status.ok());
  for (const Case& c : cases) {
    v1::ChangeList list = OneChange();
    c.spoil(&list);
    Decoded d = DecodeAll(list.SerializeAsString());
    EXPECT_EQ(d.status.code(), Code::kInvalid) << c.says;
    EXPECT_NE(d.status.message().find(c.says), std::string::npos) << d.status.message();
  }
}

TEST(ChangeList, RunInsideARun_IsInvalid) {
  v1::ChangeList list = OneChange();
  for (int i = 0; i < 2; ++i) *list.add_changes() = list.changes(0);
  list.mutable_changes(0)->set_run_size(3);
  EXPECT_TRUE(DecodeAll(list.SerializeAsString()).status.ok());
  list.mutable_changes(1)->set_run_size(2);
  EXPECT_EQ(DecodeAll(list.SerializeAsString()).status.code(), Code::kInvalid);
}

TEST(ChangeList, TextThatIsNotUtf8_IsInvalid) {
  for (const char* text : {"\xff", "\xc0\x80", "\xed\xa0\x80", "abcdefgh\xe2\x82", "\xf4\x90\x80\x80", "\x80"}) {
    tg_change change = sample::Change();
    change.key.pk = Str(text);
    EXPECT_EQ(DecodeAll(EncodeChangeList({change})).status.code(), Code::kInvalid) << text;
    change = sample::Change();
    change.key.sk = Str(text);
    EXPECT_EQ(DecodeAll(EncodeChangeList({change})).status.code(), Code::kInvalid) << text;
    change = sample::Change();
    change.model = Str(text);
    EXPECT_EQ(DecodeAll(EncodeChangeList({change})).status.code(), Code::kInvalid) << text;
  }
}

TEST(ChangeList, BeyondTheLimit_IsInvalid) {
  std::string three = EncodeChangeList(std::vector<tg_change>(3, sample::Change()));
  EXPECT_TRUE(DecodeAll(three, 3).status.ok());
  EXPECT_EQ(DecodeAll(three, 2).status.code(), Code::kInvalid);
}

TEST(ChangeList, HugeTables_AreRefusedBeforeTheyAreBuilt) {
  std::string empty_models;
  for (int i = 0; i < 2000; ++i) empty_models += std::string("\x0a\x00", 2);
  EXPECT_EQ(DecodeAll(empty_models).status.code(), Code::kInvalid);
  std::string owners = std::string("\x1a\xd0\x0f", 3) + std::string(2000, '\x07');
  EXPECT_EQ(DecodeAll(owners + owners).status.code(), Code::kInvalid);
}

TEST(ChangeList, CutAnywhere_NeverReadsPastTheEnd) {
  std::string bytes = EncodeChangeList(sample::Changes());
  size_t good = 0;
  for (size_t size = 0; size < bytes.size(); ++size) {
    std::string cut(bytes.data(), size);  // its own allocation, so that a sanitizer sees a read past the end
    cut.shrink_to_fit();
    good += DecodeAll(cut).status.ok() ? 1 : 0;
  }
  EXPECT_LT(good, 15u);  // only cuts between two top-level fields leave a list
}

}  // namespace
}  // namespace tidegate::wire
