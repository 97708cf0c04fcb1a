// The head of a RecordBatch v2 (Kafka protocol guide, "Record Batch"): where its fields are, and
// what they say. Nothing here looks at the records or at the checksum.
//
// Threads: pure functions and values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

#include "storage/base/bytes.h"
#include "storage/base/error.h"
#include "storage/base/types.h"
#include "storage/log/compression.h"

namespace runnel::log {

// Places of the fields, in bytes from the start of the batch, and their coding.
namespace head {

constexpr std::size_t kBaseOffsetAt = 0;
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kAfterLength = 12;  // what the length counts begins here
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;  // what the checksum covers begins here
constexpr std::size_t kLastDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kCountAt = 57;
constexpr std::size_t kBytes = 61;

constexpr std::int8_t kMagic = 2;

constexpr std::uint16_t kCodecMask = 0x07;
constexpr std::uint16_t kAppendTimeBit = 0x08;
constexpr std::uint16_t kTransactionalBit = 0x10;
constexpr std::uint16_t kControlBit = 0x20;
constexpr std::uint16_t kDeleteHorizonBit = 0x40;

// Reads the big-endian integer at `at`. `bytes` holds it.
template <class T>
T get(ByteView bytes, std::size_t at) {
  using U = std::make_unsigned_t<T>;
  std::uint64_t v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v = v << 8 | static_cast<std::uint8_t>(bytes[at + i]);
  return static_cast<T>(static_cast<U>(v));
}

// Writes it.
template <class T>
void put(std::span<char> bytes, std::size_t at, T value) {
  auto v = static_cast<std::uint64_t>(value);
  for (std::size_t i = sizeof(T); i-- > 0; v >>= 8) bytes[at + i] = static_cast<char>(v);
}

}  // namespace head

// All that a head says, believed as it stands.
struct BatchFacts {
  Offset base{};
  std::size_t bytes = 0;  // of the whole batch, head included
  std::int32_t leader_epoch = 0;
  std::uint32_t crc = 0;
  std::uint16_t attributes = 0;
  std::int32_t last_offset_delta = 0;
  std::int64_t base_timestamp_ms = 0;
  std::int64_t max_timestamp_ms = 0;
  std::int64_t producer_id = -1;  // -1: the producer is not idempotent
  std::int16_t producer_epoch = -1;
  std::int32_t base_sequence = -1;
  std::int32_t records = 0;

  // May be none that is known(); see compression.h.
  [[nodiscard]] Codec codec() const { return static_cast<Codec>(attributes & head::kCodecMask); }

  // Every record's time is max_timestamp_ms (LogAppendTime), not its own (CreateTime).
  [[nodiscard]] bool append_time() const { return (attributes & head::kAppendTimeBit) != 0; }

  [[nodiscard]] bool transactional() const { return (attributes & head::kTransactionalBit) != 0; }

  // Its one record is a marker of a transaction (control_batch.h), not data.
  [[nodiscard]] bool control() const { return (attributes & head::kControlBit) != 0; }

  // Compaction has set it; base_timestamp_ms is then the time from which tombstones may go
  // (KIP-534).
  [[nodiscard]] bool delete_horizon() const { return (attributes & head::kDeleteHorizonBit) != 0; }
};

// The head of the batch that `bytes` begins with; there may be less or more than the batch.
// Errc::malformed when there are not even 61 bytes, the magic is not 2, or the batch would be
// smaller than its head.
[[nodiscard]] Result<BatchFacts> read_batch_head(ByteView bytes);

// The checksum that a batch with these bytes should have. `batch` is one whole batch.
[[nodiscard]] std::uint32_t batch_crc(ByteView batch);

// A batch without records that takes the offsets [first, next): what compaction leaves where nothing is
// left. Clients go on behind it.
[[nodiscard]] Bytes empty_batch(Offset first, Offset next);

}  // namespace runnel::log
