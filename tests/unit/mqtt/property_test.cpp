// Which property may stand in which packet, how often, and with which values (§2.2.2.2 and the
// sections of the packets).
#include <algorithm>

#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
#include "tests/support/mqtt_any_packet.h"
#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

constexpr Reason kSuccess = Reason::success;
constexpr Reason kMalformed = Reason::malformed_packet;
constexpr Reason kProtocol = Reason::protocol_error;

// A packet in which a property block has been left out.
struct Place {
  const char* name;
  PacketType type;
  Sender sender;
  Bytes before;
  Bytes after;
};

const Place kPlaces[] = {
    {"CONNECT", PacketType::connect, Sender::client, str("MQTT") + bytes({5, 2, 0, 9}), str("c")},
    {"will",
     PacketType::connect,
     Sender::client,
     str("MQTT") + bytes({5, 6, 0, 9, 0}) + str("c"),
     str("t") + str("p")},
    {"CONNACK", PacketType::connack, Sender::server, bytes({0, 0}), ""},
    {"PUBLISH", PacketType::publish, Sender::client, str("t"), "p"},
    {"PUBLISH from the server", PacketType::publish, Sender::server, str("t"), "p"},
    {"PUBACK", PacketType::puback, Sender::client, bytes({0, 1, 0}), ""},
    {"PUBREC", PacketType::pubrec, Sender::client, bytes({0, 1, 0}), ""},
    {"PUBREL", PacketType::pubrel, Sender::client, bytes({0, 1, 0}), ""},
    {"PUBCOMP", PacketType::pubcomp, Sender::client, bytes({0, 1, 0}), ""},
    {"SUBSCRIBE", PacketType::subscribe, Sender::client, bytes({0, 1}), str("a") + bytes({0})},
    {"SUBACK", PacketType::suback, Sender::server, bytes({0, 1}), bytes({0})},
    {"UNSUBSCRIBE", PacketType::unsubscribe, Sender::client, bytes({0, 1}), str("a")},
    {"UNSUBACK", PacketType::unsuback, Sender::server, bytes({0, 1}), bytes({0})},
    {"DISCONNECT", PacketType::disconnect, Sender::client, bytes({0}), ""},
    {"DISCONNECT from the server", PacketType::disconnect, Sender::server, bytes({0}), ""},
    {"AUTH", PacketType::auth, Sender::client, bytes({0x18}), ""},
};

Reason decode_with(const Place& place, const Bytes& properties) {
  const Bytes whole = place.before + block(properties) + place.after;
  const Exact body(whole);
  const FixedHeader header{
      .type = place.type,
      .flags = 0,
      .header_bytes = 2,
      .body_bytes = static_cast<std::uint32_t>(whole.size()),
  };
  AnyPacket packet;
  return decode_any(header, body.view(), Version::v5, place.sender, packet);
}

const Place& place_of(std::string_view name) {
  for (const Place& place : kPlaces) {
    if (place.name == name) return place;
  }
  ADD_FAILURE() << name;
  return kPlaces[0];
}

struct Row {
  int id;
  Bytes value;
  // Where it is allowed, in the order of kPlaces: C CONNECT, w will, K CONNACK, P PUBLISH, p from
  // the server, 4567 the acks, S SUBSCRIBE, s SUBACK, U UNSUBSCRIBE, u UNSUBACK, D DISCONNECT, d
  // from the server, A AUTH.
  std::string_view allowed;
};

constexpr std::string_view kLetters = "CwKPp4567SsUuDdA";

// Table 2-4, and who may send it from the sections of the packets.
const Row kRows[] = {
    {0x01, bytes({1}), "wPp"},
    {0x02, bytes({0, 0, 0, 0}), "wPp"},
    {0x03, str("text/plain"), "wPp"},
    {0x08, str("r"), "wPp"},
    {0x09, str("\xff"), "wPp"},
    {0x0b, bytes({0xff, 0xff, 0xff, 0x7f}), "pS"},
    {0x11, bytes({0, 0, 0, 1}), "CKD"},
    {0x12, str("id"), "K"},
    {0x13, bytes({0, 0}), "K"},
    {0x15, str("M"), "CKA"},
    {0x16, str("\xff"), "CKA"},
    {0x17, bytes({0}), "C"},
    {0x18, bytes({0, 0, 0, 0}), "w"},
    {0x19, bytes({1}), "C"},
    {0x1a, str("r"), "K"},
    {0x1c, str("s"), "Kd"},
    {0x1f, str("r"), "K4567suDdA"},
    {0x21, bytes({0, 1}), "CK"},
    {0x22, bytes({0, 0}), "CK"},
    {0x23, bytes({0, 1}), "Pp"},
    {0x24, bytes({0}), "K"},
    {0x25, bytes({0}), "K"},
    {0x26, str("n") + str("v"), "CwKPp4567SsUuDdA"},
    {0x27, bytes({0, 0, 0, 1}), "CK"},
    {0x28, bytes({0}), "K"},
    {0x29, bytes({1}), "K"},
    {0x2a, bytes({1}), "K"},
};

// What the packet needs beside the property so that nothing but this one is in question: data needs
// its method.
Bytes company(const Place& place, int id) {
  const bool auth = place.type == PacketType::auth;
  const bool connect = place.name == std::string_view("CONNECT");
  const bool needed = (auth && id != 0x15) || (connect && id == 0x16);
  return needed ? bytes({0x15}) + str("M") : "";
}

// §3.3.4, §3.14.2.2: known to the packet, but not from this side.
bool other_side_only(const Place& place, int id) {
  const std::string_view name = place.name;
  return (name == "PUBLISH" && id == 0x0b) || (name == "DISCONNECT" && id == 0x1c) ||
         (name == "DISCONNECT from the server" && id == 0x11);
}

TEST(CodecProperties, StandOnlyInTheirPackets) {
  for (const Row& row : kRows) {
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      const Place& place = kPlaces[i];
      const bool allowed = row.allowed.find(kLetters[i]) != std::string_view::npos;
      const Reason expected = allowed                          ? kSuccess
                              : other_side_only(place, row.id) ? kProtocol
                                                               : kMalformed;
      const Bytes property = bytes({row.id}) + row.value;
      EXPECT_EQ(decode_with(place, company(place, row.id) + property), expected)
          << "0x" << std::hex << row.id << " in " << place.name;
    }
  }
}

TEST(CodecProperties, StandOnceUnlessTheyAreUserProperties) {
  for (const Row& row : kRows) {
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      if (row.allowed.find(kLetters[i]) == std::string_view::npos) continue;
      const Place& place = kPlaces[i];
      const bool repeats = row.id == 0x26 || (row.id == 0x0b && kLetters[i] == 'p');
      const Bytes property = bytes({row.id}) + row.value;
      EXPECT_EQ(
          decode_with(place, company(place, row.id) + property + property),
          repeats ? kSuccess : kProtocol
      ) << "0x"
        << std::hex << row.id << " in " << place.name;
    }
  }
}

TEST(CodecProperties, MayNotBeCutOffAnywhere) {
  for (const Row& row : kRows) {
    const Bytes property = bytes({row.id}) + row.value;
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      if (row.allowed.find(kLetters[i]) == std::string_view::npos) continue;
      for (std::size_t n = 1; n < property.size(); ++n) {
        EXPECT_EQ(
            decode_with(kPlaces[i], company(kPlaces[i], row.id) + property.substr(0, n)), kMalformed
        ) << "0x"
          << std::hex << row.id << " in " << kPlaces[i].name << " after " << n;
      }
    }
  }
}

TEST(CodecProperties, ThatThereAreNotAreMalformed) {
  std::vector<int> known;
  for (const Row& row : kRows) known.push_back(row.id);
  for (const Place& place : kPlaces) {
    for (int id = 0; id < 128; ++id) {
      if (std::count(known.begin(), known.end(), id) != 0) continue;
      EXPECT_EQ(decode_with(place, bytes({id, 0, 0, 0, 0})), kMalformed) << id << place.name;
    }
    // Identifiers are Variable Byte Integers: two bytes may not say 0x26, and may not say 0xA6
    // either.
    EXPECT_EQ(decode_with(place, bytes({0xa6, 0x00}) + str("n") + str("v")), kMalformed);
    EXPECT_EQ(decode_with(place, bytes({0xa6, 0x01}) + str("n") + str("v")), kMalformed);
  }
}

struct Value {
  const char* place;
  Bytes property;
  Reason expected;
};

TEST(CodecProperties, KeepToTheirRanges) {
  std::vector<Value> values = {
      {"PUBLISH", bytes({0x01, 0}), kSuccess},
      {"PUBLISH", bytes({0x01, 2}), kProtocol},
      {"will", bytes({0x01, 2}), kProtocol},
      {"CONNECT", bytes({0x21, 0, 0}), kProtocol},
      {"CONNECT", bytes({0x21, 0xff, 0xff}), kSuccess},
      {"CONNACK", bytes({0x21, 0, 0}), kProtocol},
      {"CONNECT", bytes({0x27, 0, 0, 0, 0}), kProtocol},
      {"CONNECT", bytes({0x27, 0xff, 0xff, 0xff, 0xff}), kSuccess},
      {"CONNACK", bytes({0x27, 0, 0, 0, 0}), kProtocol},
      {"PUBLISH", bytes({0x23, 0, 0}), Reason::topic_alias_invalid},
      {"PUBLISH", bytes({0x23, 0xff, 0xff}), kSuccess},
      {"SUBSCRIBE", bytes({0x0b, 0}), kProtocol},
      {"SUBSCRIBE", bytes({0x0b, 1}), kSuccess},
      {"SUBSCRIBE", bytes({0x0b, 0x80, 0x80, 0x80, 0x80, 0x01}), kMalformed},
      {"SUBSCRIBE", bytes({0x0b, 0x81, 0x00}), kMalformed},
      {"PUBLISH from the server", bytes({0x0b, 0}), kProtocol},
      {"PUBLISH from the server", bytes({0x0b, 1, 0x0b, 2, 0x0b, 1}), kSuccess},
      {"PUBLISH", bytes({0x08}) + str(""), kProtocol},
      {"PUBLISH", bytes({0x08}) + str("a/+"), kProtocol},
      {"will", bytes({0x08}) + str("#"), kProtocol},
      {"CONNECT", bytes({0x11, 0xff, 0xff, 0xff, 0xff}), kSuccess},
  };
  for (const int flag : {0x17, 0x19}) {
    values.push_back({"CONNECT", bytes({flag, 0}), kSuccess});
    values.push_back({"CONNECT", bytes({flag, 1}), kSuccess});
    values.push_back({"CONNECT", bytes({flag, 2}), kProtocol});
    values.push_back({"CONNECT", bytes({flag, 255}), kProtocol});
  }
  for (const int flag : {0x24, 0x25, 0x28, 0x29, 0x2a}) {
    values.push_back({"CONNACK", bytes({flag, 0}), kSuccess});
    values.push_back({"CONNACK", bytes({flag, 1}), kSuccess});
    values.push_back({"CONNACK", bytes({flag, 2}), kProtocol});
  }
  for (const Value& v : values) {
    EXPECT_EQ(decode_with(place_of(v.place), v.property), v.expected)
        << v.place << ' ' << testing::PrintToString(v.property);
  }
}

TEST(CodecProperties, ThatAreTextMustBeUtf8) {
  const Bytes bad = str("\xc0\x80");
  for (const Row& row : kRows) {
    // Text and binary data are the ones whose value begins with a length, except the numbers.
    const bool text = row.id == 0x03 || row.id == 0x08 || row.id == 0x12 || row.id == 0x15 ||
                      row.id == 0x1a || row.id == 0x1c || row.id == 0x1f;
    for (std::size_t i = 0; i < kLetters.size(); ++i) {
      if (!text || row.allowed.find(kLetters[i]) == std::string_view::npos) continue;
      const Place& place = kPlaces[i];
      EXPECT_EQ(decode_with(place, company(place, row.id) + bytes({row.id}) + bad), kMalformed)
          << "0x" << std::hex << row.id << " in " << place.name;
    }
  }
  for (const Place& place : kPlaces) {
    EXPECT_EQ(decode_with(place, bytes({0x26}) + bad + str("v")), kMalformed) << place.name;
    EXPECT_EQ(decode_with(place, bytes({0x26}) + str("n") + bad), kMalformed) << place.name;
  }
}

TEST(CodecProperties, MayNotReachOverTheEndOfTheirBlock) {
  // The block has two bytes; its Content Type would go on into the payload.
  Publish publish;
  const Bytes body = str("t") + bytes({2, 0x03, 0, 1, 'x', 'y'});
  EXPECT_EQ(decode_publish(0, body, Version::v5, publish), kMalformed);
}

TEST(CodecProperties, ComeInAnyOrderWithTheirValues) {
  const Bytes body =
      str("MQTT") + bytes({5, 2, 0, 9}) +
      block(
          bytes({0x26}) + str("n") + str("1") + bytes({0x17, 0}) + bytes({0x22, 0, 7}) +
          bytes({0x26}) + str("n") + str("2") + bytes({0x27, 0, 1, 0, 0}) + bytes({0x21, 1, 0}) +
          bytes({0x19, 1}) + bytes({0x16}) + str("data") + bytes({0x15}) + str("method") +
          bytes({0x11, 0, 0, 0, 5})
      ) +
      str("c");
  const Decoded<Connect> connect = decode_connect(body);
  ASSERT_TRUE(connect);
  EXPECT_EQ(connect->user, (UserProperties{{"n", "1"}, {"n", "2"}}));
  EXPECT_FALSE(connect->request_problem_information);
  EXPECT_TRUE(connect->request_response_information);
  EXPECT_EQ(connect->topic_alias_maximum, 7);
  EXPECT_EQ(connect->maximum_packet_bytes, 65536U);
  EXPECT_EQ(connect->receive_maximum, 256);
  EXPECT_EQ(connect->authentication_data, "data");
  EXPECT_EQ(connect->authentication_method, "method");
  EXPECT_EQ(connect->session_expiry_s, 5U);
}

}  // namespace
}  // namespace runnel::mqtt
