// Every packet with everything it can carry, and with as little: written, read, cut off.
#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
#include "tests/support/mqtt_any_packet.h"
#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

struct Sample {
  const char* name;
  Version version;
  AnyPacket packet;
  Sender sender = Sender::client;
};

constexpr Version k3 = Version::v3_1_1;
constexpr Version k5 = Version::v5;

const UserProperties kUser{{"site", "north"}, {"", ""}, {"site", "again"}};

MessageProperties all_message_properties() {
  MessageProperties p;
  p.payload_format = 1;
  p.expiry_s = 3600;
  p.content_type = "application/json";
  p.response_topic = "reply/to/me";
  p.correlation_data = std::string_view("\0\xff\x01", 3);
  p.user = kUser;
  return p;
}

Connect full_connect(Version version) {
  Connect p;
  p.version = version;
  p.clean_start = false;
  p.keep_alive_s = 65535;
  p.client_id = "sensor-7";
  p.will.emplace();
  p.will->topic = "plant/sensor-7/state";
  p.will->payload = std::string_view("\0gone", 5);
  p.will->qos = QoS::exactly_once;
  p.will->retain = true;
  p.user_name = "näme";
  p.password = std::string_view("\xff\0", 2);
  p.session_expiry_s = 0xffffffff;
  if (version != k5) return p;
  p.will->delay_s = 30;
  p.will->properties = all_message_properties();
  p.session_expiry_s = 86400;
  p.receive_maximum = 20;
  p.maximum_packet_bytes = 1 << 20;
  p.topic_alias_maximum = 16;
  p.request_response_information = true;
  p.request_problem_information = false;
  p.authentication_method = "SCRAM";
  p.authentication_data = "";
  p.user = kUser;
  return p;
}

Connack full_connack() {
  Connack p;
  p.session_present = true;
  p.session_expiry_s = 10;
  p.receive_maximum = 1024;
  p.maximum_qos = 1;
  p.retain_available = false;
  p.maximum_packet_bytes = 1;
  p.assigned_client_id = "auto-1";
  p.topic_alias_maximum = 0;
  p.reason_string = "well";
  p.user = kUser;
  p.wildcard_subscriptions = true;
  p.subscription_identifiers = false;
  p.shared_subscriptions = true;
  p.server_keep_alive_s = 0;
  p.response_information = "reply/";
  p.server_reference = "other:1883";
  p.authentication_method = "SCRAM";
  p.authentication_data = "x";
  return p;
}

Publish full_publish(Version version) {
  Publish p;
  p.dup = true;
  p.qos = QoS::exactly_once;
  p.retain = true;
  p.topic = "plant/line 1/temperatür";
  p.packet_id = 65535;
  p.payload = std::string_view("21.5\0", 5);
  if (version != k5) return p;
  p.topic_alias = 3;
  p.properties = all_message_properties();
  return p;
}

Publish alias_only_publish() {
  Publish p;
  p.topic_alias = 65535;
  return p;
}

Publish server_publish() {
  Publish p = full_publish(k5);
  p.subscription_ids = {1, 268'435'455, 1};
  return p;
}

Ack ack(PacketType type, Reason reason, bool properties) {
  Ack p;
  p.type = type;
  p.packet_id = 258;
  p.reason = reason;
  if (!properties) return p;
  p.reason_string = "because";
  p.user = kUser;
  return p;
}

Subscribe full_subscribe(Version version) {
  Subscribe p;
  p.packet_id = 1;
  p.entries.push_back({.filter = "plant/+/temp", .qos = QoS::exactly_once});
  p.entries.push_back({.filter = "#"});
  if (version != k5) return p;
  p.subscription_id = 128;
  p.user = kUser;
  p.entries.push_back({.filter = "a", .no_local = true, .retain_as_published = true});
  p.entries.push_back({.filter = "$share/g/a", .qos = QoS::at_least_once, .retain_handling = 2});
  return p;
}

Unsubscribe full_unsubscribe(Version version) {
  Unsubscribe p;
  p.packet_id = 0x8000;
  p.filters = {"plant/+/temp", "", "#"};
  if (version == k5) p.user = kUser;
  return p;
}

SubscriptionAck subscription_ack(PacketType type, std::vector<Reason> reasons, bool properties) {
  SubscriptionAck p;
  p.type = type;
  p.packet_id = 9;
  p.reasons = std::move(reasons);
  if (!properties) return p;
  p.reason_string = "some of them";
  p.user = kUser;
  return p;
}

Disconnect full_disconnect(Sender sender) {
  Disconnect p;
  p.reason = Reason::quota_exceeded;
  p.reason_string = "full";
  p.user = kUser;
  if (sender == Sender::client) p.session_expiry_s = 0;
  if (sender == Sender::server) p.server_reference = "other";
  return p;
}

Auth full_auth() {
  Auth p;
  p.reason = Reason::re_authenticate;
  p.authentication_method = "SCRAM";
  p.authentication_data = "x";
  p.reason_string = "again";
  p.user = kUser;
  return p;
}

std::vector<Sample> samples() {
  using enum PacketType;
  Connect plain3;
  plain3.version = k3;
  Connack refused3;
  refused3.reason = Reason::not_authorized;
  Publish plain;
  plain.topic = "t";
  std::vector<Sample> out{
      {"CONNECT 3.1.1", k3, plain3},
      {"CONNECT 3.1.1 full", k3, full_connect(k3)},
      {"CONNECT", k5, Connect{}},
      {"CONNECT full", k5, full_connect(k5)},
      {"CONNACK 3.1.1", k3, Connack{}, Sender::server},
      {"CONNACK 3.1.1 refused", k3, refused3, Sender::server},
      {"CONNACK", k5, Connack{}, Sender::server},
      {"CONNACK full", k5, full_connack(), Sender::server},
      {"PUBLISH 3.1.1", k3, plain},
      {"PUBLISH 3.1.1 full", k3, full_publish(k3)},
      {"PUBLISH", k5, plain},
      {"PUBLISH full", k5, full_publish(k5)},
      {"PUBLISH with an alias only", k5, alias_only_publish()},
      {"PUBLISH from the server", k5, server_publish(), Sender::server},
      {"PUBACK with a reason", k5, ack(puback, Reason::quota_exceeded, false)},
      {"PUBREC full", k5, ack(pubrec, Reason::success, true)},
      {"PUBREL full", k5, ack(pubrel, Reason::packet_identifier_not_found, true)},
      {"PUBCOMP full", k5, ack(pubcomp, Reason::packet_identifier_not_found, true)},
      {"SUBSCRIBE 3.1.1", k3, full_subscribe(k3)},
      {"SUBSCRIBE full", k5, full_subscribe(k5)},
      {"UNSUBSCRIBE 3.1.1", k3, full_unsubscribe(k3)},
      {"UNSUBSCRIBE full", k5, full_unsubscribe(k5)},
      {"SUBACK 3.1.1",
       k3,
       subscription_ack(suback, {Reason::granted_qos_2, Reason::unspecified_error}, false),
       Sender::server},
      {"SUBACK full",
       k5,
       subscription_ack(
           suback, {Reason::success, Reason::wildcard_subscriptions_not_supported}, true
       ),
       Sender::server},
      {"UNSUBACK 3.1.1", k3, subscription_ack(unsuback, {}, false), Sender::server},
      {"UNSUBACK full",
       k5,
       subscription_ack(unsuback, {Reason::success, Reason::no_subscription_existed}, true),
       Sender::server},
      {"DISCONNECT 3.1.1", k3, Disconnect{}},
      {"DISCONNECT", k5, Disconnect{}},
      {"DISCONNECT full", k5, full_disconnect(Sender::client)},
      {"DISCONNECT from the server", k5, full_disconnect(Sender::server), Sender::server},
      {"AUTH", k5, Auth{}},
      {"AUTH full", k5, full_auth()},
  };
  for (const Version version : {k3, k5}) {
    for (const PacketType type : {puback, pubrec, pubrel, pubcomp}) {
      out.push_back({"an ack", version, ack(type, Reason::success, false)});
    }
    out.push_back({"PINGREQ", version, Ping{pingreq}});
    out.push_back({"PINGRESP", version, Ping{pingresp}, Sender::server});
  }
  return out;
}

Bytes encoded(const Sample& sample) {
  Bytes out;
  encode_any(sample.packet, sample.version, out);
  return out;
}

TEST(CodecOfEveryPacket, ReadsAsItWasWritten) {
  for (const Sample& sample : samples()) {
    const Bytes packet = encoded(sample);
    const auto header = decode_fixed_header(packet);
    ASSERT_TRUE(header && *header) << sample.name;
    ASSERT_EQ((*header)->packet_bytes(), packet.size()) << sample.name;
    const Exact body(ByteView(packet).substr((*header)->header_bytes));
    AnyPacket again;
    EXPECT_EQ(
        decode_any(**header, body.view(), sample.version, sample.sender, again), Reason::success
    ) << sample.name;
    EXPECT_EQ(again == sample.packet, true) << sample.name;
    if (const auto* publish = std::get_if<Publish>(&sample.packet)) {
      EXPECT_EQ(encoded_bytes(*publish, sample.version), packet.size()) << sample.name;
    }
  }
}

TEST(CodecOfEveryPacket, IsAppendedToWhatIsThere) {
  Bytes all;
  Bytes separate;
  for (const Sample& sample : samples()) {
    encode_any(sample.packet, sample.version, all);
    separate += encoded(sample);
  }
  EXPECT_EQ(all, separate);
}

TEST(CodecOfEveryPacket, CutOffAnywhereIsIncomplete) {
  for (const Sample& sample : samples()) {
    const Bytes packet = encoded(sample);
    for (std::size_t n = 0; n < packet.size(); ++n) {
      const auto header = decode_fixed_header(Exact(ByteView(packet).substr(0, n)).view());
      ASSERT_TRUE(header) << sample.name << ' ' << n;
      EXPECT_TRUE(!*header || (*header)->packet_bytes() > n) << sample.name << ' ' << n;
    }
  }
}

// A packet may end early where the rest is optional; then what was read must say the same as the
// bytes did.
TEST(CodecOfEveryPacket, WithAShorterBodyIsRefusedOrReadWhole) {
  for (const Sample& sample : samples()) {
    const Bytes packet = encoded(sample);
    const FixedHeader header = **decode_fixed_header(packet);
    const ByteView body = ByteView(packet).substr(header.header_bytes);
    for (std::size_t n = 0; n < body.size(); ++n) {
      const Exact part(body.substr(0, n));
      AnyPacket read;
      const Reason reason = decode_any(header, part.view(), sample.version, sample.sender, read);
      if (reason != Reason::success) {
        EXPECT_TRUE(reason == Reason::malformed_packet || reason == Reason::protocol_error);
        continue;
      }
      Bytes out;
      encode_any(read, sample.version, out);
      const FixedHeader again = **decode_fixed_header(out);
      AnyPacket twice;
      const Exact rest(ByteView(out).substr(again.header_bytes));
      ASSERT_EQ(
          decode_any(again, rest.view(), sample.version, sample.sender, twice), Reason::success
      ) << sample.name
        << ' ' << n;
      EXPECT_EQ(read == twice, true) << sample.name << ' ' << n;
    }
  }
}

TEST(CodecOfEveryPacket, WhoseEndIsNotOptionalIsMalformedIfCutOff) {
  for (const Sample& sample : samples()) {
    const bool fixed = std::holds_alternative<Connect>(sample.packet) ||
                       std::holds_alternative<Connack>(sample.packet);
    if (!fixed) continue;
    const Bytes packet = encoded(sample);
    const FixedHeader header = **decode_fixed_header(packet);
    for (std::size_t n = header.header_bytes; n < packet.size(); ++n) {
      const Exact part(ByteView(packet).substr(header.header_bytes, n - header.header_bytes));
      AnyPacket read;
      EXPECT_EQ(
          decode_any(header, part.view(), sample.version, sample.sender, read),
          Reason::malformed_packet
      ) << sample.name
        << ' ' << n;
    }
  }
}

// Every byte of every sample, set to every value: a packet or a reason, and never a step too far
// (the address sanitizer sees the exact buffers).
TEST(CodecOfEveryPacket, WithOneByteChangedIsReadOrRefused) {
  std::size_t refused = 0;
  std::size_t read = 0;
  for (const Sample& sample : samples()) {
    const Bytes packet = encoded(sample);
    const FixedHeader header = **decode_fixed_header(packet);
    std::vector<char> body(packet.begin() + header.header_bytes, packet.end());
    for (char& c : body) {
      const char before = c;
      for (int v = 0; v < 256; ++v) {
        c = static_cast<char>(v);
        AnyPacket out;
        const ByteView view(body.data(), body.size());
        const Reason r = decode_any(header, view, sample.version, sample.sender, out);
        ++(r == Reason::success ? read : refused);
        EXPECT_TRUE(r == Reason::success || r >= Reason::unspecified_error) << sample.name;
      }
      c = before;
    }
  }
  EXPECT_GT(read, 1000U);
  EXPECT_GT(refused, 1000U);
}

}  // namespace
}  // namespace runnel::mqtt
