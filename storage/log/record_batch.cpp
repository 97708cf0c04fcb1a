#include "storage/log/record_batch.h"

#include <algorithm>
#include <bit>

#include "storage/base/crc32c.h"

namespace runnel::log {
namespace {

// Places in the head.
constexpr std::size_t kLengthAt = 8;
constexpr std::size_t kAfterLength = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;
constexpr std::size_t kLastDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kCountAt = 57;

constexpr std::int16_t kAppendTimeBit = 8;

template <class T>
void put(Bytes& bytes, std::size_t at, T value) {
  using U = std::make_unsigned_t<T>;
  auto v = static_cast<U>(value);
  for (std::size_t i = sizeof(T); i-- > 0;) {
    bytes[at + i] = static_cast<char>(v);
    if constexpr (sizeof(T) > 1) v = static_cast<U>(v >> 8);
  }
}

template <class T>
T get(ByteView bytes, std::size_t at) {
  std::make_unsigned_t<T> v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) {
    if constexpr (sizeof(T) > 1) v = static_cast<std::make_unsigned_t<T>>(v << 8);
    v = static_cast<std::make_unsigned_t<T>>(v | static_cast<std::uint8_t>(bytes[at + i]));
  }
  return static_cast<T>(v);
}

// Sums and differences of what a batch says may be beyond an i64; they wrap, as they do when
// written.
std::int64_t wrapping_add(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

std::int64_t wrapping_subtract(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}

std::size_t varint_bytes(std::uint64_t v) {
  return (static_cast<std::size_t>(std::bit_width(v | 1)) + 6) / 7;
}

std::uint64_t zigzag(std::int64_t v) {
  return static_cast<std::uint64_t>(v) << 1 ^ static_cast<std::uint64_t>(v >> 63);
}

std::size_t counted_bytes(ByteView v) {
  return varint_bytes(zigzag(static_cast<std::int64_t>(v.size()))) + v.size();
}

std::size_t nullable_bytes(const std::optional<ByteView>& v) {
  return v ? counted_bytes(*v) : 1;
}

char* write_varint(char* p, std::uint64_t v) {
  while (v >= 0x80) {
    *p++ = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  *p++ = static_cast<char>(v);
  return p;
}

char* write_counted(char* p, ByteView v) {
  p = write_varint(p, zigzag(static_cast<std::int64_t>(v.size())));
  if (!v.empty()) std::memcpy(p, v.data(), v.size());
  return p + v.size();
}

char* write_nullable(char* p, const std::optional<ByteView>& v) {
  return v ? write_counted(p, *v) : write_varint(p, zigzag(-1));
}

// Everything of a record but its own length.
std::size_t body_bytes(const NewRecord& r, std::int64_t timestamp_delta, std::uint32_t delta) {
  std::size_t n = 1 + varint_bytes(zigzag(timestamp_delta)) +
                  varint_bytes(zigzag(static_cast<std::int64_t>(delta))) + nullable_bytes(r.key) +
                  nullable_bytes(r.value) +
                  varint_bytes(zigzag(static_cast<std::int64_t>(r.headers.size())));
  for (const Header& h : r.headers) {
    n += counted_bytes(h.name) + nullable_bytes(h.null ? std::nullopt : std::optional(h.value));
  }
  return n;
}

// A length of Kafka's kind: -1 is null.
bool read_nullable(ByteReader& reader, std::optional<ByteView>& out) {
  const std::int64_t n = reader.zigzag();
  if (n < 0) {
    out.reset();
    return reader.ok() && n == -1;
  }
  if (static_cast<std::uint64_t>(n) > reader.left()) return false;
  out = reader.take(static_cast<std::size_t>(n));
  return reader.ok();
}

}  // namespace

bool HeaderReader::next(Header& header) {
  if (left_ == 0) return false;
  --left_;
  std::optional<ByteView> name;
  std::optional<ByteView> value;
  if (!read_nullable(reader_, name) || !read_nullable(reader_, value)) return false;
  header.name = name.value_or(ByteView{});
  header.value = value.value_or(ByteView{});
  header.null = !value;
  return true;
}

std::optional<ByteView> find_header(const RecordView& record, ByteView name) {
  HeaderReader reader(record);
  Header header;
  while (reader.next(header)) {
    if (header.name == name) return header.value;
  }
  return std::nullopt;
}

void BatchBuilder::clear() {
  bytes_.assign(kBatchHeadBytes, '\0');
  records_ = 0;
}

std::size_t BatchBuilder::encoded_bytes(const NewRecord& record) {
  constexpr std::size_t kLengthsAndDeltasMax = 5 + 10 + 5;
  return body_bytes(record, 0, 0) + kLengthsAndDeltasMax;
}

void BatchBuilder::append(const NewRecord& record) {
  if (records_ == 0) {
    base_timestamp_ms_ = record.timestamp_ms;
    max_timestamp_ms_ = record.timestamp_ms;
  }
  max_timestamp_ms_ = std::max(max_timestamp_ms_, record.timestamp_ms);
  const std::int64_t timestamp_delta = wrapping_subtract(record.timestamp_ms, base_timestamp_ms_);
  const std::size_t body = body_bytes(record, timestamp_delta, records_);
  const std::size_t at = bytes_.size();
  bytes_.resize(at + varint_bytes(zigzag(static_cast<std::int64_t>(body))) + body);
  char* p = bytes_.data() + at;
  p = write_varint(p, zigzag(static_cast<std::int64_t>(body)));
  *p++ = 0;  // attributes: none are defined
  p = write_varint(p, zigzag(timestamp_delta));
  p = write_varint(p, zigzag(static_cast<std::int64_t>(records_)));
  p = write_nullable(p, record.key);
  p = write_nullable(p, record.value);
  p = write_varint(p, zigzag(static_cast<std::int64_t>(record.headers.size())));
  for (const Header& h : record.headers) {
    p = write_nullable(write_counted(p, h.name), h.null ? std::nullopt : std::optional(h.value));
  }
  RUNNEL_CHECK(p == bytes_.data() + bytes_.size());
  ++records_;
}

void BatchBuilder::seal(Offset base, std::optional<std::int64_t> append_time_ms) {
  RUNNEL_CHECK(records_ > 0);
  put<std::int64_t>(bytes_, 0, base.value);
  put<std::int32_t>(bytes_, kLengthAt, static_cast<std::int32_t>(bytes_.size() - kAfterLength));
  put<std::int32_t>(bytes_, kAfterLength, 0);
  put<std::int8_t>(bytes_, kMagicAt, 2);
  put<std::int16_t>(bytes_, kAttributesAt, append_time_ms ? kAppendTimeBit : std::int16_t{0});
  put<std::int32_t>(bytes_, kLastDeltaAt, static_cast<std::int32_t>(records_ - 1));
  put<std::int64_t>(bytes_, kBaseTimestampAt, base_timestamp_ms_);
  put<std::int64_t>(bytes_, kMaxTimestampAt, append_time_ms.value_or(max_timestamp_ms_));
  put<std::int64_t>(bytes_, kProducerIdAt, -1);
  put<std::int16_t>(bytes_, kProducerEpochAt, -1);
  put<std::int32_t>(bytes_, kBaseSequenceAt, -1);
  put<std::int32_t>(bytes_, kCountAt, static_cast<std::int32_t>(records_));
  put<std::uint32_t>(bytes_, kCrcAt, crc32c(ByteView(bytes_).substr(kAttributesAt)));
}

Result<BatchView> BatchView::parse(ByteView bytes, bool verify) {
  if (bytes.size() < kBatchHeadBytes) return Errc::damaged;
  if (get<std::int8_t>(bytes, kMagicAt) != 2) return Errc::damaged;
  const auto length = static_cast<std::size_t>(get<std::uint32_t>(bytes, kLengthAt));
  if (length + kAfterLength != bytes.size()) return Errc::damaged;
  if (verify && get<std::uint32_t>(bytes, kCrcAt) != crc32c(bytes.substr(kAttributesAt))) {
    return Errc::damaged;
  }
  const auto records = get<std::int32_t>(bytes, kCountAt);
  if (records <= 0 || get<std::int32_t>(bytes, kLastDeltaAt) != records - 1) return Errc::damaged;
  BatchView view;
  view.bytes_ = bytes;
  view.base_offset_ = Offset(get<std::int64_t>(bytes, 0));
  view.records_ = static_cast<std::uint32_t>(records);
  view.base_timestamp_ms_ = get<std::int64_t>(bytes, kBaseTimestampAt);
  view.max_timestamp_ms_ = get<std::int64_t>(bytes, kMaxTimestampAt);
  view.attributes_ = get<std::uint16_t>(bytes, kAttributesAt);
  return view;
}

ProducerStamp BatchView::producer() const {
  ProducerStamp stamp;
  stamp.id = get<std::int64_t>(bytes_, kProducerIdAt);
  stamp.epoch = get<std::int16_t>(bytes_, kProducerEpochAt);
  stamp.first_sequence = get<std::int32_t>(bytes_, kBaseSequenceAt);
  stamp.records = static_cast<std::int32_t>(records_);
  stamp.transactional = transactional();
  return stamp;
}

Result<RecordView> BatchView::record_at(std::size_t& position) const {
  if (position > bytes_.size()) return Errc::damaged;
  ByteReader outer(bytes_.substr(position));
  const std::int64_t length = outer.zigzag();
  if (!outer.ok() || length < 0 || static_cast<std::uint64_t>(length) > outer.left()) {
    return Errc::damaged;
  }
  ByteReader reader(outer.take(static_cast<std::size_t>(length)));
  RecordView record;
  reader.u8();
  record.timestamp_ms = wrapping_add(base_timestamp_ms_, reader.zigzag());
  if (append_time()) record.timestamp_ms = max_timestamp_ms_;
  record.offset = Offset(wrapping_add(base_offset_.value, reader.zigzag()));
  if (!read_nullable(reader, record.key) || !read_nullable(reader, record.value)) {
    return Errc::damaged;
  }
  const std::int64_t headers = reader.zigzag();
  if (!reader.ok() || headers < 0 || static_cast<std::uint64_t>(headers) > reader.left()) {
    return Errc::damaged;
  }
  record.header_count = static_cast<std::uint32_t>(headers);
  record.headers = reader.rest();
  position += outer.position();
  return record;
}

Result<void> BatchView::skip(std::size_t& position) const {
  if (position > bytes_.size()) return Errc::damaged;
  ByteReader reader(bytes_.substr(position));
  const std::int64_t length = reader.zigzag();
  if (!reader.ok() || length < 0 || static_cast<std::uint64_t>(length) > reader.left()) {
    return Errc::damaged;
  }
  position += reader.position() + static_cast<std::size_t>(length);
  return {};
}

std::int64_t newest_timestamp(ByteView batch) {
  RUNNEL_CHECK(batch.size() >= kBatchHeadBytes);
  return get<std::int64_t>(batch, kMaxTimestampAt);
}

}  // namespace runnel::log
