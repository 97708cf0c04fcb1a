#include "bench/kafka_load/consume.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "bench/kafka_load/setup.h"

namespace runnel::bench {

namespace {

constexpr std::int32_t kReadWaitMs = 1000;

// What one recv gives; never empty.
std::string_view receive_some(int fd) {
  static thread_local std::array<char, kReadBytes> buffer;
  while (true) {
    const ssize_t n = recv(fd, buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("cannot receive");
    if (n == 0) fail("the peer ended a connection");
    return {buffer.data(), static_cast<std::size_t>(n)};
  }
}

// Returns the number of requests.
std::uint64_t read_raw(const KafkaOptions& o, int fd) {
  std::uint64_t requests = 0;
  std::uint64_t position = 0;
  while (position < o.raw_bytes) {
    const auto wanted = static_cast<std::int32_t>(
        std::min<std::uint64_t>(o.raw_bytes - position, static_cast<std::uint64_t>(o.max_bytes))
    );
    Out request;
    request.i64(static_cast<std::int64_t>(position)).i32(wanted);
    send_all(fd, request.bytes());
    std::uint64_t left = kFrameSizeBytes + static_cast<std::uint64_t>(wanted);
    while (left > 0) {
      const std::string_view some = receive_some(fd);
      if (some.size() > left) fail("more bytes than were asked for");
      left -= some.size();
    }
    position += static_cast<std::uint64_t>(wanted);
    ++requests;
  }
  return requests;
}

}  // namespace

Reader::Reader(const KafkaOptions& options, FetchStream::OnBatch on_batch)
    : options_(options),
      fd_(connect_to(options.host, options.port)),
      stream_(std::move(on_batch)) {}

void Reader::read_partition(std::int32_t partition, std::int32_t max_bytes) {
  const std::int64_t end = end_offset(fd_.get(), options_.topic, partition);
  FetchFields fields{options_.topic, partition, 0, max_bytes, kReadWaitMs, 1};
  while (fields.offset < end) {
    stream_.begin(fields, ++correlation_);
    send_all(fd_.get(), fetch_request(correlation_, fields));
    while (!stream_.done()) {
      const std::string_view some = receive_some(fd_.get());
      if (stream_.feed(some) != some.size()) fail("more bytes than a fetch's answer has");
    }
    if (stream_.next_offset() <= fields.offset) {
      fail("a fetch below the end gave no records, at offset " + std::to_string(fields.offset));
    }
    fields.offset = stream_.next_offset();
    bytes_ += stream_.batch_bytes();
    records_ += stream_.records();
    ++fetches_;
  }
}

bool run_consume(const KafkaOptions& o, Json& report) {
  std::uint64_t bytes = o.raw_bytes;
  std::uint64_t records = 0;
  std::uint64_t fetches = 0;
  const double cpu_from_s = cpu_seconds_used();
  std::uint64_t began_ns = 0;
  if (o.raw) {
    const Fd fd = connect_to(o.host, o.port);
    say_phase(o, "connected");
    began_ns = monotonic_ns();
    fetches = read_raw(o, fd.get());
  } else {
    Reader reader(o);
    say_phase(o, "connected");
    began_ns = monotonic_ns();
    for (std::uint32_t p = 0; p < o.partitions; ++p) {
      reader.read_partition(static_cast<std::int32_t>(p), o.max_bytes);
    }
    bytes = reader.bytes();
    records = reader.records();
    fetches = reader.fetches();
  }
  const double seconds = static_cast<double>(monotonic_ns() - began_ns) / 1e9;
  say_phase(o, "loaded");
  report.count("bytes", bytes).count("records", records).count("fetches", fetches);
  report.number("seconds", seconds);
  report.number("mb_per_s", static_cast<double>(bytes) / 1e6 / std::max(seconds, 1e-9));
  report.number("cpu_seconds", cpu_seconds_used() - cpu_from_s);
  report.flag("good", bytes > 0);
  return bytes > 0;
}

}  // namespace runnel::bench
