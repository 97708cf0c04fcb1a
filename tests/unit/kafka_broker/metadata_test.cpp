#include <gmock/gmock.h>

#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

MetadataRequest named(std::initializer_list<Text> names, bool create = true) {
  MetadataRequest request;
  request.topics.emplace();
  for (const Text name : names) request.topics->push_back({{}, name});
  request.allow_auto_topic_creation = create;
  return request;
}

std::vector<std::string> names(const MetadataResponse& answer) {
  std::vector<std::string> out;
  for (const auto& topic : answer.topics) out.emplace_back(topic.name.value_or("null"));
  return out;
}

struct KafkaMetadata : ::testing::Test {
  MetadataResponse ask(const MetadataRequest& request, Version v = MetadataRequest::kApi.max) {
    return peer.ask<MetadataResponse>(request, v);
  }

  KafkaHub hub;
  Peer peer{hub};
};

TEST_F(KafkaMetadata, OfAllTopicsIsAskedForByNull) {
  peer.create("a", 2);
  peer.create("b");
  for (Version v = 1; v <= MetadataRequest::kApi.max; ++v) {
    const auto answer = ask(MetadataRequest{}, v);
    EXPECT_THAT(names(answer), ElementsAre("a", "b"));
    EXPECT_EQ(answer.topics[0].partitions.size(), 2U);
  }
}

TEST_F(KafkaMetadata, OfNoTopicsIsAskedForByAnEmptyListButInVersion0ThatMeansAll) {
  peer.create("a");
  for (Version v = 1; v <= MetadataRequest::kApi.max; ++v) {
    EXPECT_THAT(names(ask(named({}), v)), IsEmpty());
  }
  EXPECT_THAT(names(ask(named({}), 0)), ElementsAre("a"));
}

TEST_F(KafkaMetadata, NamesTheHubAsTheOnlyBrokerAtTheAddressThatTheClientUsed) {
  const auto answer = ask(MetadataRequest{});
  ASSERT_EQ(answer.brokers.size(), 1U);
  EXPECT_EQ(answer.brokers[0].host, "10.0.0.1");
  EXPECT_EQ(answer.brokers[0].port, 9092);
  EXPECT_EQ(answer.brokers[0].node_id, 0);
  EXPECT_EQ(answer.controller_id, 0);
  EXPECT_EQ(answer.cluster_id.value_or("").size(), 22U);
}

TEST_F(KafkaMetadata, NamesTheAddressThatIsAdvertised) {
  hub.limits.advertised = {"gateway.example", 19092};
  hub.broker().set_limits(hub.limits);
  const auto answer = ask(MetadataRequest{});
  EXPECT_EQ(answer.brokers.at(0).host, "gateway.example");
  EXPECT_EQ(answer.brokers.at(0).port, 19092);
  const auto found = peer.ask<FindCoordinatorResponse>(FindCoordinatorRequest{"g", {}, {}}, 2);
  EXPECT_EQ(found.host, "gateway.example");
  EXPECT_EQ(found.port, 19092);
  hub.limits.advertised = {"gateway.example", 0};
  hub.broker().set_limits(hub.limits);
  EXPECT_EQ(ask(MetadataRequest{}).brokers.at(0).port, 9092);
}

TEST_F(KafkaMetadata, ClusterAndTopicIdsOutliveARestart) {
  peer.create("a");
  peer.create("b");
  const auto before = ask(MetadataRequest{});
  EXPECT_FALSE(before.topics.at(0).id == before.topics.at(1).id);
  EXPECT_FALSE(before.topics.at(0).id == Uuid{});
  const std::string cluster(before.cluster_id.value());
  hub.restart();
  Peer back(hub);
  const auto after = back.ask<MetadataResponse>(MetadataRequest{});
  EXPECT_EQ(after.cluster_id, cluster);
  EXPECT_EQ(after.topics.at(0).id, before.topics.at(0).id);
}

TEST_F(KafkaMetadata, ATopicMayBeAskedForByItsId) {
  peer.create("a");
  MetadataRequest request;
  const Uuid id = ask(MetadataRequest{}).topics.at(0).id;
  request.topics.emplace();
  request.topics->push_back({id, std::nullopt});
  request.topics->push_back({Uuid{{1, 2, 3}}, std::nullopt});
  const auto answer = ask(request);
  ASSERT_EQ(answer.topics.size(), 2U);
  EXPECT_EQ(answer.topics[0].name, "a");
  EXPECT_EQ(answer.topics[0].error_code, ErrorCode::none);
  EXPECT_EQ(answer.topics[1].error_code, ErrorCode::unknown_topic_id);
  EXPECT_EQ(answer.topics[1].name, std::nullopt);
}

TEST_F(KafkaMetadata, EveryPartitionIsLedByTheHub) {
  peer.create("a", 3);
  const auto topic = ask(named({"a"})).topics.at(0);
  ASSERT_EQ(topic.partitions.size(), 3U);
  for (std::int32_t i = 0; i < 3; ++i) {
    const auto& p = topic.partitions[static_cast<std::size_t>(i)];
    EXPECT_EQ(p.index, i);
    EXPECT_EQ(p.leader_id, 0);
    EXPECT_EQ(p.leader_epoch, 0);
    EXPECT_THAT(p.replica_nodes, ElementsAre(0));
    EXPECT_THAT(p.isr_nodes, ElementsAre(0));
  }
}

TEST_F(KafkaMetadata, ATopicThatIsAskedForIsMadeAndToldWhenItLasts) {
  hub.limits.default_partitions = 4;
  hub.broker().set_limits(hub.limits);
  peer.send(named({"new"}), 4);
  EXPECT_FALSE(peer.answered());
  hub.run();
  const auto made = peer.take<MetadataResponse>().topics.at(0);
  EXPECT_EQ(made.error_code, ErrorCode::none);
  EXPECT_EQ(made.partitions.size(), 4U);
  EXPECT_EQ(peer.produce(batch_of({"a"}), {"new", 3}).error_code, ErrorCode::none);
  hub.restart();
  Peer back(hub);
  EXPECT_THAT(names(back.ask<MetadataResponse>(MetadataRequest{})), ElementsAre("new"));
}

TEST_F(KafkaMetadata, VersionsBelow4AlwaysCreate) {
  for (Version v = 0; v < 4; ++v) {
    const std::string name = "new" + std::to_string(v);
    EXPECT_EQ(ask(named({name}, false), v).topics.at(0).error_code, ErrorCode::none);
  }
}

TEST_F(KafkaMetadata, NothingIsMadeWhenClientOrHubDoNotWantIt) {
  EXPECT_EQ(
      ask(named({"new"}, false)).topics.at(0).error_code, ErrorCode::unknown_topic_or_partition
  );
  hub.limits.auto_create_topics = false;
  hub.broker().set_limits(hub.limits);
  EXPECT_EQ(ask(named({"new"})).topics.at(0).error_code, ErrorCode::unknown_topic_or_partition);
  EXPECT_THAT(names(ask(MetadataRequest{})), IsEmpty());
}

TEST_F(KafkaMetadata, NamesThatNoTopicMayHaveAreInvalid) {
  const std::string long_name(250, 'x');
  for (const Text name :
       {Text(""),
        Text("."),
        Text(".."),
        Text("a/b"),
        Text("a b"),
        Text("\xc3\xa4"),
        Text(long_name)}) {
    const auto topic = ask(named({name})).topics.at(0);
    EXPECT_EQ(topic.error_code, ErrorCode::invalid_topic_exception) << name;
    EXPECT_EQ(topic.name, name);
  }
  EXPECT_EQ(ask(named({Text(long_name).substr(1)})).topics.at(0).error_code, ErrorCode::none);
  EXPECT_EQ(ask(named({"a.B_c-9"})).topics.at(0).error_code, ErrorCode::none);
}

TEST_F(KafkaMetadata, ATopicIsDescribedOnceHoweverOftenItIsNamed) {
  peer.create("a", 256);
  MetadataRequest request;
  request.topics.emplace(50'000, MetadataRequest::Topic{{}, "a"});
  EXPECT_THAT(names(ask(request)), ElementsAre("a"));
}

TEST_F(KafkaMetadata, TopicsHaveALimit) {
  hub.limits.topics_max = 2;
  hub.broker().set_limits(hub.limits);
  const auto answer = ask(named({"a", "b", "c"}));
  EXPECT_EQ(answer.topics.at(1).error_code, ErrorCode::none);
  EXPECT_EQ(answer.topics.at(2).error_code, ErrorCode::unknown_topic_or_partition);
}

TEST_F(KafkaMetadata, TheClusterIsDescribedAlike) {
  const auto answer = peer.ask<DescribeClusterResponse>(DescribeClusterRequest{});
  EXPECT_EQ(answer.cluster_id, ask(MetadataRequest{}).cluster_id);
  EXPECT_EQ(answer.controller_id, 0);
  EXPECT_EQ(answer.brokers.at(0).host, "10.0.0.1");
}

TEST_F(KafkaMetadata, TheHubIsTheCoordinatorOfEveryGroup) {
  for (Version v = 0; v < 4; ++v) {
    const auto found = peer.ask<FindCoordinatorResponse>(FindCoordinatorRequest{"g", {}, {}}, v);
    EXPECT_EQ(found.error_code, ErrorCode::none);
    EXPECT_EQ(found.node_id, 0);
    EXPECT_EQ(found.host, "10.0.0.1");
    EXPECT_EQ(found.port, 9092);
  }
  FindCoordinatorRequest several;
  several.coordinator_keys = {"g", "h"};
  for (Version v = 4; v <= FindCoordinatorRequest::kApi.max; ++v) {
    const auto found = peer.ask<FindCoordinatorResponse>(several, v);
    ASSERT_EQ(found.coordinators.size(), 2U);
    EXPECT_EQ(found.coordinators[1].key, "h");
    EXPECT_EQ(found.coordinators[1].error_code, ErrorCode::none);
    EXPECT_EQ(found.coordinators[1].port, 9092);
  }
}

}  // namespace
}  // namespace runnel::kafka::test
