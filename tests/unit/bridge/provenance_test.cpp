#include <gmock/gmock.h>

#include "bridge/provenance.h"

namespace runnel::bridge {
namespace {

using ::testing::ElementsAre;
using Headers = std::vector<Provenance::HeaderView>;

std::vector<std::string> words(const Headers& headers) {
  std::vector<std::string> out;
  for (const auto& h : headers) {
    out.push_back(std::string(h.name) + (h.value ? "=" + std::string(*h.value) : ""));
  }
  return out;
}

struct LinkProvenance : ::testing::Test {
  bool take(const Headers& headers, bool historical = false, bool relay = true) {
    return provenance.take(headers, {renamed, 3, 17}, historical, "c", relay);
  }

  Provenance provenance{"barn"};
  std::string renamed;
};

TEST_F(LinkProvenance, SaysWhereARecordWasFirstStored) {
  ASSERT_TRUE(take({{"unit", "C"}}));
  EXPECT_THAT(
      words(provenance.headers()),
      ElementsAre("unit=C", "hub.origin=barn", "hub.partition=3", "hub.offset=17")
  );
}

TEST_F(LinkProvenance, SaysTheTopicWhereItIsCalledOtherwise) {
  renamed = "temps";
  ASSERT_TRUE(take({}));
  EXPECT_THAT(
      words(provenance.headers()),
      ElementsAre("hub.origin=barn", "hub.topic=temps", "hub.partition=3", "hub.offset=17")
  );
}

TEST_F(LinkProvenance, ListsAllThatHaveItOnceThereAreMoreThanTheOrigin) {
  ASSERT_TRUE(take({{"hub.origin", "a"}, {"hub.partition", "0"}, {"hub.offset", "1"}}));
  EXPECT_EQ(words(provenance.headers()).back(), "hub.via=a,barn");
}

TEST_F(LinkProvenance, KeepsWhatTheFirstHubSaid) {
  const Headers from_a{{"hub.origin", "a"}, {"hub.topic", "t"}, {"hub.partition", "0"}, {"hub.offset", "1"}, {"hub.via", "a,x"}};
  ASSERT_TRUE(take(from_a));
  EXPECT_THAT(
      words(provenance.headers()),
      ElementsAre("hub.origin=a", "hub.topic=t", "hub.partition=0", "hub.offset=1", "hub.via=a,x,barn")
  );
}

TEST_F(LinkProvenance, KeepsOrderRepeatsAndNullsOfOtherHeaders) {
  ASSERT_TRUE(take({{"x", "1"}, {"y", std::nullopt}, {"x", "2"}, {"z", ""}}));
  const auto got = words(provenance.headers());
  EXPECT_THAT(std::vector(got.begin(), got.begin() + 4), ElementsAre("x=1", "y", "x=2", "z="));
}

TEST_F(LinkProvenance, LetsNoRecordGoWhereItHasBeen) {
  EXPECT_FALSE(take({{"hub.origin", "c"}}));
  EXPECT_FALSE(take({{"hub.origin", "a"}, {"hub.via", "a,c,d"}}));
  EXPECT_TRUE(take({{"hub.origin", "a"}, {"hub.via", "a,cc"}}));
}

TEST_F(LinkProvenance, LetsNoRecordOfOthersGoWithoutRelay) {
  EXPECT_FALSE(take({{"hub.origin", "a"}}, false, false));
  EXPECT_TRUE(take({}, false, false));
}

TEST_F(LinkProvenance, MarksWhatIsOfThePastAndTakesTheMarkFromWhatIsNot) {
  ASSERT_TRUE(take({}, true));
  EXPECT_EQ(words(provenance.headers()).back(), "hub.historical=true");
  ASSERT_TRUE(take({{"hub.historical", "true"}}, false));
  EXPECT_THAT(words(provenance.headers()), ::testing::Not(::testing::Contains("hub.historical=true")));
}

}  // namespace
}  // namespace runnel::bridge
