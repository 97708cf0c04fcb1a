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
  Message back;
  const std::string_view topic = named_topic(stored.view()).value_or(*stored.view().key);
  EXPECT_EQ(topic, m.topic);
  EXPECT_EQ(to_message(stored.view(), topic, back), 0U);
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
  EXPECT_EQ(to_message(stored.view(), "a", m), 0U);
  EXPECT_THAT(m.properties.user, ElementsAre(Pair("mine", "z")));
}

TEST(Message, ARecordMayNameATopicThatItCanBeDeliveredUnder) {
  EXPECT_EQ(named_topic(Stored("k", {{"x", "y"}, {"mqtt.topic", "a/b"}}).view()), "a/b");
  EXPECT_EQ(named_topic(Stored("k", {{"mqtt.topic", "a"}, {"mqtt.topic", "b"}}).view()), "a");
  for (const char* bad : {"", "b/+", "#", "\xff", "$SYS", "$SYS/broker/version"}) {
    EXPECT_EQ(named_topic(Stored("k", {{"mqtt.topic", bad}}).view()), std::nullopt) << bad;
  }
  EXPECT_EQ(named_topic(Stored("k", {}).view()), std::nullopt);
}

TEST(Message, OfAPublishTheKeyIsTheTopicUnlessAHeaderNamesIt) {
  EXPECT_EQ(named_topic(Stored("a/b", {{"mqtt.client", "c"}}).view()), "a/b");
  EXPECT_EQ(named_topic(Stored("$own", {{"x", "y"}, {"mqtt.client", "c"}}).view()), "$own");
  EXPECT_EQ(named_topic(Stored("k", {{"mqtt.client", "c"}, {"mqtt.topic", "a"}}).view()), "a");
  EXPECT_EQ(named_topic(Stored("a/#", {{"mqtt.client", "c"}}).view()), std::nullopt);
  EXPECT_EQ(named_topic(Stored(std::nullopt, {{"mqtt.client", "c"}}).view()), std::nullopt);
}

TEST(Message, ANullValueIsAnEmptyPayload) {
  log::NewRecord record;
  record.key = "k";
  Message m;
  m.payload = "left over";
  to_message(Stored(record).view(), "a", m);
  EXPECT_EQ(m.payload, "");
}

TEST(Message, HeadersThatMqttCannotCarryAreLeftOutAndCounted) {
  const std::string long_text(65'536, 'x');
  const Stored stored(
      "a",
      {{"good", "1"},
       {"\xff", "1"},
       {"bad", "\xff\xfe"},
       {std::string("nul\0", 4), "1"},
       {"long", long_text},
       {long_text, "1"},
       {"mqtt.response_topic", "a/+"},
       {"mqtt.content_type", "\xff"},
       {"mqtt.correlation_data", long_text},
       {"mqtt.expiry", "soon"},
       {"mqtt.payload_format", "7"},
       {"good", "2"}}
  );
  Message m;
  EXPECT_EQ(to_message(stored.view(), "a", m), 10U);
  EXPECT_THAT(m.properties.user, ElementsAre(Pair("good", "1"), Pair("good", "2")));
  m.properties.user.clear();
  EXPECT_EQ(m.properties, mqtt::MessageProperties{});
}

TEST(Message, OneReadAfterAnotherKeepsNothingOfIt) {
  Message m;
  const Stored full(
      "a",
      {{"mqtt.qos", "2"},
       {"mqtt.retain", "1"},
       {"mqtt.client", "c"},
       {"mqtt.expiry", "5"},
       {"u", "v"}}
  );
  to_message(full.view(), "a", m);
  EXPECT_EQ(m.qos, QoS::exactly_once);
  const Stored plain("b", {});
  to_message(plain.view(), "b", m);
  EXPECT_EQ(m.topic, "b");
  EXPECT_EQ(m.qos, QoS::at_least_once);
  EXPECT_FALSE(m.retain);
  EXPECT_EQ(m.client, "");
  EXPECT_EQ(m.properties, mqtt::MessageProperties{});
}

// --- CloudEvents ---

mqtt::UserProperties cloud_event() {
  return {{"specversion", "1.0"}, {"id", "7"}, {"source", "/s"}, {"type", "t"}};
}

TEST(CloudEvent, AttributesGainAPrefixOnTheWayToKafkaAndLoseItOnTheWayBack) {
  Message m = message("a");
  m.properties.content_type = "application/json";
  m.properties.user = cloud_event();
  m.properties.user.insert(m.properties.user.begin(), {"Unit-Name", "C"});
  m.properties.user.emplace_back("sequence", "9");
  m.properties.user.emplace_back("traceparent", "00-1");
  EXPECT_THAT(
      headers_of(m, true),
      ElementsAre(
          Pair("content-type", "application/json"),
          Pair("Unit-Name", "C"),
          Pair("ce_specversion", "1.0"),
          Pair("ce_id", "7"),
          Pair("ce_source", "/s"),
          Pair("ce_type", "t"),
          Pair("ce_sequence", "9"),
          Pair("traceparent", "00-1")
      )
  );
  expect_to_survive(m, true);
}

TEST(CloudEvent, NeedsAllFourAttributes) {
  for (std::size_t i = 0; i < 4; ++i) {
    Message m = message("a");
    m.properties.content_type = "text/plain";
    m.properties.user = cloud_event();
    m.properties.user.erase(m.properties.user.begin() + static_cast<std::ptrdiff_t>(i));
    const Headers headers = headers_of(m, true);
    EXPECT_EQ(headers[0].first, "mqtt.content_type");
    for (const auto& [name, value] : headers) EXPECT_FALSE(name.starts_with("ce_")) << name;
    expect_to_survive(m, true);
  }
}

TEST(CloudEvent, OfAKafkaProducerHasItsAttributesWithoutPrefix) {
  const Stored stored(
      "a",
      {{"ce_specversion", "1.0"},
       {"x", "1"},
       {"ce_id", "7"},
       {"content-type", "application/avro"},
       {"ce_source", "/s"},
       {"ce_type", "t"},
       {"ce_partitionkey", "p"}}
  );
  Message m;
  to_message(stored.view(), "a", m);
  EXPECT_EQ(m.properties.content_type, "application/avro");
  EXPECT_THAT(
      m.properties.user,
      ElementsAre(
          Pair("specversion", "1.0"),
          Pair("x", "1"),
          Pair("id", "7"),
          Pair("source", "/s"),
          Pair("type", "t"),
          Pair("partitionkey", "p")
      )
  );
}

TEST(CloudEvent, HeadersThatMakeNoneStayAsTheyAre) {
  const Stored stored("a", {{"ce_id", "7"}, {"content-type", "text/plain"}});
  Message m;
  to_message(stored.view(), "a", m);
  EXPECT_EQ(m.properties.content_type, std::nullopt);
  EXPECT_THAT(m.properties.user, ElementsAre(Pair("ce_id", "7"), Pair("content-type", "text/plain")));
}

TEST(CloudEvent, InStructuredModeTheContentTypeAloneIsTranslated) {
  Message m = message("a");
  m.properties.content_type = "application/cloudevents+json; charset=utf-8";
  m.properties.user = {{"id", "7"}};
  EXPECT_THAT(
      headers_of(m, true),
      ElementsAre(Pair("content-type", "application/cloudevents+json; charset=utf-8"), Pair("id", "7"))
  );
  expect_to_survive(m, true);
}

// What MQTT clients say must reach MQTT clients unaltered ([MQTT-3.3.2-17]), also when it looks like
// what the hub makes of something else.
TEST(CloudEvent, UserPropertiesThatLookLikeTheKafkaFormSurvive) {
  std::vector<Message> all(5, message("a"));
  all[0].properties.user = {
      {"ce_specversion", "1.0"}, {"ce_id", "7"}, {"ce_source", "/s"}, {"ce_type", "t"}};
  all[1].properties.user = cloud_event();
  all[1].properties.user.emplace_back("ce_id", "8");
  all[1].properties.user.emplace_back("content-type", "x");
  all[2].properties.user = {{"content-type", "application/cloudevents+json"}};
  all[3].properties.user = {{"content-type", "text/plain"}};
  all[4].properties = all[0].properties;
  all[4].properties.content_type = "application/cloudevents+json";
  all[4].properties.user.emplace_back("user.ce_id", "9");
  for (const Message& m : all) {
    expect_to_survive(m, true);
    expect_to_survive(m, false);
  }
}

}  // namespace
}  // namespace runnel::broker
