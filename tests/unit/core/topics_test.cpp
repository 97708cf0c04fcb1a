#include "hub/core/topics.h"

#include <set>

#include <gtest/gtest.h>

#include "tests/support/log_fixture.h"

namespace runnel::core {
namespace {

class TopicsTest : public ::testing::Test {
 protected:
  // Makes what is missing, as the hub does when it starts.
  Topics start(const std::vector<TopicSpec>& specs) {
    Topics topics;
    EXPECT_TRUE(topics.load(fixture_.reopen()));
    log::Group group;
    topics.ensure(specs, group);
    EXPECT_EQ(fixture_.log().commit(group), Errc::ok);
    return topics;
  }

  test::LogFixture fixture_;
};

TEST_F(TopicsTest, ATopicThatIsNotThereIsNotFound) {
  EXPECT_EQ(Topics().find("mqtt"), nullptr);
  EXPECT_EQ(start({{"mqtt", 1}}).find("mqt"), nullptr);
}

TEST_F(TopicsTest, TopicsAndPartitionsOutliveTheProcess) {
  const Topics::Map made = start({{"mqtt", 1}, {"temps", 3}}).all();
  EXPECT_EQ(made.at("temps").size(), 3U);
  EXPECT_EQ(start({}).all(), made);
}

TEST_F(TopicsTest, ATopicIsFoundByItsFirstPartitionAlsoAfterARestart) {
  const PartitionId first = start({{"mqtt", 1}, {"temps", 3}}).find("temps")->front();
  Topics again = start({});
  ASSERT_NE(again.that_begins_at(first), nullptr);
  EXPECT_EQ(*again.that_begins_at(first), "temps");
  EXPECT_EQ(again.that_begins_at(PartitionId(first.value + 1)), nullptr);
  log::Group group;
  again.erase("temps", group);
  EXPECT_EQ(again.that_begins_at(first), nullptr);
}

TEST_F(TopicsTest, PartitionsOnlyGrow) {
  const auto first = start({{"temps", 3}}).all().at("temps");
  EXPECT_EQ(start({{"temps", 1}}).all().at("temps"), first);
  const auto grown = start({{"temps", 5}}).all().at("temps");
  ASSERT_EQ(grown.size(), 5U);
  EXPECT_TRUE(std::equal(first.begin(), first.end(), grown.begin()));
}

TEST_F(TopicsTest, NoPartitionIdIsGivenTwice) {
  start({{"a", 2}});
  start({{"b", 3}});
  const Topics topics = start({{"a", 4}, {"c", 1}});
  std::set<PartitionId> ids;
  std::size_t partitions = 0;
  for (const auto& [name, of_topic] : topics.all()) {
    ids.insert(of_topic.begin(), of_topic.end());
    partitions += of_topic.size();
  }
  EXPECT_EQ(partitions, 8U);
  EXPECT_EQ(ids.size(), partitions);
}

TEST_F(TopicsTest, NothingIsWrittenWhenNothingIsMissing) {
  Topics topics = start({{"mqtt", 2}});
  log::Group group;
  topics.ensure({{"mqtt", 2}}, group);
  EXPECT_TRUE(group.empty());
}

TEST_F(TopicsTest, AConfigurationOutlivesTheProcessAndTheFileSetsOnlyWhatItNames) {
  TopicConfig set_by_client;
  ASSERT_FALSE(set_by_client.set("retention.ms", "1000"));
  ASSERT_FALSE(set_by_client.set("max.message.bytes", "2000"));
  start({{"temps", 2, set_by_client}});
  Topics topics = start({});
  EXPECT_EQ(topics.config("temps"), set_by_client);
  EXPECT_TRUE(topics.config("nothing").values().empty());
  TopicConfig of_file;
  ASSERT_FALSE(of_file.set("retention.ms", "5000"));
  start({{"temps", 1, of_file}});
  topics = start({});
  EXPECT_EQ(topics.config("temps").values().at("retention.ms"), "5000");
  EXPECT_EQ(topics.config("temps").values().at("max.message.bytes"), "2000");
}

TEST_F(TopicsTest, AConfigurationThatIsNoMoreHasNoRow) {
  TopicConfig config;
  ASSERT_FALSE(config.set("retention.ms", "1000"));
  Topics topics = start({{"temps", 1, config}});
  EXPECT_EQ(fixture_.state("tc/").size(), 1U);
  log::Group group;
  topics.set_config("temps", {}, group);
  EXPECT_EQ(fixture_.log().commit(group), Errc::ok);
  EXPECT_TRUE(fixture_.state("tc/").empty());
}

TEST_F(TopicsTest, ADeletedTopicLeavesNothingAndItsNameBeginsAnew) {
  TopicConfig config;
  ASSERT_FALSE(config.set("retention.ms", "1000"));
  Topics topics = start({{"temps", 2, config}});
  const auto before = *topics.find("temps");
  log::Group group;
  topics.erase("temps", group);
  EXPECT_EQ(topics.find("temps"), nullptr);
  topics.ensure({{"temps", 1}}, group);  // in the same commit
  EXPECT_EQ(fixture_.log().commit(group), Errc::ok);
  for (const PartitionId id : before) EXPECT_TRUE(fixture_.log().trims()->gone(id));
  topics = start({});
  ASSERT_NE(topics.find("temps"), nullptr);
  EXPECT_EQ(topics.find("temps")->size(), 1U);
  EXPECT_GT(topics.find("temps")->front(), before.back());
  EXPECT_TRUE(topics.config("temps").values().empty());
  EXPECT_TRUE(fixture_.state("tc/").empty());
}

TEST_F(TopicsTest, WhatTheFileNamesIsConfiguredUntilItDoesSoNoMore) {
  Topics topics = start({});
  log::Group group;
  topics.configure({{"temps", 1}, {"mqtt", 1}}, group);
  topics.ensure({{"other", 1}}, group);
  EXPECT_TRUE(topics.configured("temps"));
  EXPECT_FALSE(topics.configured("other"));
  topics.configure({}, group);
  EXPECT_FALSE(topics.configured("temps"));
  EXPECT_TRUE(topics.configured(kDefaultTopic));
  EXPECT_NE(topics.find("temps"), nullptr);
}

TEST_F(TopicsTest, ADamagedRowIsReported) {
  start({{"mqtt", 1}});
  ASSERT_EQ(fixture_.put_state("t/mqtt", "\x05"), Errc::ok);
  Topics topics;
  const auto loaded = topics.load(fixture_.reopen());
  ASSERT_FALSE(loaded);
  EXPECT_EQ(errc_of(loaded.error()), Errc::damaged);
}

}  // namespace
}  // namespace runnel::core
