#include "hub/kafka/wire.h"

#include <algorithm>
#include <limits>

namespace runnel::kafka {

std::uint8_t Reader::u8() {
  return in_.u8();
}

std::uint16_t Reader::u16() {
  return in_.be16();
}

std::uint32_t Reader::u32() {
  return in_.be32();
}

std::uint64_t Reader::u64() {
  return in_.be64();
}

void Reader::tags() {
  if (!flexible()) return;
  for (std::uint64_t n = in_.varint(); n > 0 && ok(); --n) {
    in_.varint();
    in_.counted();
  }
}

std::optional<std::size_t> Reader::compact_length() {
  const std::uint64_t n = in_.varint();
  if (n > std::numeric_limits<std::uint32_t>::max()) in_.fail();
  // What is cut off is malformed, not null.
  if (!ok()) return 0;
  if (n == 0) return std::nullopt;
  return static_cast<std::size_t>(n - 1);
}

std::optional<std::size_t> Reader::text_length() {
  if (flexible()) return compact_length();
  const auto n = static_cast<std::int16_t>(u16());
  if (n < 0) return std::nullopt;
  return static_cast<std::size_t>(n);
}

std::optional<std::size_t> Reader::length() {
  if (flexible()) return compact_length();
  const auto n = static_cast<std::int32_t>(u32());
  if (n < 0) return std::nullopt;
  return static_cast<std::size_t>(n);
}

std::optional<std::size_t> Reader::count() {
  const auto n = length();
  if (!n) return n;
  // No element takes less than a byte.
  if (*n > in_.left() || *n > elements_left_) {
    in_.fail();
    return 0;
  }
  elements_left_ -= *n;
  return n;
}

bool Reader::read_unless_null(Text& field) {
  const auto n = text_length();
  if (n && *n > kTextBytesMax) in_.fail();
  if (n) field = in_.take(*n);
  return n.has_value();
}

bool Reader::read_unless_null(Blob& field) {
  const auto n = length();
  if (n) field.bytes = in_.take(*n);
  return n.has_value();
}

void Reader::read(Uuid& field) {
  const ByteView bytes = in_.take(field.bytes.size());
  std::copy(bytes.begin(), bytes.end(), field.bytes.begin());
}

void Writer::u8(std::uint8_t value) {
  out_.u8(value);
}

void Writer::u16(std::uint16_t value) {
  out_.be16(value);
}

void Writer::u32(std::uint32_t value) {
  out_.be32(value);
}

void Writer::u64(std::uint64_t value) {
  out_.be64(value);
}

void Writer::tags() {
  if (flexible()) u8(0);
}

void Writer::length(std::size_t n) {
  if (flexible()) {
    out_.varint(n + 1);
  } else {
    u32(static_cast<std::uint32_t>(n));
  }
}

void Writer::write(const Text& field) {
  const Text text = field.substr(0, kTextBytesMax);
  if (flexible()) {
    out_.varint(text.size() + 1);
  } else {
    u16(static_cast<std::uint16_t>(text.size()));
  }
  out_.bytes(text);
}

void Writer::write(const Blob& field) {
  length(field.bytes.size());
  out_.bytes(field.bytes);
}

void Writer::write(const Uuid& field) {
  for (const std::uint8_t byte : field.bytes) u8(byte);
}

}  // namespace runnel::kafka
