#include <gtest/gtest.h>

#include "bridge/topic_pattern.h"

namespace runnel::bridge {
namespace {

TEST(TopicPattern, AStarStandsForAnyCharactersAndNone) {
  EXPECT_TRUE(matches("*", ""));
  EXPECT_TRUE(matches("*", "a.b"));
  EXPECT_TRUE(matches("a*", "a"));
  EXPECT_TRUE(matches("a*c", "abc"));
  EXPECT_TRUE(matches("a*c*", "abcbc"));
  EXPECT_TRUE(matches("*b*b", "abbb"));
  EXPECT_TRUE(matches("**", "x"));
  EXPECT_FALSE(matches("a*c", "ab"));
  EXPECT_FALSE(matches("*b", "abc"));
}

TEST(TopicPattern, EverythingElseStandsForItself) {
  EXPECT_TRUE(matches("a.b", "a.b"));
  EXPECT_FALSE(matches("a.b", "axb"));
  EXPECT_FALSE(matches("a", "A"));
  EXPECT_FALSE(matches("a", ""));
  EXPECT_FALSE(matches("", "a"));
  EXPECT_TRUE(matches("", ""));
}

TEST(TopicPattern, TheFirstThatMatchesIsTheRank) {
  EXPECT_EQ(rank_of({"alarms", "a*"}, "alarms"), 0U);
  EXPECT_EQ(rank_of({"alarms", "a*"}, "apples"), 1U);
  EXPECT_EQ(rank_of({"alarms", "a*"}, "pears"), 2U);
}

TEST(TopicPattern, FillsInTopicAndHub) {
  EXPECT_EQ(filled_in("{hub}.{topic}", "t", "h"), "h.t");
  EXPECT_EQ(filled_in("all", "t", "h"), "all");
  EXPECT_EQ(filled_in("{topic}-{topic}", "{hub}", "h"), "{hub}-{hub}");
  EXPECT_EQ(filled_in("{other}", "t", "h"), "{other}");
}

}  // namespace
}  // namespace runnel::bridge
