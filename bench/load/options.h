// What the command line asks for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "bench/load/stamp.h"
#include "bench/load/wire.h"

namespace runnel::bench {

enum class Mode : std::uint8_t { load, idle, sink, self_test };

struct Options {
  Mode mode = Mode::load;
  std::string self_test;  // which part

  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  Protocol protocol = Protocol::v311;
  std::string client_id = "load";
  bool persistent = false;
  std::uint16_t keep_alive_s = 60;
  unsigned connect_burst = 64;  // connections being opened at once, per thread
  double connect_timeout_s = 30;

  unsigned connections = 50;
  unsigned window = 10;
  unsigned qos = 1;
  std::size_t payload_bytes = 100;
  std::string prefix = "load";
  unsigned topics_per_connection = 1;
  double seconds = 10;  // 0: until `messages`
  double warmup_s = 0;
  std::uint64_t messages = 0;  // 0: until `seconds`
  double rate = 0;             // messages/s; 0: as fast as the windows allow
  unsigned threads = 1;

  unsigned subscribers = 0;
  unsigned subscribe_qos = 1;
  std::uint16_t receive_maximum = 0;
  bool offline_session = false;
  double hold_s = 0;  // between the load and the return of the offline session
  double drain_timeout_s = 10;
  unsigned narrow = 0;

  bool json = false;
  bool progress = false;

  [[nodiscard]] unsigned topics() const {
    return narrow > 0 ? narrow : connections * topics_per_connection;
  }

  [[nodiscard]] std::string topic(unsigned stream) const {
    return prefix + "/" + std::to_string(stream);
  }
};

// Limits of the tool itself.
constexpr unsigned kConnectionsMax = 50'000;
constexpr unsigned kWindowMax = 65'535;  // packet ids
constexpr unsigned kTopicsMax = 1'000'000;
constexpr std::size_t kPayloadBytesMax = 16 * 1024 * 1024;
constexpr unsigned kThreadsMax = 64;

// Either options or the exit code with which the program ends at once (0 after --help).
struct Parsed {
  std::optional<Options> options;
  int exit_code = 0;
};

// Prints help to stdout and complaints to stderr.
Parsed parse_options(int argc, char** argv);

}  // namespace runnel::bench
