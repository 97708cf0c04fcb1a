// What the connections of one thread share: the epoll, one buffer to read into, one to write from,
// and the counts. Threads: its own, until that has ended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/histogram.h"
#include "bench/load/options.h"

namespace runnel::bench {

struct Tally {
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
  std::uint64_t acknowledged_measured = 0;  // inside the measured time
  std::uint64_t refused = 0;                // acknowledged with a reason that says no
  std::uint64_t in_flight = 0;
  std::uint64_t last_ack_ns = 0;
  Histogram ack_latency;

  std::uint64_t live_distinct = 0;
  std::uint64_t offline_distinct = 0;
  std::uint64_t live_first_ns = 0;
  std::uint64_t live_last_ns = 0;
  std::uint64_t offline_begin_ns = 0;  // the CONNACK of the return
  std::uint64_t offline_last_ns = 0;
  std::uint64_t foreign = 0;  // not of this run
  Histogram live_latency;

  std::uint64_t errors = 0;
  std::uint64_t reconnects = 0;
  std::uint64_t pings = 0;
  std::uint64_t pongs = 0;
  std::string first_error;
};

// Bytes on their way into one write.
class Outbox {
 public:
  // Room for `bytes` more; valid until the next call.
  char* grow(std::size_t bytes) {
    if (used_ + bytes > buffer_.size()) buffer_.resize((used_ + bytes) * 2);
    char* out = buffer_.data() + used_;
    used_ += bytes;
    return out;
  }

  [[nodiscard]] std::string_view view() const { return {buffer_.data(), used_}; }

  [[nodiscard]] bool empty() const { return used_ == 0; }

  void clear() { used_ = 0; }

 private:
  std::vector<char> buffer_ = std::vector<char>(256 * 1024);
  std::size_t used_ = 0;
};

struct Loop {
  // `epoll_fd` stays the caller's.
  Loop(const Options& options_in, int epoll_fd_in, std::uint32_t run_in)
      : options(options_in),
        epoll_fd(epoll_fd_in),
        run(run_in),
        in(kReadBytes + 2 * (options_in.payload_bytes + kOverheadBytesMax)) {}

  static constexpr std::size_t kReadBytes = 256 * 1024;
  static constexpr std::size_t kOverheadBytesMax = 66 * 1024;  // MQTT topic and headers

  const Options& options;
  int epoll_fd;
  std::uint32_t run;
  std::vector<char> in;
  Outbox out;
  Tally tally;
  unsigned opening = 0;  // connections between connect() and CONNACK
  unsigned open = 0;
  unsigned blocked = 0;  // connections whose socket did not take all
  // The measured time; acknowledgements outside are not part of the rate.
  std::uint64_t measure_from_ns = 0;
  std::uint64_t measure_until_ns = UINT64_MAX;

  void error(std::string_view words) {
    ++tally.errors;
    if (tally.first_error.empty()) tally.first_error = words;
  }
};

}  // namespace runnel::bench
