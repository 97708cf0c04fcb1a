#include "hub/broker/session_row.h"

#include <gtest/gtest.h>

#include "hub/broker/broker.h"
#include "tests/support/log_fixture.h"

namespace runnel::broker {
namespace {

class SessionRowTest : public ::testing::Test, private BlockReader {
 protected:
  SessionRowTest()
      : routes_({}, topics_),
        broker_(
            fixture_.open(), {}, &routes_,
            replicas_, static_cast<BlockReader&>(*this), fixture_.clock.now()
        ) {}

  [[nodiscard]] Session session() { return {broker_, "sensor", 1}; }

  static bool decode_flow(ByteView row, Session& session, SessionRow::Flow& flow) {
    return SessionRow::decode_flow(row, session, retained, flow);
  }

  static StoredPtr retained(ByteView topic) {
    if (topic != "kept") return nullptr;
    Message m;
    m.topic = "kept";
    m.payload = "x";
    m.qos = mqtt::QoS::exactly_once;
    return StoredMessage::make(m, 0);
  }

 private:
  void read(Position) override {}

  void seek(const Seek&) override {}

  [[nodiscard]] Position first() const override { return Position(0); }

  [[nodiscard]] Position skip_damaged(Position p) const override { return Position(p.value + 1); }

  test::LogFixture fixture_;
  core::Topics topics_;
  core::Routes routes_;
  core::Replicas replicas_;

 protected:
  Broker broker_;
};

Bytes static_row() {
  Message will;
  will.topic = "gone";
  will.payload = "bye";
  Bytes row;
  ByteWriter w(row);
  w.u8(1);
  w.counted("sensor");
  w.le32(3600);
  w.le64(123'456);
  w.varint(2);
  w.counted("plant/+/temp");
  w.u8(2 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 6);  // QoS 2, no local, as published, send if new, due
  w.u8(1);
  w.le32(77);
  w.le64(1000);
  w.counted("$share/g/#");
  w.u8(1 | 2 << 4);
  w.u8(0);
  w.le32(0);
  w.le64(2000);
  w.u8(1);
  w.le32(30);
  w.counted(StoredMessage::make(will, 9)->row());
  return row;
}

Bytes flow_row() {
  Bytes row;
  ByteWriter w(row);
  w.u8(1);
  w.counted("sensor");
  w.le64(0);
  w.u8(1);
  w.le16(900);
  w.varint(3);
  const auto entry =
      [&w](
          mqtt::PacketId id, int qos, int state, std::uint64_t at, ByteView topic, ByteView group
      ) {
        w.le16(id);
        w.u8(static_cast<std::uint8_t>(qos));
        w.u8(static_cast<std::uint8_t>(state));
        w.le64(at);
        w.counted(topic);
        w.counted(group);
      };
  entry(7, 1, 1, 500, "", "g/#");
  entry(8, 2, 3, 501, "", "");
  entry(9, 2, 1, 0, "kept", "");
  w.varint(2);
  w.le16(40);
  w.le16(41);
  return row;
}

TEST_F(SessionRowTest, BothKindsBeginWithTheClientId) {
  EXPECT_EQ(SessionRow::client_id(static_row()), "sensor");
  EXPECT_EQ(SessionRow::client_id(flow_row()), "sensor");
  EXPECT_EQ(SessionRow::client_id(""), "");
  EXPECT_EQ(SessionRow::client_id("\x02\x06sensor"), "");
}

TEST_F(SessionRowTest, WhatTheClientAskedForSurvives) {
  Session s = session();
  ASSERT_TRUE(SessionRow::decode_static(static_row(), s));
  EXPECT_EQ(s.expiry_s(), 3600U);
  EXPECT_EQ(s.ends_at_hub_ms(), 123'456 + 3'600'000);
  ASSERT_EQ(s.subscriptions().size(), 2U);
  const Subscription& first = s.subscriptions()[0];
  EXPECT_EQ(first.filter, "plant/+/temp");
  EXPECT_EQ(first.qos, mqtt::QoS::exactly_once);
  EXPECT_TRUE(first.no_local && first.retain_as_published && first.retained_due);
  EXPECT_EQ(first.retain_handling, 1);
  EXPECT_EQ(first.id, 77U);
  EXPECT_EQ(first.since, Position(1000));
  EXPECT_EQ(s.subscriptions()[1].topic_filter(), "#");
  EXPECT_NE(s.subscriptions()[0].which, s.subscriptions()[1].which);
  EXPECT_TRUE(s.has_will());
  EXPECT_EQ(s.will_delay_s(), 30U);
  EXPECT_EQ(SessionRow::encode_static(s), static_row());
}

TEST_F(SessionRowTest, WhatIsUnderWaySurvives) {
  Session s = session();
  SessionRow::Flow flow;
  ASSERT_TRUE(decode_flow(flow_row(), s, flow));
  EXPECT_TRUE(flow.tailing);
  EXPECT_EQ(s.in_flight(), 3U);
  EXPECT_TRUE(s.holds(40) && s.holds(41));
  EXPECT_FALSE(s.holds(7));
  EXPECT_EQ(SessionRow::encode_flow(s, Position(0)), flow_row());
}

TEST_F(SessionRowTest, AReplaySurvives) {
  Bytes row = static_row();
  ByteWriter w(row);
  w.varint(1);
  w.varint(0);
  w.le64(30);
  Bytes flowing = flow_row();
  const std::size_t qos = flowing.find("\x07\x00\x01", 0, 3) + 2;
  flowing[qos] = 1 | 1 << 2;  // it went out in the replay
  ByteWriter f(flowing);
  f.u8(1);
  f.le64(77);
  Session s = session();
  SessionRow::Flow flow;
  ASSERT_TRUE(SessionRow::decode_static(row, s));
  ASSERT_TRUE(decode_flow(flowing, s, flow));
  EXPECT_EQ(s.subscriptions()[0].replay_from, Position(30));
  EXPECT_EQ(s.subscriptions()[1].replay_from, std::nullopt);
  EXPECT_TRUE(s.replaying());
  EXPECT_EQ(flow.replay, Position(77));
  EXPECT_EQ(SessionRow::encode_static(s), row);
  // Its cursor is the feed's to set, which is the broker's work.
  EXPECT_EQ(SessionRow::encode_flow(s, Position(0)).substr(0, flow_row().size()), flowing.substr(0, flow_row().size()));
}

TEST_F(SessionRowTest, ARowFromBeforeReplaysHasNone) {
  Session s = session();
  SessionRow::Flow flow;
  ASSERT_TRUE(SessionRow::decode_static(static_row(), s));
  ASSERT_TRUE(decode_flow(flow_row(), s, flow));
  EXPECT_FALSE(s.replaying());
  EXPECT_EQ(s.subscriptions()[0].replay_from, std::nullopt);
}

TEST_F(SessionRowTest, ARetainedMessageThatIsGoneIsNotSentAgain) {
  Bytes row = flow_row();
  row.replace(row.find("kept"), 4, "lost");
  Session s = session();
  SessionRow::Flow flow;
  ASSERT_TRUE(decode_flow(row, s, flow));
  EXPECT_EQ(s.in_flight(), 2U);
}

TEST_F(SessionRowTest, EveryTruncationIsReportedAndKeepsWhatWasRead) {
  const Bytes whole = static_row();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    Session s = session();
    EXPECT_FALSE(SessionRow::decode_static(Bytes(whole.substr(0, size)), s)) << size;
    EXPECT_LE(s.subscriptions().size(), 2U);
    for (const Subscription& sub : s.subscriptions()) EXPECT_FALSE(sub.filter.empty()) << size;
  }
  const Bytes flowing = flow_row();
  for (std::size_t size = 0; size < flowing.size(); ++size) {
    Session s = session();
    SessionRow::Flow flow;
    EXPECT_FALSE(decode_flow(Bytes(flowing.substr(0, size)), s, flow)) << size;
    EXPECT_LE(s.in_flight(), 3U);
  }
}

TEST_F(SessionRowTest, DamagedBytesNeverHurt) {
  test::Random random;
  std::size_t sound = 0;
  for (int i = 0; i < 3000; ++i) {
    Bytes row = random.one_in(2) ? static_row() : flow_row();
    for (int n = 0; n < 3; ++n) row[random.between(0, row.size() - 1)] = random.bytes(1)[0];
    Session s = session();
    SessionRow::Flow flow;
    sound += SessionRow::decode_static(row, s) ? 1 : 0;
    Session t = session();
    sound += decode_flow(row, t, flow) ? 1 : 0;
    SessionRow::encode_static(s);
    SessionRow::encode_flow(t, Position(0));
  }
  EXPECT_GT(sound, 0U);
}

}  // namespace
}  // namespace runnel::broker
