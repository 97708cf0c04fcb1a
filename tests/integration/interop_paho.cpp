// Eclipse Paho's C++ client against a running hub, MQTT 3.1.1 and 5.0. with_hub.py starts the hub
// and puts the port of its listener into RUNNEL_MQTT_PORT.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <mqtt/async_client.h>

namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 20s;
constexpr int kBuffered = 1000;  // publishes that Paho may hold at a time

std::string broker() {
  const char* port = std::getenv("RUNNEL_MQTT_PORT");
  if (port == nullptr) throw std::runtime_error("RUNNEL_MQTT_PORT is not set; use with_hub.py");
  return std::string("tcp://127.0.0.1:") + port;
}

void finish(const mqtt::token_ptr& token) {
  if (!token->wait_for(kPatience)) throw std::runtime_error("no answer from the hub");
}

// A client with its own queue of what has arrived.
class Client {
 public:
  Client(int version, const std::string& id) : version_(version), client_(broker(), id, create()) {
    client_.start_consuming();
  }

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  ~Client() {
    if (client_.is_connected()) finish(client_.disconnect());
  }

  // Whether the hub still had a session. A kept session has no end.
  bool connect(bool keep_session = false) {
    mqtt::connect_options options;
    options.set_mqtt_version(version_);
    if (version_ == MQTTVERSION_5) {
      options.set_clean_start(!keep_session);
      const std::int32_t expiry = keep_session ? -1 : 0;  // all ones: for ever
      options.set_properties({{mqtt::property::SESSION_EXPIRY_INTERVAL, expiry}});
    } else {
      options.set_clean_session(!keep_session);
    }
    const mqtt::token_ptr token = client_.connect(options);
    finish(token);
    return token->get_connect_response().is_session_present();
  }

  void disconnect() { finish(client_.disconnect()); }

  void subscribe(const std::string& filter, int qos) { finish(client_.subscribe(filter, qos)); }

  void publish(const mqtt::const_message_ptr& message) { finish(client_.publish(message)); }

  mqtt::delivery_token_ptr begin_publish(const mqtt::const_message_ptr& message) {
    return client_.publish(message);
  }

  mqtt::const_message_ptr message() {
    mqtt::const_message_ptr found;
    if (!client_.try_consume_message_for(&found, kPatience) || found == nullptr) {
      throw std::runtime_error("no message arrived");
    }
    return found;
  }

 private:
  [[nodiscard]] mqtt::create_options create() const { return {version_, kBuffered}; }

  int version_;
  mqtt::async_client client_;
};

class Paho : public testing::TestWithParam<int> {
 protected:
  // Unlike any other test's.
  static std::string name(const std::string& what) { return what + std::to_string(GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(
    BothVersions,
    Paho,
    testing::Values(MQTTVERSION_3_1_1, MQTTVERSION_5),
    [](const auto& version) { return version.param == MQTTVERSION_5 ? "Mqtt5" : "Mqtt311"; }
);

TEST_P(Paho, EveryQosInAndOutArrivesWithTheLowerOfBoth) {
  Client publisher(GetParam(), name("qos-publisher"));
  publisher.connect();
  for (int qos_out = 0; qos_out <= 2; ++qos_out) {
    const std::string topic = name("paho/qos/") + "/" + std::to_string(qos_out);
    Client subscriber(GetParam(), name("qos-subscriber"));
    subscriber.connect();
    subscriber.subscribe(topic, qos_out);
    for (int qos_in = 0; qos_in <= 2; ++qos_in) {
      const std::string payload("bytes \0 and more", 16);
      publisher.publish(mqtt::make_message(topic, payload, qos_in, false));
      const auto message = subscriber.message();
      EXPECT_EQ(message->get_topic(), topic);
      EXPECT_EQ(message->get_payload_str(), payload);
      EXPECT_EQ(message->get_qos(), std::min(qos_in, qos_out));
      EXPECT_FALSE(message->is_retained());
    }
  }
}

TEST_P(Paho, AThousandPipelinedMessagesOfEachQosArriveOnceAndInOrder) {
  for (int qos = 1; qos <= 2; ++qos) {
    const std::string topic = name("paho/many/") + "/" + std::to_string(qos);
    Client subscriber(GetParam(), name("many-subscriber"));
    subscriber.connect();
    subscriber.subscribe(topic, qos);
    Client publisher(GetParam(), name("many-publisher"));
    publisher.connect();
    std::vector<mqtt::delivery_token_ptr> tokens;
    for (int i = 0; i < 1000; ++i) {
      tokens.push_back(
          publisher.begin_publish(mqtt::make_message(topic, std::to_string(i), qos, false))
      );
    }
    for (int i = 0; i < 1000; ++i)
      ASSERT_EQ(subscriber.message()->get_payload_str(), std::to_string(i));
    for (const auto& token : tokens) finish(token);
  }
}

TEST_P(Paho, ASessionIsResumedWithWhatItMissed) {
  const std::string topic = name("paho/resume");
  {
    Client subscriber(GetParam(), name("resumer"));
    EXPECT_FALSE(subscriber.connect(true));
    subscriber.subscribe(topic, 1);
    subscriber.disconnect();
  }
  Client publisher(GetParam(), name("resume-publisher"));
  publisher.connect();
  for (int i = 0; i < 100; ++i) {
    publisher.publish(mqtt::make_message(topic, std::to_string(i), 1, false));
  }
  Client subscriber(GetParam(), name("resumer"));
  EXPECT_TRUE(subscriber.connect(true));
  for (int i = 0; i < 100; ++i)
    EXPECT_EQ(subscriber.message()->get_payload_str(), std::to_string(i));
  subscriber.disconnect();
  EXPECT_FALSE(subscriber.connect(false)) << "a clean start must find no session";
}

TEST_P(Paho, ARetainedMessageGreetsALateSubscriber) {
  const std::string topic = name("paho/retained");
  Client publisher(GetParam(), name("retained-publisher"));
  publisher.connect();
  publisher.publish(mqtt::make_message(topic, "21.5", 1, true));
  Client subscriber(GetParam(), name("retained-subscriber"));
  subscriber.connect();
  subscriber.subscribe(topic, 1);
  const auto message = subscriber.message();
  EXPECT_EQ(message->get_payload_str(), "21.5");
  EXPECT_TRUE(message->is_retained());
  publisher.publish(mqtt::make_message(topic, "", 1, true));
}

TEST(Paho5, PropertiesArriveAsTheyWereSent) {
  Client subscriber(MQTTVERSION_5, "properties-subscriber");
  subscriber.connect();
  subscriber.subscribe("paho/properties", 1);
  mqtt::properties sent{
      {mqtt::property::USER_PROPERTY, "unit", "C"},
      {mqtt::property::USER_PROPERTY, "site", "north"},
      {mqtt::property::USER_PROPERTY, "unit", "again"},
      {mqtt::property::CONTENT_TYPE, "text/plain"},
      {mqtt::property::RESPONSE_TOPIC, "paho/answers"},
      {mqtt::property::CORRELATION_DATA, "id-7"},
      {mqtt::property::MESSAGE_EXPIRY_INTERVAL, 3600},
  };
  Client publisher(MQTTVERSION_5, "properties-publisher");
  publisher.connect();
  publisher.publish(
      std::make_shared<mqtt::message>("paho/properties", mqtt::binary_ref("21.5"), 1, false, sent)
  );

  const auto message = subscriber.message();
  const mqtt::properties& properties = message->get_properties();
  ASSERT_EQ(properties.count(mqtt::property::USER_PROPERTY), 3U);
  const std::vector<mqtt::string_pair> users{{"unit", "C"}, {"site", "north"}, {"unit", "again"}};
  for (std::size_t i = 0; i < users.size(); ++i) {
    EXPECT_EQ(mqtt::get<mqtt::string_pair>(properties, mqtt::property::USER_PROPERTY, i), users[i]);
  }
  const auto text = [&](mqtt::property::code code) {
    return mqtt::get<std::string>(properties, code);
  };
  EXPECT_EQ(text(mqtt::property::CONTENT_TYPE), "text/plain");
  EXPECT_EQ(text(mqtt::property::RESPONSE_TOPIC), "paho/answers");
  EXPECT_EQ(text(mqtt::property::CORRELATION_DATA), "id-7");
  const auto left = mqtt::get<std::uint32_t>(properties, mqtt::property::MESSAGE_EXPIRY_INTERVAL);
  EXPECT_LE(left, 3600U);
  EXPECT_GT(left, 3580U);
}

TEST(Paho5, OptionsOfASubscriptionAreHeeded) {
  Client client(MQTTVERSION_5, "no-local");
  mqtt::async_client own(broker(), "own", mqtt::create_options(MQTTVERSION_5));
  own.start_consuming();
  mqtt::connect_options options;
  options.set_mqtt_version(MQTTVERSION_5);
  options.set_clean_start(true);
  finish(own.connect(options));
  const bool no_local = true;
  finish(own.subscribe("paho/no-local", 1, mqtt::subscribe_options(no_local)));
  client.connect();
  finish(own.publish(mqtt::make_message("paho/no-local", "mine", 1, false)));
  client.publish(mqtt::make_message("paho/no-local", "theirs", 1, false));
  mqtt::const_message_ptr message;
  ASSERT_TRUE(own.try_consume_message_for(&message, kPatience));
  EXPECT_EQ(message->get_payload_str(), "theirs");
  finish(own.disconnect());
}

}  // namespace
