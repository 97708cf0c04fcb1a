#include "hub/broker/message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "storage/log/block.h"

namespace runnel::broker {
namespace {

using mqtt::QoS;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

using Headers = std::vector<std::pair<std::string, std::string>>;

Headers headers_of(const Message& message, bool key_is_topic) {
  HeaderList list;
  Headers out;
  for (const log::Header& h : list.of(message, key_is_topic)) out.emplace_back(h.name, h.value);
  return out;
}

// A batch that holds one record.
class Stored {
 public:
  explicit Stored(const log::NewRecord& record) {
    log::BatchBuilder batch;
    batch.append(record);
    batch.seal(Offset(0));
    log::BlockBuilder builder;
    builder.add(PartitionId(0), Offset(0), 1, batch.bytes());
    block_ = *log::Block::make(builder.finish(Position(0), 0, {}, 1), true);
  }

  Stored(std::optional<ByteView> key, const Headers& headers)
      : Stored(record_of(key, headers).record) {}

  [[nodiscard]] log::RecordView view() const { return *block_->record(0); }

 private:
  struct Input {
    std::vector<log::Header> headers;
    log::NewRecord record;
  };

  static Input record_of(std::optional<ByteView> key, const Headers& headers) {
    Input in;
    for (const auto& [name, value] : headers) in.headers.push_back({name, value});
    in.record.key = key;
    in.record.value = "v";
    in.record.headers = in.headers;
    return in;
  }

  log::BlockPtr block_;
};

Message message(std::string_view topic) {
  Message m;
  m.topic = topic;
  m.payload = "21.5";
  return m;
}

// Over a record, and back.
void expect_to_survive(const Message& m, bool key_is_topic) {
  HeaderList list;
  log::NewRecord record;
  record.key = key_is_topic ? m.topic : "another key";
  record.value = m.payload;
  record.headers = list.of(m, key_is_topic);
  const Stored stored(record);
  EXPECT_EQ(topic_of(stored.view()), m.topic);
  Message back;
  ASSERT_TRUE(to_message(stored.view(), back));
  EXPECT_EQ(back.topic, m.topic);
  EXPECT_EQ(back.payload, m.payload);
  EXPECT_EQ(back.client, m.client);
  EXPECT_EQ(back.qos, m.qos);
  EXPECT_EQ(back.retain, m.retain);
  EXPECT_EQ(back.properties, m.properties);
}

TEST(Message, APlainOneHasNoHeaders) {
  EXPECT_THAT(headers_of(message("a"), true), IsEmpty());
  expect_to_survive(message("a"), true);
}

TEST(Message, TheTopicIsAHeaderWhenTheKeyIsAnother) {
  EXPECT_THAT(headers_of(message("a"), false), ElementsAre(Pair("mqtt.topic", "a")));
  expect_to_survive(message("a"), false);
}

TEST(Message, EveryPropertyIsAHeaderInTheDocumentedOrder) {
  Message m = message("a");
  m.client = "sensor";
  m.qos = QoS::exactly_once;
  m.retain = true;
  m.properties.expiry_s = 4294967295;
  m.properties.payload_format = 1;
  m.properties.content_type = "text/plain";
  m.properties.response_topic = "answers";
  m.properties.correlation_data = ByteView("\0\xff", 2);
  m.properties.user = {{"unit", "C"}};
  EXPECT_THAT(
      headers_of(m, false),
      ElementsAre(
          Pair("mqtt.topic", "a"),
          Pair("mqtt.qos", "2"),
          Pair("mqtt.retain", "1"),
          Pair("mqtt.client", "sensor"),
          Pair("mqtt.expiry", "4294967295"),
          Pair("mqtt.payload_format", "1"),
          Pair("mqtt.content_type", "text/plain"),
          Pair("mqtt.response_topic", "answers"),
          Pair("mqtt.correlation_data", std::string("\0\xff", 2)),
          Pair("unit", "C")
      )
  );
  expect_to_survive(m, false);
  expect_to_survive(m, true);
}

TEST(Message, EveryPropertySurvivesAlone) {
  std::vector<Message> all(9, message("a"));
  all[0].qos = QoS::at_most_once;
  all[1].retain = true;
  all[2].client = "c";
  all[3].properties.expiry_s = 0;
  all[4].properties.payload_format = 0;
  all[5].properties.content_type = "";
  all[6].properties.response_topic = "r";
  all[7].properties.correlation_data = "";
  all[8].payload = "";
  for (const Message& m : all) expect_to_survive(m, true);
}

TEST(Message, UserPropertiesKeepTheirOrderAndRepeat) {
  Message m = message("a");
  m.properties.user = {{"b", "1"}, {"a", "2"}, {"b", "3"}, {"", ""}};
  EXPECT_THAT(
      headers_of(m, true), ElementsAre(Pair("b", "1"), Pair("a", "2"), Pair("b", "3"), Pair("", ""))
  );
  expect_to_survive(m, true);
}

TEST(Message, AUserPropertyCannotPassForAHeaderOfTheHub) {
  Message m = message("a");
  m.properties.user = {
      {"mqtt.topic", "fake"}, {"hub.x", "1"}, {"user.y", "2"}, {"mqtt.qos", "0"}, {"mqttx", "3"}};
  EXPECT_THAT(
      headers_of(m, true),
      ElementsAre(
          Pair("user.mqtt.topic", "fake"),
          Pair("user.hub.x", "1"),
          Pair("user.user.y", "2"),
          Pair("user.mqtt.qos", "0"),
          Pair("mqttx", "3")
      )
  );
  expect_to_survive(m, true);
  expect_to_survive(m, false);
}

TEST(Message, HeadersOfTheHubAreNoUserProperties) {
  const Stored stored("a", {{"hub.origin", "x"}, {"mqtt.unknown", "y"}, {"mine", "z"}});
  Message m;
  ASSERT_TRUE(to_message(stored.view(), m));
  EXPECT_THAT(m.properties.user, ElementsAre(Pair("mine", "z")));
}

TEST(Message, ARecordWithoutAnMqttTopicIsNone) {
  Message m;
  EXPECT_FALSE(to_message(Stored(std::nullopt, {}).view(), m));
  EXPECT_EQ(topic_of(Stored(std::nullopt, {}).view()), "");
  EXPECT_FALSE(to_message(Stored("", {}).view(), m));
  EXPECT_FALSE(to_message(Stored("a/#", {}).view(), m));
  EXPECT_FALSE(to_message(Stored("\xff", {}).view(), m));
  EXPECT_FALSE(to_message(Stored("a", {{"mqtt.topic", "b/+"}}).view(), m));
}

TEST(Message, OneReadAfterAnotherKeepsNothingOfIt) {
  Message m;
  ASSERT_TRUE(to_message(
      Stored(
          "a",
          {{"mqtt.qos", "2"},
           {"mqtt.retain", "1"},
           {"mqtt.client", "c"},
           {"mqtt.expiry", "5"},
           {"u", "v"}}
      ).view(),
      m
  ));
  const Stored plain("b", {});
  ASSERT_TRUE(to_message(plain.view(), m));
  EXPECT_EQ(m.qos, QoS::at_least_once);
  EXPECT_FALSE(m.retain);
  EXPECT_EQ(m.client, "");
  EXPECT_EQ(m.properties, mqtt::MessageProperties{});
}

}  // namespace
}  // namespace runnel::broker
