// What the command line of runnel-kafka-load asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

namespace runnel::bench {

enum class KafkaMode : std::uint8_t { produce, consume, wait, append_peer, bytes_peer };

struct KafkaOptions {
  KafkaMode mode = KafkaMode::produce;
  std::string host = "127.0.0.1";
  std::uint16_t port = 9092;
  std::string topic = "load";
  unsigned partitions = 1;
  bool progress = false;

  unsigned connections = 1;
  unsigned in_flight = 5;  // produce requests of a connection
  std::size_t record_bytes = 100;
  std::size_t batch_bytes = 16'384;  // 0: single records
  double seconds = 5;                // 0: until `records`
  double warmup_s = 0;
  std::uint64_t records = 0;  // in all; 0: until `seconds`
  bool no_setup = false;      // the peer knows no topics
  bool verify = false;        // read all of it back

  std::int32_t max_bytes = 1 << 20;  // of a fetch
  bool raw = false;                  // the bytes peer's requests, not Kafka's
  std::uint64_t raw_bytes = 0;       // how many of them to read

  unsigned consumers = 200;
  std::int32_t max_wait_ms = 500;
  double read_seconds = 0;

  std::string file;
  std::uint64_t laid_out_bytes = 0;  // 0: the file grows
  bool copy = false;                 // read+write in the place of sendfile
};

// Limits of the tool itself.
constexpr unsigned kKafkaConnectionsMax = 10'000;
constexpr unsigned kInFlightMax = 10'000;
constexpr std::size_t kRecordBytesMax = std::size_t{16} << 20;
constexpr std::size_t kReadBytes = std::size_t{256} << 10;  // of one recv

struct KafkaParsed {
  std::optional<KafkaOptions> options;
  int exit_code = 0;
};

// Prints help to stdout and complaints to stderr.
KafkaParsed parse_kafka_options(int argc, char** argv);

}  // namespace runnel::bench
