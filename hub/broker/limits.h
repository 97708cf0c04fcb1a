// Every bound of the MQTT side, with its unit. What cannot grow cannot fall over at night.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace runnel::broker {

// Deeper filters are refused in SUBSCRIBE: a match walks the levels of the tree that they make.
constexpr std::size_t kTopicLevelsMax = 200;

// How often the progress of persistent sessions is written down. A crash repeats at most this much
// of QoS 1 deliveries; QoS 2 deliveries are written down before they are made.
constexpr std::chrono::milliseconds kSaveEvery{1000};

// How long a new connection may take to send its CONNECT.
constexpr std::chrono::seconds kConnectTimeout{10};

struct Limits {
  std::size_t connections_max = 20'000;
  std::uint32_t packet_bytes_max = 1 << 20;
  std::uint16_t receive_maximum = 1024;  // QoS 1 and 2 publishes a client may have unacknowledged
  std::uint16_t inflight_max = 256;      // the same towards a client, unless it asks for less
  std::uint16_t topic_alias_max = 32;    // in each direction
  std::chrono::seconds keep_alive_max{0};                  // 0: as the client asks
  std::optional<std::chrono::seconds> session_expiry_max;  // unset: sessions may last for ever
  std::size_t sessions_max = 20'000;
  std::size_t subscriptions_max = 1000;         // of one session
  std::size_t retained_bytes_max = 8 << 20;     // topics, and rows with payload and properties
  std::size_t outbound_bytes_max = 256 << 10;   // unsent bytes of one connection
  std::size_t block_cache_bytes_max = 4 << 20;  // blocks kept for readers at or near the end
  std::chrono::seconds sys_interval{10};        // 0: no $SYS
};

}  // namespace runnel::broker
