// What becomes of a session when its client, or the hub, comes back.
#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "hub/core/row_key.h"
#include "storage/base/logger.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/broker/peer.h"

namespace runnel::broker {
namespace {

using mqtt::PacketType;
using mqtt::QoS;
using simulation::Hub;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

class SessionResumeTest : public ::testing::Test {
 protected:
  SessionResumeTest() {
    logger::set_level(logger::Level::error);
    options_.log.dir = dir_.path() / "data";
    options_.log.generation_bytes = 512 << 10;
    options_.log.limit_bytes = 3 << 20;
    options_.limits.sys_interval = std::chrono::seconds(0);
  }

  void start() {
    hub_.emplace(options_, ledger_);
    sensor_.emplace(*hub_, "sensor");
    sensor_->says().clean_start = true;
    sensor_->says().session_expiry_s = 0;
    sensor_->connect();
  }

  // Until there is nothing left to commit or to read.
  void rest() {
    bool any = true;
    while (any) {
      any = hub_->commit();
      any = hub_->settle() || any;
      any = hub_->read() || any;
      any = hub_->run() || any;
    }
  }

  // A crash takes the sensor's connection, too.
  void crash() {
    hub_->crash();
    sensor_->connect();
  }

  void publish(const std::string& name, QoS qos = QoS::at_least_once, std::size_t padding = 0) {
    simulation::Sent sent;
    sent.id = name;
    sent.publisher = "sensor";
    sent.topic = "a";
    sent.qos = qos;
    sent.number = ++published_;
    const std::string payload = ledger_.publish(sent, padding);
    sensor_->publish("a", qos, payload, static_cast<mqtt::PacketId>(published_));
    rest();
    sensor_->acknowledge(PacketType::pubrel, static_cast<mqtt::PacketId>(published_));
    rest();
  }

  void subscribe(Peer& peer, std::string_view filter, QoS qos) {
    peer.connect();
    rest();
    peer.subscribe(filter, qos);
    rest();
    peer.take();
  }

  test::TempDir dir_;
  simulation::HubOptions options_;
  simulation::Ledger ledger_;
  std::optional<Hub> hub_;
  std::optional<Peer> sensor_;
  std::uint64_t published_ = 0;
};

TEST_F(SessionResumeTest, WhatWasUnderWayIsSentAgainWithItsPacketId) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::exactly_once);
  publish("1");
  publish("2", QoS::exactly_once);
  EXPECT_THAT(peer.take(), ElementsAre("PUBLISH 1 q1 1", "PUBLISH 2 q2 2"));
  peer.drop();
  publish("3");
  peer.connect();
  rest();
  EXPECT_THAT(
      peer.take(),
      ElementsAre("CONNACK present", "PUBLISH 1 q1 dup 1", "PUBLISH 2 q2 dup 2", "PUBLISH 3 q1 3")
  );
}

TEST_F(SessionResumeTest, NothingGoesOutBeforeConnack) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::exactly_once);
  publish("1", QoS::exactly_once);
  peer.take();
  peer.publish(
      "b",
      QoS::exactly_once,
      ledger_.publish({"own", "peer", "b", QoS::exactly_once, false, 0, 1}, 0),
      7
  );
  peer.acknowledge(PacketType::pubrec, 1);
  peer.drop();
  peer.connect();  // all of it before the commit
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("CONNACK present", "PUBREL 1"));
}

TEST_F(SessionResumeTest, AConnectionThatWasNotGreetedIsTakenOverWithoutAWord) {
  start();
  Peer first(*hub_, "peer");
  Peer second(*hub_, "peer");
  first.connect();
  second.connect();
  rest();
  EXPECT_THAT(first.take(), IsEmpty());
  EXPECT_TRUE(first.closed());
  EXPECT_THAT(second.take(), ElementsAre("CONNACK present"));
}

TEST_F(SessionResumeTest, GoesOnWhenRetentionTookAllThatWasUnderWay) {
  options_.limits.inflight_max = 3;
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  for (const char* name : {"1", "2", "3"}) publish(name);
  EXPECT_EQ(peer.take().size(), 3U);
  peer.drop();
  for (int i = 0; hub_->log().first().value < 10; ++i)
    publish("filler" + std::to_string(i), QoS::at_least_once, 50'000);
  peer.connect();
  rest();
  publish("new");
  for (int i = 0; i < 1000; ++i) {
    const auto words = peer.take();
    if (std::any_of(words.begin(), words.end(), [](const std::string& w) {
          return w.ends_with(" new");
        }))
      return;
    for (mqtt::PacketId id = 1; id < 300; ++id) peer.acknowledge(PacketType::puback, id);
    rest();
  }
  FAIL() << "the session is stuck";
}

TEST_F(SessionResumeTest, AMessageThatASharedSubscriptionWantedTooIsSentAgainTwice) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  peer.subscribe("$share/g/#", QoS::at_least_once);
  rest();
  publish("1");
  peer.take();
  peer.drop();
  peer.connect();
  rest();
  EXPECT_THAT(
      peer.take(),
      UnorderedElementsAre("CONNACK present", "PUBLISH 1 q1 dup 1", "PUBLISH 2 q1 dup 1")
  );
  publish("2");
  EXPECT_EQ(peer.take().size(), 2U);
}

TEST_F(SessionResumeTest, ASharedSubscriptionIsDurableWithItsSuback) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "$share/g/#", QoS::at_least_once);
  publish("1");
  crash();
  peer.connect();
  rest();
  const auto words = peer.take();
  EXPECT_THAT(words, Contains("PUBLISH 1 q1 1"));
}

TEST_F(SessionResumeTest, ACrashAfterAFullWindowLosesNothing) {
  options_.limits.inflight_max = 1;
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  publish("1");
  hub_->tick(std::chrono::seconds(2));  // the window is full, and written down
  rest();
  publish("2");                         // stops tailing
  hub_->tick(std::chrono::seconds(2));  // the mark moves on
  rest();
  crash();
  peer.connect();
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("CONNACK present", "PUBLISH 1 q1 dup 1"));
  peer.acknowledge(PacketType::puback, 1);
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("PUBLISH 2 q1 2"));
}

TEST_F(SessionResumeTest, APacketIdInUseIsNotGivenAgainAfterARestart) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  for (const char* name : {"1", "2", "3"}) publish(name);
  peer.take();
  peer.acknowledge(PacketType::puback, 1);
  peer.acknowledge(PacketType::puback, 3);
  peer.drop();  // 2 stays in flight
  rest();
  // As after 65,534 further messages, whose ids went round: the last use was of id 1.
  Bytes row;
  Bytes name;
  ASSERT_TRUE(hub_->log().each_state("q/", [&](ByteView n, ByteView value) {
    name = n;
    row = value;
  }));
  const std::size_t last_id_at = 1 + 1 + std::string_view("peer").size() + 8 + 1;
  row[last_id_at] = 1;
  row[last_id_at + 1] = 0;
  hub_->put_state(name, row);
  crash();
  peer.connect();
  rest();
  publish("4");
  const auto words = peer.take();
  EXPECT_THAT(words, Contains("PUBLISH 2 q1 dup 2"));
  EXPECT_THAT(words, Contains("PUBLISH 3 q1 4"));
}

TEST_F(SessionResumeTest, ASessionThatWasToEndWithItsConnectionDoesNotOutliveACrash) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  peer.drop();
  peer.says().session_expiry_s = 0;
  peer.connect();
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("CONNACK present"));
  crash();
  peer.connect();
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("CONNACK"));
}

TEST_F(SessionResumeTest, ATopicAliasDoesNotMakeAPacketLargerThanTheClientTakes) {
  options_.limits.topic_alias_max = 10;
  for (std::uint32_t most = 20; most < 40; ++most) {
    start();
    Peer peer(*hub_, "peer" + std::to_string(most));
    peer.says().topic_alias_maximum = 10;
    peer.says().maximum_packet_bytes = most;
    subscribe(peer, "a", QoS::at_least_once);
    publish("packet-of-some-bytes" + std::to_string(most));
    peer.take();
    for (const std::size_t size : peer.sizes) EXPECT_LE(size, most);
    hub_.reset();
    std::filesystem::remove_all(options_.log.dir);
    ledger_ = {};
    published_ = 0;
  }
}

TEST_F(SessionResumeTest, ASmallerMaximumPacketSizeCountsForWhatWasUnderWay) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "a", QoS::at_least_once);
  publish("1", QoS::at_least_once, 500);
  publish("2");
  EXPECT_EQ(peer.take().size(), 2U);
  peer.drop();
  peer.says().maximum_packet_bytes = 100;
  peer.connect();
  rest();
  EXPECT_THAT(peer.take(), ElementsAre("CONNACK present", "PUBLISH 2 q1 dup 2"));
  publish("3");
  EXPECT_THAT(peer.take(), ElementsAre("PUBLISH 3 q1 3"));
}

// P: a session that is away stores no messages.
TEST_F(SessionResumeTest, TheRowsOfASessionThatIsAwayDoNotGrowWithWhatItIsOwed) {
  start();
  Peer peer(*hub_, "peer");
  subscribe(peer, "#", QoS::exactly_once);
  publish("under way", QoS::exactly_once);
  peer.drop();
  rest();
  const auto rows = [&] { return std::pair(hub_->rows("q/"), hub_->rows("s/")); };
  publish("first");
  hub_->tick(std::chrono::seconds(2));
  rest();
  const auto before = rows();
  for (int i = 0; i < 300; ++i) publish("more" + std::to_string(i), QoS::exactly_once);
  hub_->tick(std::chrono::seconds(2));
  rest();
  EXPECT_EQ(rows(), before);
  EXPECT_EQ(before.first.size(), 1U);
}

}  // namespace
}  // namespace runnel::broker
