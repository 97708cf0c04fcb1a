#include "hub/broker/topic_cache.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace runnel::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class TopicCacheTest : public ::testing::Test {
 protected:
  TopicCacheTest() { topics_.ensure({{"mqtt", 1}, {"one", 1}}, group_); }

  core::Routes to(const std::string& key) { return {{{"#", "one", key, std::nullopt}}, topics_}; }

  core::Topics topics_;
  core::SubscriptionTree tree_;
  log::Group group_;
  int owner_ = 0;
};

TEST_F(TopicCacheTest, FindsWhatTheTreeFinds) {
  const core::Routes routes({}, topics_);
  TopicCache cache(&routes, tree_);
  tree_.add("a/+", {&owner_, 1});
  EXPECT_THAT(cache.matches("a/b"), ElementsAre(core::SubscriptionTree::Entry{&owner_, 1}));
  EXPECT_THAT(cache.matches("b"), IsEmpty());
}

TEST_F(TopicCacheTest, FindsNewSubscriptionsAndLosesOldOnes) {
  const core::Routes routes({}, topics_);
  TopicCache cache(&routes, tree_);
  EXPECT_THAT(cache.matches("a/b"), IsEmpty());
  tree_.add("a/+", {&owner_, 1});
  cache.subscriptions_changed();
  EXPECT_THAT(cache.matches("a/b"), SizeIs(1));
  EXPECT_THAT(cache.matches("a/b"), SizeIs(1)) << "asked again";
  tree_.remove("a/+", {&owner_, 1});
  cache.subscriptions_changed();
  EXPECT_THAT(cache.matches("a/b"), IsEmpty());
}

TEST_F(TopicCacheTest, NewRoutesCountAtOnce) {
  const core::Routes before = to("old");
  const core::Routes after = to("new");
  TopicCache cache(&before, tree_);
  EXPECT_EQ(cache.destination("a", "c").key, "old");
  cache.routes_changed(&after);
  EXPECT_EQ(cache.destination("a", "c").key, "new");
}

TEST_F(TopicCacheTest, PartitionsThatAreAddedCountAtOnce) {
  const core::Routes routes = to("{topic}");
  TopicCache cache(&routes, tree_);
  std::set<PartitionId> before;
  std::set<PartitionId> after;
  for (int i = 0; i < 50; ++i) {
    before.insert(cache.destination("a/" + std::to_string(i), "c").partition);
  }
  topics_.ensure({{"one", 8}}, group_);
  for (int i = 0; i < 50; ++i) {
    after.insert(cache.destination("a/" + std::to_string(i), "c").partition);
  }
  EXPECT_THAT(before, SizeIs(1));
  EXPECT_THAT(after, SizeIs(8));
}

TEST_F(TopicCacheTest, ADestinationThatDependsOnTheClientIsNotKept) {
  const core::Routes routes = to("{client}");
  TopicCache cache(&routes, tree_);
  EXPECT_EQ(cache.destination("a", "c1").key, "c1");
  EXPECT_EQ(cache.destination("a", "c2").key, "c2");
}

TEST_F(TopicCacheTest, GoesOnWhenItIsFull) {
  const core::Routes routes({}, topics_);
  TopicCache cache(&routes, tree_);
  tree_.add("#", {&owner_, 1});
  for (std::size_t i = 0; i < 2 * kCachedTopicsMax + 10; ++i) {
    const std::string topic = "t/" + std::to_string(i);
    ASSERT_EQ(cache.destination(topic, "c").key, topic);
    ASSERT_THAT(cache.matches(topic), SizeIs(1));
  }
}

}  // namespace
}  // namespace runnel::broker
