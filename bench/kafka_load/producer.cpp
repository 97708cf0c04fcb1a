#include "bench/kafka_load/producer.h"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

// More than this is not laid out before the socket has taken it.
constexpr std::size_t kOutBytesMax = std::size_t{256} << 10;

}  // namespace

Producer::Producer(const KafkaOptions& options, std::uint32_t stream, ProduceLoad& load)
    : options_(options),
      load_(load),
      stream_(stream),
      fd_(connect_to(options.host, options.port)),
      template_(
          options.topic,
          static_cast<std::int32_t>(stream % options.partitions),
          options.record_bytes,
          options.batch_bytes
      ) {
  set_nonblocking(fd_.get());
}

bool Producer::pump() {
  while (true) {
    while (!load_.stopping && !refused_ && sent_at_.size() < options_.in_flight &&
           load_.records_left > 0 && out_.size() - out_at_ < kOutBytesMax) {
      const std::uint64_t now_ns = monotonic_ns();
      out_ += template_.next(next_correlation_++, {load_.run, stream_, sent_, now_ns});
      sent_at_.push_back(now_ns);
      ++load_.in_flight;
      sent_ += template_.records();
      load_.records_left -= std::min<std::uint64_t>(load_.records_left, template_.records());
    }
    if (out_at_ == out_.size()) {
      out_.clear();
      out_at_ = 0;
      return false;
    }
    const ssize_t n =
        send(fd_.get(), out_.data() + out_at_, out_.size() - out_at_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return true;
    if (n < 0) fail_with_errno("cannot send");
    out_at_ += static_cast<std::size_t>(n);
    if (out_at_ == out_.size()) {
      out_.clear();
      out_at_ = 0;
    } else if (out_at_ > kOutBytesMax) {
      out_.erase(0, out_at_);
      out_at_ = 0;
    }
  }
}

void Producer::receive() {
  static thread_local std::array<char, kReadBytes> buffer;
  const ssize_t n = recv(fd_.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (n < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK)) return;
  if (n < 0) fail_with_errno("cannot receive");
  if (n == 0) fail("the broker ended a connection");
  in_.append(buffer.data(), static_cast<std::size_t>(n));
  const std::uint64_t now_ns = monotonic_ns();
  std::size_t at = 0;
  while (in_.size() - at >= kFrameSizeBytes) {
    const std::int32_t size = read_i32(in_.data() + at);
    if (size < 0 || static_cast<std::size_t>(size) > kReadBytes) fail("no answer to a produce");
    const std::size_t end = at + kFrameSizeBytes + static_cast<std::size_t>(size);
    if (in_.size() < end) break;
    answered(
        std::string_view(in_).substr(at + kFrameSizeBytes, end - at - kFrameSizeBytes), now_ns
    );
    at = end;
  }
  in_.erase(0, at);
}

void Producer::answered(std::string_view frame, std::uint64_t now_ns) {
  const auto answer = read_produce_answer(frame);
  if (!answer || sent_at_.empty() || answer->correlation != next_answer_) {
    fail("a produce was answered out of turn, or with something else");
  }
  ++next_answer_;
  const std::uint64_t sent_ns = sent_at_.front();
  sent_at_.pop_front();
  --load_.in_flight;
  load_.last_answer_ns = now_ns;
  const std::uint32_t records = template_.records();
  if (answer->error != 0 || refused_) {  // what follows a refusal is owed nothing
    refused_ = true;
    load_.refused += records;
    if (load_.first_error.empty()) {
      load_.first_error = "produce: error " + std::to_string(answer->error);
    }
    return;
  }
  const std::int64_t least = last_offset_ < 0 ? 0 : last_offset_ + records;
  if (answer->base_offset < least) ++load_.wrong_offsets;
  last_offset_ = answer->base_offset;
  acknowledged_ += records;
  if (now_ns >= load_.measure_from_ns && now_ns < load_.measure_to_ns) {
    load_.acknowledged_measured += records;
    load_.latency.record(now_ns - sent_ns);
  }
}

}  // namespace runnel::bench
