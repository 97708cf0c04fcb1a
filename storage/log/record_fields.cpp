#include "storage/log/record_fields.h"

#include <limits>

namespace runnel::log {
namespace {

constexpr std::size_t kInt32VarintBytesMax = 5;

std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

RecordFault take_int(ByteReader& reader, std::int32_t& out) {
  const std::size_t left = reader.left();
  const std::uint64_t v = reader.varint();
  if (!reader.ok()) {
    return left > kInt32VarintBytesMax ? RecordFault::overlong_number : RecordFault::cut_short;
  }
  if (left - reader.left() > kInt32VarintBytesMax ||
      v > std::numeric_limits<std::uint32_t>::max()) {
    return RecordFault::overlong_number;
  }
  const auto u = static_cast<std::uint32_t>(v);
  out = static_cast<std::int32_t>(u >> 1 ^ (0 - (u & 1)));
  return RecordFault::none;
}

RecordFault take_long(ByteReader& reader, std::int64_t& out) {
  constexpr std::size_t kVarintBytesMax = 10;
  const std::size_t left = reader.left();
  out = reader.zigzag();
  if (reader.ok()) return RecordFault::none;
  return left >= kVarintBytesMax ? RecordFault::overlong_number : RecordFault::cut_short;
}

RecordFault take_nullable(ByteReader& reader, std::optional<ByteView>& out) {
  std::int32_t length = 0;
  if (const RecordFault fault = take_int(reader, length); fault != RecordFault::none) return fault;
  if (length < -1) return RecordFault::negative_length;
  if (length == -1) {
    out.reset();
    return RecordFault::none;
  }
  out = reader.take(static_cast<std::size_t>(length));
  return reader.ok() ? RecordFault::none : RecordFault::cut_short;
}

RecordFault take_headers(ByteReader& reader, RecordFields& fields) {
  std::int32_t count = 0;
  if (const RecordFault fault = take_int(reader, count); fault != RecordFault::none) return fault;
  if (count < 0) return RecordFault::negative_length;
  fields.header_count = static_cast<std::uint32_t>(count);
  fields.headers = reader.rest();
  std::optional<ByteView> name;
  std::optional<ByteView> value;
  for (; count > 0; --count) {  // each takes two bytes or fails, whatever the count says
    if (const RecordFault fault = take_nullable(reader, name); fault != RecordFault::none) {
      return fault;
    }
    if (!name) return RecordFault::negative_length;
    if (const RecordFault fault = take_nullable(reader, value); fault != RecordFault::none) {
      return fault;
    }
  }
  return reader.done() ? RecordFault::none : RecordFault::bytes_left_over;
}

RecordFault take_fields(ByteReader& reader, RecordFields& fields) {
  reader.u8();  // attributes
  if (!reader.ok()) return RecordFault::cut_short;
  RecordFault fault = take_long(reader, fields.timestamp_delta);
  if (fault == RecordFault::none) fault = take_int(reader, fields.offset_delta);
  if (fault == RecordFault::none) fault = take_nullable(reader, fields.key);
  if (fault == RecordFault::none) fault = take_nullable(reader, fields.value);
  if (fault == RecordFault::none) fault = take_headers(reader, fields);
  return fault;
}

}  // namespace

Offset record_offset(const BatchFacts& facts, const RecordFields& record) {
  return Offset(wrapping_add(facts.base.value, record.offset_delta));
}

std::int64_t record_time(const BatchFacts& facts, const RecordFields& record) {
  if (facts.append_time()) return facts.max_timestamp_ms;
  return wrapping_add(facts.base_timestamp_ms, record.timestamp_delta);
}

RecordFault take_record(ByteReader& reader, RecordFields& fields) {
  std::int32_t length = 0;
  if (const RecordFault fault = take_int(reader, length); fault != RecordFault::none) return fault;
  if (length < 0) return RecordFault::negative_length;
  const ByteView body = reader.take(static_cast<std::size_t>(length));
  if (!reader.ok()) return RecordFault::cut_short;
  ByteReader inside(body);
  return take_fields(inside, fields);
}

}  // namespace runnel::log
