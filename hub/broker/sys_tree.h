// The $SYS tree, named as Mosquitto names it (mosquitto(8), "Broker Status"), so that the exporters
// that people have go on working. Values are text. Threads: one, the io thread.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace runnel::broker {

// What the broker counts since it started.
struct Counters {
  std::uint64_t messages_received = 0;  // packets of all kinds
  std::uint64_t messages_sent = 0;
  std::uint64_t publish_received = 0;
  std::uint64_t publish_sent = 0;
  std::uint64_t publish_dropped = 0;    // larger than the client takes ([MQTT-3.1.2-25])
  std::uint64_t publish_bytes_received = 0;
  std::uint64_t publish_bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t connections_accepted = 0;
  std::uint64_t publish_refused = 0;    // told to the publisher: quota, topic, rights
  std::uint64_t expired_undelivered = 0; // message expiry passed before a client could take it
  std::uint64_t session_gap_records = 0; // records that retention took before a session read them
  std::uint64_t sessions_expired = 0;
  std::uint64_t records_without_topic = 0;  // MQTT has no topic for them; while anybody subscribed
  std::uint64_t replays = 0;                // that subscriptions asked for
};

struct SysFacts {
  std::string_view version;
  std::uint64_t uptime_s = 0;
  std::size_t clients_connected = 0;
  std::size_t clients_disconnected = 0;  // sessions whose client is away
  std::size_t clients_maximum = 0;
  std::size_t subscriptions = 0;
  std::size_t shared_subscriptions = 0;
  std::size_t retained = 0;
  std::uint64_t stored_records = 0;
  std::uint64_t stored_bytes = 0;
  const Counters* counters = nullptr;
  std::vector<std::pair<std::string, std::string>> others;  // topics and values of whoever has some
};

class SysTree {
 public:
  using Publish = std::function<void(std::string_view topic, std::string_view value)>;

  // Publishes what has changed since the last call, and everything at the first. `elapsed_s` is the
  // time since then, for the load averages.
  void update(const SysFacts& facts, double elapsed_s, const Publish& publish);

 private:
  static constexpr std::size_t kLoads = 6;
  static constexpr std::size_t kSpans = 3;  // 1, 5 and 15 minutes

  void put(std::string_view topic, std::string value, const Publish& publish);

  std::array<std::array<double, kSpans>, kLoads> loads_{};
  std::array<std::uint64_t, kLoads> last_{};
  std::vector<std::pair<std::string, std::string>> said_;
};

}  // namespace runnel::broker
