#include "storage/log/batch_head.h"

#include <algorithm>
#include <limits>

#include "storage/base/crc32c.h"

namespace runnel::log {

using namespace head;

Result<BatchFacts> read_batch_head(ByteView bytes) {
  if (bytes.size() < kBytes || get<std::int8_t>(bytes, kMagicAt) != kMagic) return Errc::malformed;
  const auto length = get<std::int32_t>(bytes, kLengthAt);
  if (length < static_cast<std::int32_t>(kBytes - kAfterLength)) return Errc::malformed;
  BatchFacts facts;
  facts.base = Offset(get<std::int64_t>(bytes, kBaseOffsetAt));
  facts.bytes = static_cast<std::size_t>(length) + kAfterLength;
  facts.leader_epoch = get<std::int32_t>(bytes, kLeaderEpochAt);
  facts.crc = get<std::uint32_t>(bytes, kCrcAt);
  facts.attributes = get<std::uint16_t>(bytes, kAttributesAt);
  facts.last_offset_delta = get<std::int32_t>(bytes, kLastDeltaAt);
  facts.base_timestamp_ms = get<std::int64_t>(bytes, kBaseTimestampAt);
  facts.max_timestamp_ms = get<std::int64_t>(bytes, kMaxTimestampAt);
  facts.producer_id = get<std::int64_t>(bytes, kProducerIdAt);
  facts.producer_epoch = get<std::int16_t>(bytes, kProducerEpochAt);
  facts.base_sequence = get<std::int32_t>(bytes, kBaseSequenceAt);
  facts.records = get<std::int32_t>(bytes, kCountAt);
  return facts;
}

std::uint32_t batch_crc(ByteView batch) {
  return crc32c(batch.substr(kAttributesAt));
}

Bytes empty_batch(Offset first, Offset next) {
  using namespace head;
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  const std::int64_t offsets = std::min(next.value - first.value, kMost);
  Bytes out(kBytes, '\0');
  put<std::int64_t>(out, kBaseOffsetAt, first.value);
  put<std::int32_t>(out, kLengthAt, static_cast<std::int32_t>(kBytes - kAfterLength));
  put<std::int8_t>(out, kMagicAt, kMagic);
  put<std::int32_t>(out, kLastDeltaAt, static_cast<std::int32_t>(offsets - 1));
  put<std::int64_t>(out, kBaseTimestampAt, -1);
  put<std::int64_t>(out, kMaxTimestampAt, -1);
  put<std::int64_t>(out, kProducerIdAt, -1);
  put<std::int16_t>(out, kProducerEpochAt, -1);
  put<std::int32_t>(out, kBaseSequenceAt, -1);
  put<std::uint32_t>(out, kCrcAt, batch_crc(out));
  return out;
}

}  // namespace runnel::log
