// Bounded reading and writing of bytes. Nothing here throws or reads past an end.
//
// ByteReader remembers that it ran short (`ok()` turns false and stays false) and yields zeros from
// then on, so that a decoder may read a whole structure and test once.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace runnel {

using ByteView = std::string_view;  // bytes, not text
using Bytes = std::string;

class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool done() const { return position_ == bytes_.size(); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  [[nodiscard]] ByteView rest() const { return bytes_.substr(position_); }

  ByteView take(std::size_t n) {
    if (n > left()) {
      fail();
      return {};
    }
    const ByteView out = bytes_.substr(position_, n);
    position_ += n;
    return out;
  }

  // Marks the input as malformed: every later read yields nothing.
  void fail() {
    ok_ = false;
    position_ = bytes_.size();
  }

  std::uint8_t u8() {
    const ByteView b = take(1);
    return b.empty() ? std::uint8_t{0} : static_cast<std::uint8_t>(b[0]);
  }

  // Big-endian, as MQTT and Kafka have it on the wire.
  std::uint16_t be16() { return static_cast<std::uint16_t>(big_endian(2)); }
  std::uint32_t be32() { return static_cast<std::uint32_t>(big_endian(4)); }
  std::uint64_t be64() { return big_endian(8); }

  // Little-endian, as our own structures have it on disk.
  std::uint16_t le16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t le32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t le64() { return little_endian(8); }

  // LEB128 of at most 10 bytes, and its zigzag form: Kafka's varints.
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t b = u8();
      if (!ok_) return 0;
      value |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if ((b & 0x80) == 0) return value;
    }
    fail();
    return 0;
  }

  std::int64_t zigzag() {
    const std::uint64_t v = varint();
    return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
  }

  // A varint length, then that many bytes.
  ByteView counted() {
    const std::uint64_t n = varint();
    if (n > left()) {
      fail();
      return {};
    }
    return take(static_cast<std::size_t>(n));
  }

 private:
  std::uint64_t big_endian(std::size_t n) {
    std::uint64_t v = 0;
    for (const char c : take(n)) v = v << 8 | static_cast<std::uint8_t>(c);
    return v;
  }

  std::uint64_t little_endian(std::size_t n) {
    std::uint64_t v = 0;
    unsigned shift = 0;
    for (const char c : take(n)) {
      v |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(c)) << shift;
      shift += 8;
    }
    return v;
  }

  ByteView bytes_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

// Appends to a string that it does not own.
class ByteWriter {
 public:
  explicit ByteWriter(Bytes& out) : out_(out) {}

  void u8(std::uint8_t v) { out_.push_back(static_cast<char>(v)); }
  void be16(std::uint16_t v) { big_endian(v, 2); }
  void be32(std::uint32_t v) { big_endian(v, 4); }
  void be64(std::uint64_t v) { big_endian(v, 8); }
  void le16(std::uint16_t v) { little_endian(v, 2); }
  void le32(std::uint32_t v) { little_endian(v, 4); }
  void le64(std::uint64_t v) { little_endian(v, 8); }
  void bytes(ByteView v) { out_.append(v); }

  void varint(std::uint64_t v) {
    while (v >= 0x80) {
      u8(static_cast<std::uint8_t>(v | 0x80));
      v >>= 7;
    }
    u8(static_cast<std::uint8_t>(v));
  }

  void zigzag(std::int64_t v) {
    varint(static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63));
  }

  void counted(ByteView v) {
    varint(v.size());
    bytes(v);
  }

 private:
  void big_endian(std::uint64_t v, unsigned n) {
    char b[8];
    for (unsigned i = 0; i < n; ++i) b[i] = static_cast<char>(v >> (8 * (n - 1 - i)));
    out_.append(b, n);
  }

  void little_endian(std::uint64_t v, unsigned n) {
    char b[8];
    for (unsigned i = 0; i < n; ++i) b[i] = static_cast<char>(v >> (8 * i));
    out_.append(b, n);
  }

  Bytes& out_;
};

}  // namespace runnel
