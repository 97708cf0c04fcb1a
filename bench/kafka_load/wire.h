// The requests that this tool sends, by bytes: one fixed version of each, none of them "flexible".
// What the answers hold, as far as this tool asks. Kafka's protocol guide has the layouts.
//
// Threads: pure; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace runnel::bench {

constexpr std::int16_t kProduce = 0;        // version 7
constexpr std::int16_t kFetch = 1;          // version 11
constexpr std::int16_t kListOffsets = 2;    // version 1
constexpr std::int16_t kMetadata = 3;       // version 1
constexpr std::int16_t kCreateTopics = 19;  // version 2
constexpr std::int16_t kProduceVersion = 7;

constexpr std::int16_t kTopicAlreadyExists = 36;

constexpr std::size_t kFrameSizeBytes = 4;  // before every request and every answer
constexpr std::size_t kFrameBytesMax = std::size_t{256} << 20;

// Appends big-endian fields.
class Out {
 public:
  Out& i8(std::int8_t value) { return number(static_cast<std::uint64_t>(value), 1); }

  Out& i16(std::int16_t value) { return number(static_cast<std::uint64_t>(value), 2); }

  Out& i32(std::int32_t value) { return number(static_cast<std::uint64_t>(value), 4); }

  Out& i64(std::int64_t value) { return number(static_cast<std::uint64_t>(value), 8); }

  Out& varint(std::int64_t value);  // zigzag

  Out& string(std::string_view text);

  Out& raw(std::string_view bytes) {
    bytes_ += bytes;
    return *this;
  }

  [[nodiscard]] std::string& bytes() { return bytes_; }

 private:
  Out& number(std::uint64_t value, unsigned bytes) {
    for (unsigned i = bytes; i > 0; --i) bytes_ += static_cast<char>(value >> (8 * (i - 1)));
    return *this;
  }

  std::string bytes_;
};

// Reads big-endian fields. Once something is missing, ok() is false and every field is 0 or empty.
class In {
 public:
  explicit In(std::string_view bytes) : rest_(bytes) {}

  std::int8_t i8() { return static_cast<std::int8_t>(number(1)); }

  std::int16_t i16() { return static_cast<std::int16_t>(number(2)); }

  std::int32_t i32() { return static_cast<std::int32_t>(number(4)); }

  std::int64_t i64() { return static_cast<std::int64_t>(number(8)); }

  std::int64_t varint();  // zigzag

  std::string_view string() { return take(i16()); }  // null is empty

  std::string_view take(std::int64_t bytes);

  [[nodiscard]] bool ok() const { return ok_; }

  [[nodiscard]] std::string_view rest() const { return rest_; }

 private:
  std::uint64_t number(unsigned bytes);

  std::string_view rest_;
  bool ok_ = true;
};

void write_i32(char* at, std::int32_t value);
void write_i64(char* at, std::int64_t value);
std::int32_t read_i32(const char* at);
std::int64_t read_i64(const char* at);

// --- Requests: whole frames, with their size in front -------------------------------------------

// Up to the record set's length, which the caller appends with the record set: then it sets the
// frame's size with close_frame(). acks=all.
std::string produce_head(std::string_view topic, std::int32_t partition);

constexpr std::size_t kCorrelationAt = 8;  // in every frame

struct FetchFields {
  std::string_view topic;
  std::int32_t partition = 0;
  std::int64_t offset = 0;
  std::int32_t max_bytes = 1 << 20;
  std::int32_t max_wait_ms = 0;
  std::int32_t min_bytes = 1;
};

std::string fetch_request(std::int32_t correlation, const FetchFields& fields);
std::string create_topic_request(std::string_view topic, std::int32_t partitions);
std::string metadata_request(std::string_view topic);
std::string end_offset_request(std::string_view topic, std::int32_t partition);

void close_frame(std::string& frame);

// --- Answers: frames without their size; nullopt when they are cut short or of something else ---

struct ProduceAnswer {
  std::int32_t correlation = 0;
  std::int16_t error = 0;
  std::int64_t base_offset = -1;
};

std::optional<ProduceAnswer> read_produce_answer(std::string_view frame);
std::optional<std::int16_t> read_create_topic_answer(std::string_view frame);  // the error

struct TopicAnswer {
  std::int16_t error = 0;
  std::int32_t partitions = 0;  // that have a leader
};

std::optional<TopicAnswer> read_metadata_answer(std::string_view frame);

struct OffsetAnswer {
  std::int16_t error = 0;
  std::int64_t offset = -1;
};

std::optional<OffsetAnswer> read_end_offset_answer(std::string_view frame);

}  // namespace runnel::bench
