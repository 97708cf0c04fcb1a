// MQTT 3.1.1 and 5.0 as a load generator needs it: what it sends, and what it must understand of a
// broker's answers. Written apart from the hub's codec on purpose, so that a mistake there cannot
// hide behind the same mistake here.
//
// Views point into the bytes that were passed in. Nothing throws. Threads: pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace runnel::bench {

enum class Protocol : std::uint8_t { v311 = 4, v5 = 5 };

enum class PacketType : std::uint8_t {
  connect = 1,
  connack = 2,
  publish = 3,
  puback = 4,
  pubrec = 5,
  pubrel = 6,
  pubcomp = 7,
  subscribe = 8,
  suback = 9,
  pingreq = 12,
  pingresp = 13,
  disconnect = 14,
};

constexpr std::uint8_t kDupFlag = 0x08;
constexpr std::uint8_t kReasonErrorMin = 0x80;  // this and above mean "no"
constexpr std::uint32_t kRemainingLengthMax = 268'435'455;

struct ConnectFields {
  Protocol protocol = Protocol::v311;
  std::string client_id;
  bool clean_start = true;
  std::uint16_t keep_alive_s = 60;
  std::uint32_t session_expiry_s = 0;  // MQTT 5 only; sent when not 0
  std::uint16_t receive_maximum = 0;   // MQTT 5 only; sent when not 0
};

std::string encode_connect(const ConnectFields& fields);
std::string encode_subscribe(
    Protocol protocol, std::uint16_t packet_id, std::string_view filter, unsigned qos
);
std::string encode_pingreq();
std::string encode_disconnect();

// A whole PUBLISH whose payload is `payload_bytes` zeros, and where to patch it.
struct PublishTemplate {
  std::string packet;
  std::size_t packet_id_at = 0;  // meaningless at QoS 0
  std::size_t payload_at = 0;
};

PublishTemplate encode_publish(
    Protocol protocol, std::string_view topic, unsigned qos, std::size_t payload_bytes
);

// The four-byte packets: PUBACK, PUBREC, PUBREL, PUBCOMP with success, alike in both versions.
constexpr std::size_t kAckBytes = 4;
void encode_ack(char* out, PacketType type, std::uint16_t packet_id);

struct Frame {
  std::uint8_t first = 0;  // type and flags
  std::string_view body;
  std::size_t bytes = 0;  // header and body

  [[nodiscard]] PacketType type() const { return static_cast<PacketType>(first >> 4); }
};

enum class Scan : std::uint8_t { frame, incomplete, malformed };

// The packet at the front of `bytes`. malformed: a length of more than four bytes.
Scan next_frame(std::string_view bytes, Frame& frame);

struct Connack {
  bool session_present = false;
  std::uint8_t code = 0;  // 0 is yes; otherwise a return code (3.1.1) or reason (5)
  std::uint16_t receive_maximum = 65535;
  std::uint16_t server_keep_alive_s = 0;  // 0: the broker did not say
};

struct Publish {
  std::string_view topic;
  std::string_view payload;
  std::uint16_t packet_id = 0;
  unsigned qos = 0;
  bool dup = false;
};

struct Ack {
  std::uint16_t packet_id = 0;
  std::uint8_t reason = 0;
};

// Each returns false for a body that no conforming broker sends.
bool decode_connack(std::string_view body, Protocol protocol, Connack& connack);
bool decode_publish(const Frame& frame, Protocol protocol, Publish& publish);
bool decode_ack(std::string_view body, Ack& ack);
// The one reason code of a SUBACK for one filter.
bool decode_suback(std::string_view body, Protocol protocol, Ack& ack);

}  // namespace runnel::bench
