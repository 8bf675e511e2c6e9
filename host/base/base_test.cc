#include <gtest/gtest.h>

#include "host/base/digest.h"
#include "host/base/ids.h"
#include "host/base/ulid.h"
#include "host/base/views.h"

namespace tidegate {
namespace {

TEST(Agent, ParseText_RefusesWhatIsNoAgent) {
  EXPECT_EQ(ParseAgent("42").value(), 42u);
  EXPECT_EQ(ParseAgent("9007199254740975").value(), kAgentMax);
  for (const char* bad : {"", "-1", "1x", "9007199254740976", "18446744073709551616"}) {
    EXPECT_FALSE(ParseAgent(bad).ok()) << bad;
  }
}

TEST(Agent, FromMachineId_InRange) {
  AgentId agent = AgentFromMachineId("0123456789abcdef0123456789abcdef");
  EXPECT_GE(agent, 2u);
  EXPECT_LE(agent, kAgentMax);
  EXPECT_EQ(agent, AgentFromMachineId("0123456789abcdef0123456789abcdef"));
  EXPECT_NE(agent, AgentFromMachineId("0123456789abcdef0123456789abcdee"));
}

TEST(Sha256Prefix, KnownInput_MatchesFips180) {
  EXPECT_EQ(Sha256Prefix("abc"), 0xba7816bf8f01cfeaull);
}

TEST(Version, Text_SortsAsValue) {
  Version a{1, 2, 3}, b{1, 2, 4}, c{2, 0, 0};
  EXPECT_LT(a, b);
  EXPECT_LT(b.ToText(), c.ToText());
  EXPECT_LT(a.ToText(), b.ToText());
}

TEST(Ulid, SpecExample_TimePart) {
  UlidGenerator ulids([] { return 0ull; });
  EXPECT_EQ(ulids.Next(1469918176385).substr(0, 10), "01ARYZ6S41");
}

TEST(Ulid, SameMillisecondOrClockBack_StillGrows) {
  UlidGenerator ulids([] { return ~0ull; });
  std::string last;
  for (int64_t ms : {5, 5, 5, 4, 6, 6}) {
    std::string next = ulids.Next(ms);
    EXPECT_EQ(next.size(), 26u);
    EXPECT_LT(last, next);
    last = next;
  }
}

TEST(ChangeDigest, AnyKeyPart_Changes) {
  tg_change change{};
  change.model = Str("M");
  change.key = {7, Str("pk"), Str("sk")};
  change.kind = TG_CHANGE_ITEM;
  change.version = {1, 2, 3};
  uint64_t digest = ChangeDigest(change);
  EXPECT_EQ(digest, Sha256Prefix("M\x1f""7\x1fpk\x1fsk\x1f""1\x1f""0000000000000001-0000000000000002-0000000000000003\x1f"));
  change.kind = TG_CHANGE_TOMBSTONE;
  EXPECT_NE(digest, ChangeDigest(change));
}

}  // namespace
}  // namespace tidegate
