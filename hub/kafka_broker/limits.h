// What a Kafka client may take of the hub, by name and with its unit (DESIGN: everything has a bound).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hub/core/sasl/mechanism.h"

namespace runnel::kafka {

// Of the head of a batch, that Kafka's message.max.bytes allows on top of a round number.
constexpr std::size_t kLogOverheadBytes = 12;

struct Limits {
  std::size_t connections_max = 1000;
  std::size_t request_bytes_max = 8 << 20;      // of one frame, before anything of it is kept
  std::size_t message_bytes_max = 1'048'588;    // of one record batch (Kafka's message.max.bytes)
  std::size_t fetch_bytes_max = 4 << 20;        // of the records in one answer, but for one batch
  std::size_t outbound_bytes_max = 8 << 20;     // unsent answers of a connection; then no more is read
  std::size_t buffers_bytes_max = 32 << 20;     // requests and answers of all connections: see Memory
  std::size_t requests_in_flight_max = 100;     // of a connection; then no more is read (one fetch)
  std::chrono::milliseconds fetch_wait_max{60'000};
  std::uint32_t partitions_per_topic_max = 256;
  std::size_t topics_max = 1000;

  // How long an acknowledgement waits for mirrors, and how long ago one may have had everything.
  std::chrono::milliseconds replica_timeout{10'000};

  // What the log does with all records; told to clients that ask.
  std::optional<std::chrono::milliseconds> retention;
  std::uint64_t generation_bytes = std::uint64_t{64} << 20;

  // Of a peer that has not said who it is, where it has to.
  std::size_t stranger_bytes_max = 64 << 10;  // of one request, and of answers that wait
  std::chrono::seconds login_time_max{10};
  std::chrono::milliseconds failed_login_delay{100};  // between a wrong password and its answer

  std::vector<sasl::Mechanism> sasl_mechanisms;  // empty: nobody is asked who they are
  bool auto_create_topics = true;
  std::uint32_t default_partitions = 1;
  // What clients are told to connect to; no host, or port 0: the address that they used.
  struct Address {
    std::string host;
    std::uint16_t port = 0;
  };

  Address advertised;
  std::string cluster_id;  // what clients are told that the cluster is called; empty: the id that it gave itself
};

}  // namespace runnel::kafka
