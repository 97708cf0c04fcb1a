#include "hub/core/reverse_routes.h"

#include <gtest/gtest.h>

#include "hub/core/routes.h"
#include "tests/support/seed.h"

namespace runnel::core {
namespace {

// Topics `mqtt` (partition 0), `one` (1) and `many` (2 to 6).
class ReverseRoutesTest : public ::testing::Test {
 protected:
  ReverseRoutesTest() { topics_.ensure({{"mqtt", 1}, {"one", 1}, {"many", 5}}, group_); }

  std::string topic(
      std::vector<RouteSpec> specs, std::optional<ByteView> key, std::uint32_t partition = 1
  ) {
    const Routes routes(std::move(specs), topics_);
    std::string scratch;
    return std::string(routes.reverse().mqtt_topic(PartitionId(partition), key, scratch));
  }

  // The MQTT topic of a record in topic `one` that one route with this filter and key sends to.
  std::string back(const std::string& filter, const std::string& key, ByteView at_hand) {
    return topic({{filter, "one", key, std::nullopt}}, at_hand);
  }

  Topics topics_;
  log::Group group_;
};

TEST_F(ReverseRoutesTest, InTopicMqttTheKeyIsTheMqttTopic) {
  EXPECT_EQ(topic({}, "plant/7/temp", 0), "plant/7/temp");
  EXPECT_EQ(topic({}, "/a//b", 0), "/a//b");
  EXPECT_EQ(topic({}, "$own/x", 0), "$own/x");
}

TEST_F(ReverseRoutesTest, WithoutARouteItIsTheTopicAndTheKey) {
  EXPECT_EQ(topic({}, "sensor-7"), "one/sensor-7");
  EXPECT_EQ(topic({}, "a/b"), "one/a/b");
  EXPECT_EQ(topic({}, std::nullopt), "one");
  EXPECT_EQ(topic({}, ""), "one");
  EXPECT_EQ(topic({}, std::nullopt, 0), "mqtt");
}

TEST_F(ReverseRoutesTest, AKeyThatIsNoTextMakesNoMqttTopic) {
  for (const std::uint32_t partition : {0U, 1U}) {
    EXPECT_EQ(topic({}, "\xff", partition), "");
    EXPECT_EQ(topic({}, "a/#", partition), "");
    EXPECT_EQ(topic({}, "a+b", partition), "");
    EXPECT_EQ(topic({}, ByteView("a\0", 2), partition), "");
    EXPECT_EQ(topic({}, std::string(70'000, 'x'), partition), "");
  }
}

TEST_F(ReverseRoutesTest, NobodySpeaksForTheHub) {
  EXPECT_EQ(topic({}, "$SYS/broker/version", 0), "mqtt/$SYS/broker/version");
  EXPECT_EQ(topic({{"#", "one", "{topic}", {}, "$SYS/{key}"}}, "x"), "one/x");
}

TEST_F(ReverseRoutesTest, APartitionOfNoTopicHasNone) {
  EXPECT_EQ(topic({}, "a", 99), "");
}

TEST_F(ReverseRoutesTest, AKeyThatIsTheMqttTopicMustMatchTheFilter) {
  EXPECT_EQ(back("plant/#", "{topic}", "plant/7/temp"), "plant/7/temp");
  EXPECT_EQ(back("plant/#", "{topic}", "other/7"), "one/other/7");
  EXPECT_EQ(back("plant/#", "t:{topic}", "t:plant/7"), "plant/7");
  EXPECT_EQ(back("plant/#", "t:{topic}", "plant/7"), "one/plant/7");
}

TEST_F(ReverseRoutesTest, WildcardsAreFilledFromTheKey) {
  EXPECT_EQ(back("plant/+/temp", "{1}", "7"), "plant/7/temp");
  EXPECT_EQ(back("+/x/+/#", "{1}-{2}-{3}", "a-b-c/d"), "a/x/b/c/d");
  EXPECT_EQ(back("a/+/#", "{1}/{2}", "x/y/z"), "a/x/y/z");
  EXPECT_EQ(back("a/#", "<{1}>", "<>"), "a");
  EXPECT_EQ(back("a/+/+", "{2}.{1}.{2}", "y.x.y"), "a/x/y");
}

TEST_F(ReverseRoutesTest, AKeyThatCouldHaveComeFromTwoMqttTopicsHasComeFromNone) {
  EXPECT_EQ(back("a/+/+", "{1}-{2}", "x-y"), "a/x/y");
  EXPECT_EQ(back("a/+/+", "{1}-{2}", "x-y-z"), "one/x-y-z");
  EXPECT_EQ(back("a/+/+", "{1}{2}", "xy"), "one/xy");
}

TEST_F(ReverseRoutesTest, AKeyThatTheTemplateCannotHaveMadeGoesByTopicAndKey) {
  EXPECT_EQ(back("plant/+/temp", "{1}", "7/8"), "one/7/8");
  EXPECT_EQ(back("plant/+/temp", "s{1}", "7"), "one/7");
  EXPECT_EQ(back("plant/+/+", "{1}", "7"), "one/7");  // of the second wildcard it says nothing
  EXPECT_EQ(topic({{"plant/+/temp", "one", "{1}"}}, std::nullopt), "one");
}

TEST_F(ReverseRoutesTest, TheClientInAKeyIsAnyText) {
  EXPECT_EQ(back("plant/#", "{client}:{topic}", "sensor:plant/7"), "plant/7");
  EXPECT_EQ(back("plant/#", "{client}", "sensor"), "one/sensor");
}

TEST_F(ReverseRoutesTest, AnOnlyRouteWithoutWildcardsHasOneMqttTopic) {
  EXPECT_EQ(back("alarms", "{client}", "anything"), "alarms");
  EXPECT_EQ(topic({{"alarms", "one", "{topic}"}}, std::nullopt), "alarms");
  const std::vector<RouteSpec> two{{"alarms", "one"}, {"events", "one"}};
  EXPECT_EQ(topic(two, "events"), "events");
  EXPECT_EQ(topic(two, "x"), "one/x");
}

TEST_F(ReverseRoutesTest, RoutesAreTriedInOrder) {
  const std::vector<RouteSpec> specs{
      {"plant/+/temp", "one", "{1}"}, {"room/+/temp", "one", "r{1}"}, {"x/#", "mqtt"}};
  EXPECT_EQ(topic(specs, "7"), "plant/7/temp");
  EXPECT_EQ(topic(specs, "r7"), "plant/r7/temp");
  EXPECT_EQ(topic({specs[1], specs[0]}, "r7"), "room/7/temp");
  EXPECT_EQ(topic(specs, "a", 0), "a");
}

TEST_F(ReverseRoutesTest, ARouteWithAPartitionSpeaksForThatOne) {
  const std::vector<RouteSpec> specs{{"a/+", "many", "{1}", 2}, {"b/+", "many", "{1}", 8}};
  EXPECT_EQ(topic(specs, "7", 2 + 2), "a/7");
  EXPECT_EQ(topic(specs, "7", 2 + 3), "b/7");
  EXPECT_EQ(topic(specs, "7", 2 + 1), "many/7");
}

TEST_F(ReverseRoutesTest, AnMqttTopicOfTheRouteSaysItAll) {
  const std::vector<RouteSpec> specs{
      {"plant/+/temp", "many", "{1}", std::nullopt, "from/{topic}/{partition}/{key}"}};
  EXPECT_EQ(topic(specs, "7", 2 + 4), "from/many/4/7");
  EXPECT_EQ(topic(specs, "a/b", 2), "from/many/0/a/b");
  EXPECT_EQ(topic(specs, "a#", 2), "");
  EXPECT_EQ(topic(specs, std::nullopt, 2), "many");
  EXPECT_EQ(topic({{"#", "one", "{topic}", {}, "all"}}, std::nullopt), "all");
}

TEST_F(ReverseRoutesTest, AKeyMadeToKeepItBusyIsGivenUp) {
  std::string key(60'000, 'a');
  EXPECT_EQ(back("+/+/+/+/+/+/+/+/+", "{1}a{2}a{3}a{4}a{5}a{6}a{7}a{8}a{9}", key), "one/" + key);
}

// Whatever a route makes of an MQTT topic, the way back comes to that topic or does not pretend to.
TEST_F(ReverseRoutesTest, TheWayBackOfWhatARouteMadeIsNeverAnotherMqttTopicOfItsFilter) {
  test::Random random;
  const std::vector<std::string> filters{"+/+", "a/+/#", "#", "+/x/+", "a/#"};
  const std::vector<std::string> keys{
      "{1}", "{1}-{2}", "{2}/{1}", "{1}{2}", "k{1}{1}", "{topic}.", "{1}:{client}"};
  const std::vector<std::string> levels{"a", "x", "-", "", "a-b", ":"};
  int exact = 0;
  for (int i = 0; i < 5000; ++i) {
    std::string name = levels[random.between(0, 5)];
    for (std::uint64_t n = random.between(0, 3); n > 0; --n)
      name += "/" + levels[random.between(0, 5)];
    const std::string& filter = filters[random.between(0, filters.size() - 1)];
    const Routes routes({{filter, "one", keys[random.between(0, keys.size() - 1)]}}, topics_);
    if (!deliverable_topic(name)) continue;
    const Destination to = routes.resolve(name, "c");
    if (to.partition != PartitionId(1)) continue;
    std::string scratch;
    const std::string found(routes.reverse().mqtt_topic(to.partition, to.key, scratch));
    const bool fallback = found == "one" || found == "one/" + to.key;
    // The level above a `#` and an empty level below it have the same key.
    EXPECT_TRUE(found == name || fallback || found + "/" == name)
        << filter << " " << name << " " << to.key << " " << found;
    exact += found == name ? 1 : 0;
  }
  EXPECT_GT(exact, 500);
}

}  // namespace
}  // namespace runnel::core
