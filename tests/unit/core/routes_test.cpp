#include "hub/core/routes.h"

#include <gtest/gtest.h>

namespace runnel::core {
namespace {

// Topics `mqtt` (partition 0), `one` (1) and `many` (2 to 6).
class RoutesTest : public ::testing::Test {
 protected:
  RoutesTest() { topics_.ensure({{"mqtt", 1}, {"one", 1}, {"many", 5}}, group_); }

  Destination resolve(std::vector<RouteSpec> specs, std::string_view topic) {
    return Routes(std::move(specs), topics_).resolve(topic, "sensor-7");
  }

  Bytes key(const std::string& filter, const std::string& key, std::string_view topic) {
    return resolve({{filter, "one", key, std::nullopt}}, topic).key;
  }

 private:
  Topics topics_;
  log::Group group_;
};

TEST_F(RoutesTest, WithoutARouteTheTopicIsMqttAndTheKeyIsTheMqttTopic) {
  const Destination to = resolve({}, "plant/1/temp");
  EXPECT_EQ(to.partition, PartitionId(0));
  EXPECT_EQ(to.key, "plant/1/temp");
  EXPECT_TRUE(to.key_is_topic);
  EXPECT_FALSE(to.depends_on_client);
}

TEST_F(RoutesTest, TheFirstRouteThatMatchesDecides) {
  const std::vector<RouteSpec> specs{
      {"a/b", "one", "first", std::nullopt},
      {"a/+", "one", "second", std::nullopt},
      {"#", "one", "third", std::nullopt},
  };
  EXPECT_EQ(resolve(specs, "a/b").key, "first");
  EXPECT_EQ(resolve(specs, "a/c").key, "second");
  EXPECT_EQ(resolve(specs, "b").key, "third");
}

TEST_F(RoutesTest, AKeyTakesWhatTheWildcardsMatched) {
  EXPECT_EQ(key("+/x/+/#", "{1}-{2}-{3}", "a/x/b/c/d"), "a-b-c/d");
  EXPECT_EQ(
      key("+/+/+/+/+/+/+/+/+", "{9}{8}{7}{6}{5}{4}{3}{2}{1}", "1/2/3/4/5/6/7/8/9"), "987654321"
  );
}

TEST_F(RoutesTest, AHashThatMatchedTheParentStandsForNothing) {
  EXPECT_EQ(key("a/#", "<{1}>", "a"), "<>");
  EXPECT_EQ(key("a/#", "<{1}>", "a/"), "<>");
  EXPECT_EQ(key("#", "{1}", "/a//b"), "/a//b");
}

TEST_F(RoutesTest, AWildcardThatTheFilterDoesNotHaveStandsForNothing) {
  EXPECT_EQ(key("a/+", "{2}.", "a/b"), ".");
  EXPECT_EQ(key("a/+/#", "{3}.", "a/b/c"), ".");
  EXPECT_EQ(key("a/b", "{1}.", "a/b"), ".");
}

TEST_F(RoutesTest, ALevelMayBeEmpty) {
  EXPECT_EQ(key("+/+/+", "({1})({2})({3})", "//b"), "()()(b)");
}

TEST_F(RoutesTest, AKeyTakesTopicAndClient) {
  const Destination to = resolve({{"#", "one", "{client}:{topic}", std::nullopt}}, "a/b");
  EXPECT_EQ(to.key, "sensor-7:a/b");
  EXPECT_TRUE(to.depends_on_client);
  EXPECT_FALSE(to.key_is_topic);
}

TEST_F(RoutesTest, OtherTextInAKeyStandsForItself) {
  EXPECT_EQ(key("#", "{0}{10}{x}{", "a"), "{0}{10}{x}{");
  EXPECT_EQ(key("#", "{{topic}}", "a"), "{a}");
  EXPECT_EQ(key("#", "", "a"), "");
}

TEST_F(RoutesTest, AKeyThatComesOutAsTheTopicIsTheTopic) {
  EXPECT_TRUE(resolve({{"a/#", "one", "a/{1}", std::nullopt}}, "a/b").key_is_topic);
  EXPECT_FALSE(resolve({{"a/#", "one", "a/{1}", std::nullopt}}, "a").key_is_topic);
}

TEST_F(RoutesTest, APartitionOfTheRouteIsTakenRoundTheTopic) {
  EXPECT_EQ(resolve({{"#", "many", "{topic}", 3}}, "a").partition, PartitionId(2 + 3));
  EXPECT_EQ(resolve({{"#", "many", "{topic}", 7}}, "a").partition, PartitionId(2 + 2));
}

TEST_F(RoutesTest, WithoutAPartitionTheKeyChoosesIt) {
  for (const char* topic : {"a", "b/c", "plant/9", "x/y/z"}) {
    const Destination to = resolve({{"#", "many", "{topic}", std::nullopt}}, topic);
    EXPECT_EQ(to.partition, PartitionId(2 + partition_of_key(topic, 5))) << topic;
  }
}

// Known values of the partitioner of Kafka's Java client.
TEST(PartitionOfKey, IsTheHashThatKafkasClientsUse) {
  const std::vector<std::pair<std::string, std::int32_t>> known{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  constexpr std::uint32_t kPartitions = 1U << 31;  // all that is left of the hash
  for (const auto& [key, hash] : known) {
    EXPECT_EQ(partition_of_key(key, kPartitions), static_cast<std::uint32_t>(hash) & 0x7fffffffU)
        << key;
    EXPECT_EQ(partition_of_key(key, 12), (static_cast<std::uint32_t>(hash) & 0x7fffffffU) % 12)
        << key;
  }
}

TEST(PartitionOfKey, SpreadsKeys) {
  std::vector<int> counts(8);
  for (int i = 0; i < 8000; ++i) ++counts[partition_of_key("sensor/" + std::to_string(i), 8)];
  for (const int count : counts) EXPECT_NEAR(count, 1000, 200);
}

}  // namespace
}  // namespace runnel::core
