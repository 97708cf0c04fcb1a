// MQTT's data types (§1.5) as bytes. Internal to the codec. Pure; any thread.
//
// Reading: a value that is cut off or not well-formed fails the ByteReader, which the decoder sees
// once, at the end. Writing: a packet is described once, as a template over its sink; Measure
// counts what Write then writes, so that the length in front of it is known and the two cannot
// differ.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "hub/mqtt/codec.h"
#include "hub/mqtt/packet.h"
#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace runnel::mqtt {

// The flags of a PUBLISH (§3.3.1), one bit for each value of the four: there is no QoS 3, and
// nothing is sent again with QoS 0.
constexpr std::uint16_t kPublishFlags = 0x3c3f;

// What breaking a rule is called that is more than form: 3.1.1 knows only malformed packets.
constexpr Reason broken_rule(Version version) {
  return version == Version::v5 ? Reason::protocol_error : Reason::malformed_packet;
}

// §1.5.5: at most four bytes, in the shortest form.
inline std::uint32_t read_variable_byte_integer(ByteReader& in) {
  std::uint32_t value = 0;
  for (unsigned shift = 0; shift < 28; shift += 7) {
    const std::uint8_t byte = in.u8();
    value |= static_cast<std::uint32_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) != 0) continue;
    if (byte == 0 && shift != 0) break;
    return value;
  }
  in.fail();
  return 0;
}

// §1.5.6.
inline std::string_view read_binary(ByteReader& in) {
  return in.take(in.be16());
}

// §1.5.4.
inline std::string_view read_string(ByteReader& in) {
  const std::string_view text = in.take(in.be16());
  if (!valid_utf8(text)) in.fail();
  return text;
}

constexpr std::size_t variable_byte_integer_bytes(std::size_t value) {
  if (value < 128) return 1;
  if (value < 16'384) return 2;
  return value < 2'097'152 ? 3 : 4;
}

// A sink that only counts.
class Measure {
 public:
  void u8(std::uint8_t /*value*/) { bytes_ += 1; }

  void be16(std::uint16_t /*value*/) { bytes_ += 2; }

  void be32(std::uint32_t /*value*/) { bytes_ += 4; }

  void variable_byte_integer(std::size_t value) { bytes_ += variable_byte_integer_bytes(value); }

  void raw(ByteView value) { bytes_ += value.size(); }

  // UTF-8 strings and binary data look alike.
  void counted(ByteView value) {
    RUNNEL_CHECK(value.size() <= kStringBytesMax);
    bytes_ += 2 + value.size();
  }

  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  std::size_t bytes_ = 0;
};

// A sink that writes where Measure has said there must be room.
class Write {
 public:
  explicit Write(char* at) : at_(at) {}

  void u8(std::uint8_t value) { *at_++ = static_cast<char>(value); }

  void be16(std::uint16_t value) {
    u8(static_cast<std::uint8_t>(value >> 8));
    u8(static_cast<std::uint8_t>(value));
  }

  void be32(std::uint32_t value) {
    be16(static_cast<std::uint16_t>(value >> 16));
    be16(static_cast<std::uint16_t>(value));
  }

  void variable_byte_integer(std::size_t value) {
    for (; value >= 128; value >>= 7) u8(static_cast<std::uint8_t>(value | 0x80));
    u8(static_cast<std::uint8_t>(value));
  }

  void raw(ByteView value) {
    if (value.empty()) return;  // an empty view may have no address
    std::memcpy(at_, value.data(), value.size());
    at_ += value.size();
  }

  void counted(ByteView value) {
    be16(static_cast<std::uint16_t>(value.size()));
    raw(value);
  }

  [[nodiscard]] const char* at() const { return at_; }

 private:
  char* at_;
};

}  // namespace runnel::mqtt
