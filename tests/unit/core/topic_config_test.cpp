#include "hub/core/topic_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace runnel::core {
namespace {

using ::testing::HasSubstr;
using namespace std::chrono_literals;

TEST(TopicConfigTest, EveryKeyIsFoundByItsNameAndItsDefaultIsOneThatItTakes) {
  std::string_view before;
  for (const TopicConfigKey& key : topic_config_keys()) {
    EXPECT_LT(before, key.name);
    before = key.name;
    EXPECT_EQ(find_topic_config_key(key.name), &key);
    EXPECT_FALSE(key.sentence.empty());
    TopicConfig config;
    EXPECT_EQ(config.set(key.name, key.fallback), std::nullopt) << key.name;
    EXPECT_EQ(config.values().at(std::string(key.name)), key.fallback);
  }
  EXPECT_EQ(find_topic_config_key("retention"), nullptr);
}

TEST(TopicConfigTest, WhatItMeansIsWhatWasSet) {
  TopicConfig config;
  EXPECT_EQ(config.retention(), std::nullopt);
  EXPECT_EQ(config.retention_bytes(), std::nullopt);
  EXPECT_EQ(config.message_bytes_max(), std::nullopt);
  EXPECT_FALSE(config.append_time());
  EXPECT_FALSE(config.set("retention.ms", "60000"));
  EXPECT_FALSE(config.set("retention.bytes", "1000"));
  EXPECT_FALSE(config.set("max.message.bytes", " 2000 "));
  EXPECT_FALSE(config.set("message.timestamp.type", "LogAppendTime"));
  EXPECT_EQ(config.retention(), 60s);
  EXPECT_EQ(config.retention_bytes(), 1000U);
  EXPECT_EQ(config.message_bytes_max(), 2000U);
  EXPECT_TRUE(config.append_time());
  EXPECT_FALSE(config.set("retention.ms", "-1"));
  EXPECT_EQ(config.retention(), std::nullopt);
  EXPECT_FALSE(config.reset("message.timestamp.type"));
  EXPECT_FALSE(config.append_time());
}

TEST(TopicConfigTest, AValueThatCannotBeIsRefusedWithAReasonAndChangesNothing) {
  TopicConfig config;
  const auto refused = [&](std::string_view name, std::string_view value) {
    const auto fault = config.set(name, value);
    EXPECT_TRUE(fault) << name << "=" << value;
    EXPECT_TRUE(config.values().empty());
    return fault.value_or("");
  };
  EXPECT_THAT(refused("retention.hours", "1"), HasSubstr("Unknown topic config name"));
  EXPECT_THAT(refused("retention.ms", "soon"), HasSubstr("a whole number"));
  refused("retention.ms", "-2");
  refused("retention.ms", "9223372036854775808");
  refused("max.message.bytes", "-1");
  refused("max.message.bytes", "2147483648");
  refused("max.message.bytes", "");
  refused("message.timestamp.type", "createtime");
  refused("preallocate", "perhaps");
  refused("min.cleanable.dirty.ratio", "1.5");
  refused("compression.type", "rar");
  refused("cleanup.policy", "");
  refused("message.format.version", std::string(kConfigValueBytesMax + 1, 'x'));
}

TEST(TopicConfigTest, ACompactedTopicKeepsToRetentionOnlyIfItAlsoDeletes) {
  TopicConfig config;
  EXPECT_FALSE(config.compacted());
  EXPECT_FALSE(config.set("retention.ms", "1000"));
  EXPECT_FALSE(config.set("cleanup.policy", "compact"));
  EXPECT_TRUE(config.compacted());
  EXPECT_EQ(config.retention(), std::nullopt);
  EXPECT_FALSE(config.append("cleanup.policy", "delete"));
  EXPECT_TRUE(config.compacted());
  EXPECT_EQ(config.retention(), std::chrono::milliseconds(1000));
}

TEST(TopicConfigTest, ListsGrowAndShrinkByTheirElements) {
  TopicConfig config;
  constexpr std::string_view kKey = "leader.replication.throttled.replicas";
  EXPECT_FALSE(config.append(kKey, "0:1, 1:1"));
  EXPECT_FALSE(config.append(kKey, "1:1,2:1"));
  EXPECT_EQ(config.values().at(std::string(kKey)), "0:1,1:1,2:1");
  EXPECT_FALSE(config.subtract(kKey, "1:1,9:9"));
  EXPECT_EQ(config.values().at(std::string(kKey)), "0:1,2:1");
  EXPECT_TRUE(config.append("retention.ms", "1"));
  EXPECT_TRUE(config.subtract("nothing", "1"));
  // The default counts too: nothing would be left of it.
  EXPECT_TRUE(config.subtract("cleanup.policy", "delete"));
}

TEST(TopicConfigTest, ARowSaysAllThatWasSetAndADamagedOneNothing) {
  TopicConfig config;
  EXPECT_FALSE(config.set("retention.ms", "60000"));
  EXPECT_FALSE(config.set("preallocate", "TRUE"));
  EXPECT_EQ(TopicConfig::decode(config.encode()), config);
  EXPECT_EQ(config.values().at("preallocate"), "true");
  EXPECT_EQ(TopicConfig::decode(""), std::nullopt);
  const Bytes row = config.encode();
  EXPECT_EQ(TopicConfig::decode(ByteView(row).substr(0, row.size() - 1)), std::nullopt);
  EXPECT_EQ(TopicConfig::decode(row + "x"), std::nullopt);
}

}  // namespace
}  // namespace runnel::core
