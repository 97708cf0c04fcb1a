// One connection that produces with acks=all and keeps a fixed number of requests in flight.
//
// Threads: one owner.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "bench/kafka_load/batch.h"
#include "bench/kafka_load/options.h"
#include "bench/kafka_load/socket.h"
#include "bench/load/histogram.h"

namespace runnel::bench {

// What all connections share.
struct ProduceLoad {
  std::uint32_t run = 0;
  bool stopping = false;
  std::uint64_t measure_from_ns = 0;
  std::uint64_t measure_to_ns = 0;
  std::uint64_t records_left = 0;  // that may still be sent
  std::uint64_t in_flight = 0;     // requests
  std::uint64_t acknowledged_measured = 0;
  std::uint64_t last_answer_ns = 0;
  std::uint64_t refused = 0;        // records answered with an error
  std::uint64_t wrong_offsets = 0;  // answers whose offset is not behind the one before
  std::string first_error;
  Histogram latency;
};

class Producer {
 public:
  Producer(const KafkaOptions& options, std::uint32_t stream, ProduceLoad& load);

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Sends what the window allows. True: the socket is full, come back when it is writable.
  bool pump();

  // Reads what is there.
  void receive();

  [[nodiscard]] std::uint64_t sent() const { return sent_; }

  // Records 0 up to this one are acknowledged.
  [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_; }

  [[nodiscard]] const ProduceTemplate& batch() const { return template_; }

  // Where the answer to the last request says that its first record stands; that record's number.
  [[nodiscard]] std::int64_t last_offset() const { return last_offset_; }

  [[nodiscard]] std::uint64_t last_first() const { return acknowledged_ - template_.records(); }

 private:
  void answered(std::string_view frame, std::uint64_t now_ns);

  const KafkaOptions& options_;
  ProduceLoad& load_;
  std::uint32_t stream_;
  Fd fd_;
  ProduceTemplate template_;
  std::deque<std::uint64_t> sent_at_;  // of what is in flight
  std::string out_;
  std::size_t out_at_ = 0;
  std::string in_;
  std::int32_t next_correlation_ = 0;
  std::int32_t next_answer_ = 0;
  std::uint64_t sent_ = 0;
  std::uint64_t acknowledged_ = 0;
  std::int64_t last_offset_ = -1;
  bool refused_ = false;
};

}  // namespace runnel::bench
