#include "hub/core/subscription_tree.h"

#include <malloc.h>

#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/mqtt/topic_filter.h"
#include "tests/support/seed.h"

namespace runnel::core {
namespace {

using Entry = SubscriptionTree::Entry;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

int owners[4];

Entry entry(std::size_t owner, std::uint32_t which = 1) {
  return {&owners[owner], which};
}

std::vector<Entry> match(const SubscriptionTree& tree, std::string_view topic) {
  std::vector<Entry> out;
  tree.match(topic, out);
  return out;
}

TEST(SubscriptionTree, FindsWildcardsAtEveryLevel) {
  SubscriptionTree tree;
  tree.add("a/b", entry(0, 1));
  tree.add("+/b", entry(0, 2));
  tree.add("a/+", entry(0, 3));
  tree.add("a/#", entry(0, 4));
  tree.add("#", entry(0, 5));
  tree.add("a/b/#", entry(0, 6));
  tree.add("a/b/+", entry(0, 7));
  EXPECT_THAT(
      match(tree, "a/b"),
      UnorderedElementsAre(
          entry(0, 1), entry(0, 2), entry(0, 3), entry(0, 4), entry(0, 5), entry(0, 6)
      )
  );
  EXPECT_THAT(match(tree, "a"), UnorderedElementsAre(entry(0, 4), entry(0, 5)));
}

TEST(SubscriptionTree, LevelsMayBeEmpty) {
  SubscriptionTree tree;
  tree.add("/+", entry(0));
  tree.add("+/+", entry(1));
  tree.add("/", entry(2));
  EXPECT_THAT(match(tree, "/"), UnorderedElementsAre(entry(0), entry(1), entry(2)));
  EXPECT_THAT(match(tree, "/a"), UnorderedElementsAre(entry(0), entry(1)));
  EXPECT_THAT(match(tree, "a"), IsEmpty());
}

TEST(SubscriptionTree, AFilterThatBeginsWithAWildcardMatchesNoDollarTopic) {
  SubscriptionTree tree;
  tree.add("#", entry(0));
  tree.add("+/x", entry(1));
  tree.add("$SYS/#", entry(2));
  tree.add("$SYS/+", entry(3));
  EXPECT_THAT(match(tree, "$SYS/x"), UnorderedElementsAre(entry(2), entry(3)));
  EXPECT_THAT(match(tree, "$SYS"), UnorderedElementsAre(entry(2)));
}

TEST(SubscriptionTree, AddingTheSameTwiceIsOneEntry) {
  SubscriptionTree tree;
  tree.add("a", entry(0));
  tree.add("a", entry(0));
  EXPECT_EQ(tree.size(), 1U);
  tree.remove("a", entry(0));
  EXPECT_THAT(match(tree, "a"), IsEmpty());
}

TEST(SubscriptionTree, RemovingWhatIsNotThereChangesNothing) {
  SubscriptionTree tree;
  tree.add("a/b", entry(0));
  for (const char* filter : {"a", "a/b/c", "a/+", "a/#", "#", "b"}) tree.remove(filter, entry(0));
  tree.remove("a/b", entry(1));
  EXPECT_EQ(tree.size(), 1U);
  EXPECT_THAT(match(tree, "a/b"), UnorderedElementsAre(entry(0)));
}

std::string random_path(test::Random& random, bool filter) {
  std::string path = random.one_in(10) ? "$" : "";
  const std::uint64_t levels = random.between(1, 4);
  for (std::uint64_t i = 0; i < levels; ++i) {
    if (i > 0) path += '/';
    if (filter && i + 1 == levels && path != "$" && random.one_in(4)) return path + '#';
    if (filter && path != "$" && random.one_in(3)) {
      path += '+';
    } else if (!random.one_in(8)) {
      path += static_cast<char>('a' + random.between(0, 2));
    }
  }
  return path.empty() ? "a" : path;
}

TEST(SubscriptionTree, AgreesWithTryingEveryFilter) {
  test::Random random;
  SubscriptionTree tree;
  std::vector<std::pair<std::string, Entry>> model;
  for (int round = 0; round < 4000; ++round) {
    if (!model.empty() && random.between(0, 99) < (model.size() > 60 ? 70 : 40)) {
      const auto gone =
          model.begin() + static_cast<std::ptrdiff_t>(random.between(0, model.size() - 1));
      tree.remove(gone->first, gone->second);
      model.erase(gone);
    } else {
      const std::pair added{
          random_path(random, true),
          entry(random.between(0, 3), static_cast<std::uint32_t>(random.between(1, 9)))};
      ASSERT_TRUE(mqtt::valid_topic_filter(added.first)) << added.first;
      tree.add(added.first, added.second);
      if (std::find(model.begin(), model.end(), added) == model.end()) model.push_back(added);
    }
    ASSERT_EQ(tree.size(), model.size());
    const std::string topic = random_path(random, false);
    std::vector<Entry> expected;
    for (const auto& [filter, e] : model) {
      if (mqtt::matches(filter, topic)) expected.push_back(e);
    }
    ASSERT_THAT(match(tree, topic), ::testing::UnorderedElementsAreArray(expected)) << topic;
  }
}

// Allocated and not freed, of this thread's arena.
std::size_t allocated() {
  return ::mallinfo2().uordblks;
}

TEST(SubscriptionTree, LeavesNoNodesBehind) {
  SubscriptionTree tree;
  const auto filter = [](int i) {
    return "plant/" + std::to_string(i) + "/+/x/" + std::to_string(i * 7) + "/#";
  };
  const auto churn = [&] {
    for (int i = 0; i < 2000; ++i) tree.add(filter(i), entry(0));
    for (int i = 0; i < 2000; ++i) tree.remove(filter(i), entry(0));
  };
  churn();
  const std::size_t before = allocated();
  tree.add("plant/1/+/x/7/#", entry(0));
  const std::size_t one = allocated() - before;
  tree.remove("plant/1/+/x/7/#", entry(0));
  for (int i = 0; i < 5; ++i) churn();
  EXPECT_EQ(tree.size(), 0U);
  // Not even the nodes of a few filters are left of the 10,000.
  EXPECT_LT(allocated(), before + 8 * one + 4096);
}

}  // namespace
}  // namespace runnel::core
