#include <gmock/gmock.h>

#include "bridge/positions.h"

namespace runnel::bridge {
namespace {

using ::testing::ElementsAre;

Place first_of_all(const SourcePartition&) { return {"all", 0}; }

TEST(Positions, AreReadAsTheyWereWritten) {
  const Positions positions{
      {{"a", 0, 7}, Offset(5)}, {{"a.b-c_d", 12, 4294967295}, Offset(1LL << 60)}, {{"z", 1, 0}, Offset(0)}};
  EXPECT_EQ(positions_text(positions), "a/0:7=5;a.b-c_d/12:4294967295=1152921504606846976;z/1=0");
  EXPECT_EQ(read_positions(positions_text(positions)), positions);
  EXPECT_EQ(read_positions(""), Positions{});
}

TEST(Positions, ThatAreNoneAreNotRead) {
  for (const char* text : {"a", "a/0", "a=5", "/0=5", "a/x=5", "a/0=", "a/0=-1", "a/-1=5", "a/0=5;b", ";", "a/0=5x", "a/0:=5", "a/0:x=5", "a/0:-1=5", "a/:1=5",
                           "a/0=99999999999999999999"}) {
    EXPECT_EQ(read_positions(text), std::nullopt) << text;
  }
}

TEST(Positions, OfOnePlaceAreCommittedTogether) {
  const Positions all{{{"a", 0, 0}, Offset(5)}, {{"a", 1, 0}, Offset(6)}, {{"b", 0, 0}, Offset(7)}};
  EXPECT_THAT(
      to_commit(all, {{"b", 0, 0}}, first_of_all),
      ElementsAre(kafka_client::CommittedAt{"all", 0, 5, "a/0=5;a/1=6;b/0=7"})
  );
}

TEST(Positions, OfPlacesWhereNothingChangedAreNotCommitted) {
  const Positions all{{{"a", 0, 0}, Offset(5)}, {{"a", 1, 0}, Offset(6)}};
  const auto same = [](const SourcePartition& s) { return Place{s.topic, s.partition}; };
  EXPECT_THAT(to_commit(all, {{"a", 1, 0}}, same), ElementsAre(kafka_client::CommittedAt{"a", 1, 6, "a/1=6"}));
}

TEST(Positions, ThatStandTwiceCountAsTheFurthest) {
  const Positions known = from_committed(
      {{"old", 0, 5, "a/0=5;b/0=9"}, {"new", 0, 7, "a/0=7"}, {"new", 1, 3, "somebody else's"}, {"x", 0, 1, ""}}
  );
  EXPECT_EQ(known, (Positions{{{"a", 0, 0}, Offset(7)}, {{"b", 0, 0}, Offset(9)}}));
}

}  // namespace
}  // namespace runnel::bridge
