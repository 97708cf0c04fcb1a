// Replay: what a client asks for when it subscribes, and what comes then, and in which order.
#include "hub/broker/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/base/logger.h"
#include "tests/support/temp_dir.h"
#include "tests/unit/broker/peer.h"

namespace runnel::broker {
namespace {

using mqtt::PacketType;
using mqtt::QoS;
using simulation::Hub;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

using Kind = ReplayFrom::Kind;

// --- the words ---

ReplayAsked asked(std::string_view from) {
  return ReplayAsked::of({{"hub.from", from}});
}

std::string understood(std::string_view from) {
  const ReplayAsked a = asked(from);
  return a.from ? text_of(*a.from) : "wrong";
}

TEST(ReplayAsked, NothingWithoutTheProperty) {
  const ReplayAsked a = ReplayAsked::of({{"mine", "x"}, {"hub", "y"}});
  EXPECT_FALSE(a.from.has_value());
  EXPECT_EQ(a.wrong, "");
}

TEST(ReplayAsked, UnderstandsEveryForm) {
  EXPECT_EQ(asked("earliest").from->kind, Kind::earliest);
  EXPECT_EQ(asked("1795351587638").from->time_ms, 1795351587638);
  EXPECT_EQ(asked("0").from->time_ms, 0);
  const ReplayFrom offset = *asked("plant.temps-1/12:345").from;
  EXPECT_EQ(offset.kind, Kind::offset);
  EXPECT_EQ(offset.topic, "plant.temps-1");
  EXPECT_EQ(offset.partition, 12U);
  EXPECT_EQ(offset.offset, Offset(345));
  EXPECT_EQ(asked("position:77").from->position, Position(77));
}

TEST(ReplayAsked, UnderstandsRfc3339) {
  EXPECT_EQ(asked("1970-01-01T00:00:00Z").from->time_ms, 0);
  EXPECT_EQ(asked("2026-11-22T17:30:05Z").from->time_ms, 1795368605000);
  EXPECT_EQ(asked("2026-11-22T17:30:05.25Z").from->time_ms, 1795368605250);
  EXPECT_EQ(asked("2026-11-22t18:00:05.123456789+00:30").from->time_ms, 1795368605123);
  EXPECT_EQ(asked("2026-11-22 12:30:05-05:00").from->time_ms, 1795368605000);
  EXPECT_EQ(asked("2024-02-29T00:00:00Z").from->time_ms, 1709164800000);
}

TEST(ReplayAsked, SaysBackWhatItUnderstood) {
  EXPECT_EQ(understood("2026-11-22T18:00:05.1+00:30"), "2026-11-22T17:30:05.100Z");
  EXPECT_EQ(understood("1795368605123"), "2026-11-22T17:30:05.123Z");
  EXPECT_EQ(understood("9223372036854775807"), "9223372036854775807");
  for (const char* same : {"earliest", "mqtt/0:1234", "position:5"})
    EXPECT_EQ(understood(same), same);
}

TEST(ReplayAsked, RefusesEverythingElse) {
  for (const char* bad :
       {"",
        "Earliest",
        "latest",
        "-1",
        "1.5",
        "99999999999999999999",
        "2026-11-22",
        "2026-11-22T17:30:05",
        "2026-13-22T17:30:05Z",
        "2026-02-30T00:00:00Z",
        "2026-11-22T25:30:05Z",
        "2026-11-22T17:30:05.Z",
        "2026-11-22T17:30:05+1:00",
        "2026-11-22T17:30:05Zx",
        "mqtt:5",
        "mqtt/0",
        "mqtt/0:",
        "mqtt/:5",
        "/0:5",
        "mqtt/0:-5",
        "mqtt/-1:5",
        "mqtt/0:5x",
        "position:",
        "position:-1",
        "position:x"}) {
    EXPECT_FALSE(asked(bad).from.has_value()) << bad;
    EXPECT_THAT(asked(bad).wrong, HasSubstr(bad));
  }
}

TEST(ReplayAsked, RefusesASlipOfThePen) {
  EXPECT_THAT(ReplayAsked::of({{"hub.form", "earliest"}}).wrong, HasSubstr("hub.form"));
  EXPECT_THAT(
      ReplayAsked::of({{"hub.from", "earliest"}, {"hub.from", "0"}}).wrong, HasSubstr("twice")
  );
}

TEST(ReplayAsked, QuotesNoMoreThanNeededAndNoHalfCharacter) {
  std::string from;
  while (from.size() < 60'000) from += "\u20ac";
  const std::string wrong = asked(from).wrong;
  EXPECT_LT(wrong.size(), 300U);
  EXPECT_TRUE(mqtt::valid_utf8(wrong));
}

// --- what comes ---

class ReplayTest : public ::testing::Test {
 protected:
  ReplayTest() {
    logger::set_level(logger::Level::error);
    options_.log.dir = dir_.path() / "data";
    options_.log.generation_bytes = 512 << 10;
    options_.log.limit_bytes = 3 << 20;
    options_.limits.sys_interval = std::chrono::seconds(0);
    hub_.emplace(options_, ledger_);
    sensor_.emplace(*hub_, "sensor");
    sensor_->says().clean_start = true;
    sensor_->says().session_expiry_s = 0;
    sensor_->connect();
  }

  void rest() {
    bool any = true;
    while (any) {
      any = hub_->commit();
      any = hub_->settle() || any;
      any = hub_->read() || any;
      any = hub_->run() || any;
    }
  }

  void publish(
      const std::string& name,
      const std::string& topic = "a",
      QoS qos = QoS::at_least_once,
      std::size_t padding = 0
  ) {
    simulation::Sent sent;
    sent.id = name;
    sent.publisher = "sensor";
    sent.topic = topic;
    sent.qos = qos;
    sent.number = ++published_;
    const std::string payload = ledger_.publish(sent, padding);
    sensor_->publish(topic, qos, payload, static_cast<mqtt::PacketId>(published_));
    rest();
    sensor_->acknowledge(PacketType::pubrel, static_cast<mqtt::PacketId>(published_));
    rest();
  }

  Peer& connected(Peer& peer) {
    peer.connect();
    rest();
    peer.take();
    return peer;
  }

  void subscribe(Peer& peer, std::string_view filter, QoS qos, std::string_view from) {
    peer.subscribe(filter, qos, {{"hub.from", from}});
    rest();
  }

  // All PUBLISH packets, each acknowledged (QoS 1) as it comes.
  Peer::Words all_of(Peer& peer) {
    Peer::Words out;
    for (;;) {
      const Peer::Words words = peer.take();
      if (words.empty()) return out;
      for (const std::string& word : words) {
        if (!word.starts_with("PUBLISH ")) continue;
        out.push_back(word.substr(word.find('q')));
        const int id = std::stoi(word.substr(8));
        if (id != 0) peer.acknowledge(PacketType::puback, static_cast<mqtt::PacketId>(id));
      }
      rest();
    }
  }

  void crash() {
    hub_->crash();
    sensor_->connect();
    rest();
  }

  test::TempDir dir_;
  simulation::HubOptions options_;
  simulation::Ledger ledger_;
  std::optional<Hub> hub_;
  std::optional<Peer> sensor_;
  std::uint64_t published_ = 0;
};

TEST_F(ReplayTest, ThePastComesFirstAndIsMarkedAndLiveFollows) {
  for (const char* name : {"1", "2", "3"}) publish(name);
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1 @mqtt/0:0", "q1 2 @mqtt/0:1", "q1 3 @mqtt/0:2"));
  EXPECT_EQ(peer.suback, "1 hub.from=earliest hub.position=0 hub.live=3");
  publish("4");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 4"));
  EXPECT_EQ(hub_->broker().counters().replays, 1U);
}

TEST_F(ReplayTest, APastThatWasDeletedEndsTooAndLiveFollows) {
  for (const char* name : {"1", "2", "3"}) publish(name);
  hub_->trim(PartitionId(0), Offset(3));
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  EXPECT_THAT(all_of(peer), IsEmpty());
  publish("4");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 4"));
}

TEST_F(ReplayTest, EveryQosAndASessionThatDoesNotLast) {
  publish("1", "a", QoS::at_most_once);
  publish("2", "a", QoS::at_least_once);
  publish("3", "a", QoS::exactly_once);
  std::size_t live = 0;  // of the subscriptions before
  for (const QoS qos : {QoS::at_most_once, QoS::at_least_once, QoS::exactly_once}) {
    Peer peer(*hub_, "peer" + std::to_string(static_cast<int>(qos)));
    peer.says().clean_start = true;
    peer.says().session_expiry_s = 0;
    subscribe(connected(peer), "a", qos, "earliest");
    const Peer::Words words = all_of(peer);
    ASSERT_EQ(words.size(), 3 + live++);
    for (int i = 0; i < 3; ++i) {
      const int granted = std::min(i, static_cast<int>(qos));
      EXPECT_THAT(words[static_cast<std::size_t>(i)], StartsWith("q" + std::to_string(granted)));
    }
    publish("live" + std::to_string(static_cast<int>(qos)), "a", QoS::at_most_once);
    EXPECT_THAT(all_of(peer), ElementsAre("q0 live" + std::to_string(static_cast<int>(qos))));
  }
}

TEST_F(ReplayTest, FromAnOffsetAPositionOrATime) {
  hub_->clock().advance(std::chrono::seconds(10));
  publish("1");
  hub_->clock().advance(std::chrono::seconds(10));
  const std::int64_t second = hub_->clock().wall_ms();
  publish("2");
  publish("3", "m/x");  // of another topic
  publish("4");
  const auto from = [&](const std::string& text) {
    Peer peer(*hub_, "peer " + text);
    subscribe(connected(peer), "#", QoS::at_most_once, text);
    return all_of(peer);
  };
  EXPECT_THAT(from("mqtt/0:1"), ElementsAre("q0 2 @mqtt/0:1", "q0 3 @many/0:0", "q0 4 @mqtt/0:2"));
  EXPECT_THAT(from("many/0:0"), ElementsAre("q0 3 @many/0:0", "q0 4 @mqtt/0:2"));
  EXPECT_THAT(from("position:3"), ElementsAre("q0 4 @mqtt/0:2"));
  EXPECT_EQ(from(std::to_string(second)).size(), 3U);
  EXPECT_EQ(from(std::to_string(second + 1)).size(), 0U);
  EXPECT_EQ(from(std::to_string(second - 1)).size(), 3U);
  EXPECT_EQ(from("2000-01-01T00:00:00Z").size(), 4U);
  EXPECT_THAT(from("mqtt/0:3"), IsEmpty());
  EXPECT_THAT(from("position:4"), IsEmpty());
}

TEST_F(ReplayTest, WhatCannotBeHadIsRefusedAndNothingIsLost) {
  publish("1");
  Peer peer(*hub_, "peer");
  connected(peer).subscribe("a", QoS::at_least_once);
  rest();
  peer.take();
  for (const char* bad : {"yesterday", "mqtt/0:9", "mqtt/7:0", "other/0:0", "position:9"}) {
    subscribe(peer, "a", QoS::at_most_once, bad);
    EXPECT_THAT(peer.take(), ElementsAre("SUBACK")) << bad;
    EXPECT_THAT(peer.suback, StartsWith("131 'hub.from: ")) << bad;
    EXPECT_THAT(peer.suback, HasSubstr(bad));
  }
  publish("2");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 2"));
}

TEST_F(ReplayTest, SharedSubscriptionsHaveNoPast) {
  publish("1");
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "$share/g/a", QoS::at_least_once, "earliest");
  EXPECT_THAT(peer.take(), ElementsAre("SUBACK"));
  EXPECT_EQ(peer.suback, "131 'hub.from: a shared subscription has no past of its own'");
}

TEST_F(ReplayTest, AClientThatWantsNoExplanationsGetsNone) {
  Peer peer(*hub_, "peer");
  peer.says().request_problem_information = false;
  subscribe(connected(peer), "a", QoS::at_least_once, "yesterday");
  peer.take();
  EXPECT_EQ(peer.suback, "131");
  subscribe(peer, "a", QoS::at_least_once, "earliest");
  peer.take();
  EXPECT_EQ(peer.suback, "1");
}

TEST_F(ReplayTest, NothingNewOvertakesThePast) {
  options_.limits.inflight_max = 2;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (int i = 1; i <= 5; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  connected(peer).subscribe("b", QoS::at_least_once);
  rest();
  subscribe(peer, "a", QoS::at_least_once, "earliest");
  publish("6");
  publish("7", "b");
  EXPECT_THAT(
      all_of(peer),
      ElementsAre(
          "q1 1 @mqtt/0:0",
          "q1 2 @mqtt/0:1",
          "q1 3 @mqtt/0:2",
          "q1 4 @mqtt/0:3",
          "q1 5 @mqtt/0:4",
          "q1 6",
          "q1 7"
      )
  );
}

TEST_F(ReplayTest, OtherSubscriptionsAreNotRepeatedAndOtherSessionsDoNotWait) {
  publish("1");
  Peer peer(*hub_, "peer");
  Peer other(*hub_, "other");
  connected(peer).subscribe("b", QoS::at_least_once);
  connected(other).subscribe("#", QoS::at_least_once);
  rest();
  publish("2", "b");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 2"));
  EXPECT_THAT(all_of(other), ElementsAre("q1 2"));
  subscribe(peer, "a", QoS::at_least_once, "earliest");
  publish("3");
  EXPECT_THAT(all_of(other), ElementsAre("q1 3"));
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1 @mqtt/0:0", "q1 3"));
}

TEST_F(ReplayTest, ASubscriptionThatIsThereMayBeginAnew) {
  publish("1");
  Peer peer(*hub_, "peer");
  connected(peer).subscribe("a", QoS::at_least_once);
  rest();
  publish("2");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 2"));
  subscribe(peer, "a", QoS::at_least_once, "earliest");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1 @mqtt/0:0", "q1 2 @mqtt/0:1"));
  subscribe(peer, "a", QoS::at_least_once, "mqtt/0:1");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 2 @mqtt/0:1"));
  publish("3");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 3"));
}

TEST_F(ReplayTest, ASecondReplayDoesNotRepeatWhatTheFirstHasBrought) {
  options_.limits.inflight_max = 2;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (const char* name : {"1", "2", "3", "4"}) publish(name, *name % 2 == 0 ? "b" : "a");
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  EXPECT_THAT(
      peer.take(), ElementsAre("SUBACK", "PUBLISH 1 q1 1 @mqtt/0:0", "PUBLISH 2 q1 3 @mqtt/0:2")
  );
  subscribe(peer, "b", QoS::at_least_once, "earliest");
  peer.acknowledge(PacketType::puback, 1);
  peer.acknowledge(PacketType::puback, 2);
  rest();
  EXPECT_THAT(all_of(peer), ElementsAre("q1 2 @mqtt/0:1", "q1 4 @mqtt/0:3"));
}

TEST_F(ReplayTest, GoesOnWhereItWasWhenTheClientComesBack) {
  options_.limits.inflight_max = 2;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (int i = 1; i <= 5; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  peer.take();
  peer.acknowledge(PacketType::puback, 1);
  rest();
  peer.drop();
  publish("6");
  peer.connect();
  rest();
  EXPECT_THAT(
      all_of(peer),
      ElementsAre(
          "q1 dup 2 @mqtt/0:1", "q1 dup 3 @mqtt/0:2", "q1 4 @mqtt/0:3", "q1 5 @mqtt/0:4", "q1 6"
      )
  );
}

TEST_F(ReplayTest, GoesOnAfterACrashOfTheHub) {
  options_.limits.inflight_max = 2;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (int i = 1; i <= 5; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  peer.take();
  peer.acknowledge(PacketType::puback, 1);
  rest();
  hub_->tick(std::chrono::seconds(2));  // progress is written
  rest();
  crash();
  publish("6");
  peer.connect();
  rest();
  EXPECT_THAT(
      all_of(peer),
      ElementsAre(
          "q1 dup 2 @mqtt/0:1", "q1 dup 3 @mqtt/0:2", "q1 4 @mqtt/0:3", "q1 5 @mqtt/0:4", "q1 6"
      )
  );
}

TEST_F(ReplayTest, OfQos0GoesOnAfterACrashOfTheHub) {
  for (int i = 1; i <= 3; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_most_once, "earliest");
  crash();  // the row that the SUBACK waited for is from before the first message went out
  peer.connect();
  rest();
  EXPECT_THAT(all_of(peer), ElementsAre("q0 1 @mqtt/0:0", "q0 2 @mqtt/0:1", "q0 3 @mqtt/0:2"));
}

TEST_F(ReplayTest, EndsWhenItsSubscriptionDoes) {
  options_.limits.inflight_max = 1;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (int i = 1; i <= 3; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  connected(peer).subscribe("b", QoS::at_least_once);
  subscribe(peer, "a", QoS::at_least_once, "earliest");
  peer.unsubscribe("a");
  rest();
  publish("4", "b");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1 @mqtt/0:0", "q1 4"));
}

TEST_F(ReplayTest, CountsWhatRetentionTakesBeforeItIsRead) {
  options_.limits.inflight_max = 1;
  hub_.emplace(options_, ledger_);
  sensor_->connect();
  for (int i = 1; i <= 3; ++i) publish(std::to_string(i));
  Peer peer(*hub_, "peer");
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  for (int i = 0; hub_->log().first().value < 10; ++i) {
    publish("filler" + std::to_string(i), "c", QoS::at_least_once, 50'000);
  }
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1 @mqtt/0:0"));
  EXPECT_GE(hub_->broker().counters().session_gap_records, 2U);
  publish("new");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 new"));
}

TEST_F(ReplayTest, AMessageThatOnlyFitsWithoutItsMarkComesWithoutIt) {
  publish("1", "a", QoS::at_least_once, 40);
  Peer peer(*hub_, "peer");
  peer.says().maximum_packet_bytes = 80;
  subscribe(connected(peer), "a", QoS::at_least_once, "earliest");
  EXPECT_THAT(all_of(peer), ElementsAre("q1 1"));
}

}  // namespace
}  // namespace runnel::broker
