#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

constexpr std::string_view kClientId = "runnel-kafka-load";
constexpr std::int32_t kTimeoutMs = 30'000;

Out begin(std::int16_t api, std::int16_t version, std::int32_t correlation) {
  Out out;
  out.i32(0).i16(api).i16(version).i32(correlation).string(kClientId);
  return out;
}

std::string end(Out& out) {
  close_frame(out.bytes());
  return std::move(out.bytes());
}

}  // namespace

Out& Out::varint(std::int64_t value) {
  std::uint64_t rest =
      (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
  while (rest >= 0x80) {
    bytes_ += static_cast<char>(rest | 0x80);
    rest >>= 7;
  }
  bytes_ += static_cast<char>(rest);
  return *this;
}

Out& Out::string(std::string_view text) {
  return i16(static_cast<std::int16_t>(text.size())).raw(text);
}

std::uint64_t In::number(unsigned bytes) {
  std::uint64_t value = 0;
  for (const char c : take(bytes)) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

std::int64_t In::varint() {
  std::uint64_t value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const std::uint64_t digit = number(1);
    value |= (digit & 0x7F) << shift;
    if (digit < 0x80) return static_cast<std::int64_t>(value >> 1 ^ (~(value & 1) + 1));
  }
  ok_ = false;
  return 0;
}

std::string_view In::take(std::int64_t bytes) {
  if (bytes <= 0) return {};
  if (!ok_ || static_cast<std::uint64_t>(bytes) > rest_.size()) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view taken = rest_.substr(0, static_cast<std::size_t>(bytes));
  rest_.remove_prefix(taken.size());
  return taken;
}

void write_i32(char* at, std::int32_t value) {
  const auto v = static_cast<std::uint32_t>(value);
  for (unsigned i = 0; i < 4; ++i) at[i] = static_cast<char>(v >> (24 - 8 * i));
}

void write_i64(char* at, std::int64_t value) {
  const auto v = static_cast<std::uint64_t>(value);
  for (unsigned i = 0; i < 8; ++i) at[i] = static_cast<char>(v >> (56 - 8 * i));
}

std::int32_t read_i32(const char* at) {
  return In({at, 4}).i32();
}

std::int64_t read_i64(const char* at) {
  return In({at, 8}).i64();
}

void close_frame(std::string& frame) {
  write_i32(frame.data(), static_cast<std::int32_t>(frame.size() - kFrameSizeBytes));
}

std::string produce_head(std::string_view topic, std::int32_t partition) {
  Out out = begin(kProduce, kProduceVersion, 0);
  out.i16(-1).i16(-1).i32(kTimeoutMs);  // no transactional id, acks=all
  out.i32(1).string(topic).i32(1).i32(partition);
  return std::move(out.bytes());
}

std::string fetch_request(std::int32_t correlation, const FetchFields& f) {
  Out out = begin(kFetch, 11, correlation);
  out.i32(-1).i32(f.max_wait_ms).i32(f.min_bytes).i32(f.max_bytes).i8(0);
  out.i32(0).i32(-1);  // no fetch session
  out.i32(1).string(f.topic).i32(1);
  out.i32(f.partition).i32(-1).i64(f.offset).i64(-1).i32(f.max_bytes);
  out.i32(0).string("");  // nothing forgotten, no rack
  return end(out);
}

std::string create_topic_request(std::string_view topic, std::int32_t partitions) {
  Out out = begin(kCreateTopics, 2, 0);
  out.i32(1).string(topic).i32(partitions).i16(1).i32(0).i32(0);
  out.i32(kTimeoutMs).i8(0);
  return end(out);
}

std::string metadata_request(std::string_view topic) {
  Out out = begin(kMetadata, 1, 0);
  out.i32(1).string(topic);
  return end(out);
}

std::string end_offset_request(std::string_view topic, std::int32_t partition) {
  Out out = begin(kListOffsets, 1, 0);
  out.i32(-1).i32(1).string(topic).i32(1).i32(partition).i64(-1);
  return end(out);
}

std::optional<ProduceAnswer> read_produce_answer(std::string_view frame) {
  In in(frame);
  ProduceAnswer answer;
  answer.correlation = in.i32();
  if (in.i32() != 1) return std::nullopt;
  in.string();
  if (in.i32() != 1) return std::nullopt;
  in.i32();
  answer.error = in.i16();
  answer.base_offset = in.i64();
  in.take(8 + 8 + 4);  // append time, log start offset, throttle time
  return in.ok() ? std::optional(answer) : std::nullopt;
}

std::optional<std::int16_t> read_create_topic_answer(std::string_view frame) {
  In in(frame);
  in.take(8);  // correlation, throttle time
  if (in.i32() != 1) return std::nullopt;
  in.string();
  const std::int16_t error = in.i16();
  return in.ok() ? std::optional(error) : std::nullopt;
}

std::optional<TopicAnswer> read_metadata_answer(std::string_view frame) {
  In in(frame);
  in.i32();
  for (std::int32_t brokers = in.i32(); brokers > 0 && in.ok(); --brokers) {
    in.i32();
    in.string();
    in.i32();
    in.string();
  }
  in.i32();  // controller
  if (in.i32() != 1) return std::nullopt;
  TopicAnswer answer;
  answer.error = in.i16();
  in.string();
  in.i8();
  for (std::int32_t partitions = in.i32(); partitions > 0 && in.ok(); --partitions) {
    const std::int16_t error = in.i16();
    in.i32();
    if (in.i32() >= 0 && error == 0) ++answer.partitions;
    in.take(std::int64_t{4} * in.i32());  // replicas
    in.take(std::int64_t{4} * in.i32());  // those in sync
  }
  return in.ok() ? std::optional(answer) : std::nullopt;
}

std::optional<OffsetAnswer> read_end_offset_answer(std::string_view frame) {
  In in(frame);
  in.i32();
  if (in.i32() != 1) return std::nullopt;
  in.string();
  if (in.i32() != 1) return std::nullopt;
  in.i32();
  OffsetAnswer answer;
  answer.error = in.i16();
  in.i64();
  answer.offset = in.i64();
  return in.ok() ? std::optional(answer) : std::nullopt;
}

}  // namespace runnel::bench
