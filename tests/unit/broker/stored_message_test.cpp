#include "hub/broker/stored_message.h"

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace runnel::broker {
namespace {

void expect_equal(const StoredMessage& a, const StoredMessage& b) {
  EXPECT_EQ(a.accepted_hub_ms(), b.accepted_hub_ms());
  EXPECT_EQ(a.message().topic, b.message().topic);
  EXPECT_EQ(a.message().payload, b.message().payload);
  EXPECT_EQ(a.message().client, b.message().client);
  EXPECT_EQ(a.message().qos, b.message().qos);
  EXPECT_EQ(a.message().retain, b.message().retain);
  EXPECT_EQ(a.message().properties, b.message().properties);
}

Message full() {
  Message m;
  m.topic = "plant/1";
  m.payload = "payload";
  m.client = "sensor";
  m.qos = mqtt::QoS::exactly_once;
  m.retain = true;
  m.properties.payload_format = 1;
  m.properties.expiry_s = 60;
  m.properties.content_type = "text/plain";
  m.properties.response_topic = "answers";
  m.properties.correlation_data = "42";
  m.properties.user = {{"a", "1"}, {"a", "2"}};
  return m;
}

TEST(StoredMessage, OwnsWhatItWasMadeFrom) {
  std::string topic = "plant/1";
  Message m = full();
  m.topic = topic;
  const StoredPtr stored = StoredMessage::make(m, 77);
  topic = "another";
  EXPECT_EQ(stored->message().topic, "plant/1");
  EXPECT_EQ(stored->message().properties, full().properties);
  EXPECT_EQ(stored->accepted_hub_ms(), 77);
}

TEST(StoredMessage, SurvivesItsRow) {
  Message least;
  least.topic = "a";
  for (const Message& m : {full(), least}) {
    const StoredPtr stored = StoredMessage::make(m, -5);
    const StoredPtr back = StoredMessage::from_row(stored->row());
    ASSERT_NE(back, nullptr);
    expect_equal(*stored, *back);
  }
}

TEST(StoredMessage, EveryTruncationIsRefused) {
  const StoredPtr stored = StoredMessage::make(full(), 77);
  for (std::size_t size = 0; size < stored->row().size(); ++size) {
    EXPECT_EQ(StoredMessage::from_row(Bytes(stored->row().substr(0, size))), nullptr) << size;
  }
  EXPECT_EQ(StoredMessage::from_row(Bytes(stored->row()) + 'x'), nullptr);
}

TEST(StoredMessage, AnotherVersionOrQosIsRefused) {
  Bytes row(StoredMessage::make(full(), 77)->row());
  row[1] = 3;
  EXPECT_EQ(StoredMessage::from_row(row), nullptr);
  row[1] = 2;
  EXPECT_NE(StoredMessage::from_row(row), nullptr);
  row[0] = 2;
  EXPECT_EQ(StoredMessage::from_row(row), nullptr);
}

TEST(StoredMessage, DamagedRowsGiveAMessageOrNone) {
  test::Random random;
  const Bytes row(StoredMessage::make(full(), 77)->row());
  std::size_t refused = 0;
  for (int i = 0; i < 5000; ++i) {
    Bytes damaged = row;
    for (int n = 0; n < 3; ++n) damaged[random.between(0, row.size() - 1)] = random.bytes(1)[0];
    const StoredPtr back = StoredMessage::from_row(damaged);
    refused += back == nullptr ? 1 : 0;
    if (back == nullptr) continue;
    EXPECT_LE(back->message().topic.size() + back->message().payload.size(), damaged.size());
  }
  EXPECT_GT(refused, 0U);
}

TEST(ExpiryLeft, CountsTheSecondsThatAMessageWaited) {
  mqtt::MessageProperties p;
  EXPECT_EQ(expiry_left(p, 0, 1'000'000), std::nullopt);
  p.expiry_s = 10;
  EXPECT_EQ(expiry_left(p, 5000, 5000), 10U);
  EXPECT_EQ(expiry_left(p, 5000, 5999), 10U);
  EXPECT_EQ(expiry_left(p, 5000, 14'999), 1U);
  EXPECT_EQ(expiry_left(p, 5000, 15'000), 0U);
  EXPECT_EQ(expiry_left(p, 5000, 1'000'000), 0U);
  EXPECT_EQ(expiry_left(p, 5000, 0), 10U) << "hub time never goes back, and if it did";
  p.expiry_s = 0;
  EXPECT_EQ(expiry_left(p, 0, 0), 0U);
}

}  // namespace
}  // namespace runnel::broker
