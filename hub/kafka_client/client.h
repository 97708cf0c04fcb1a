// One client of a Kafka cluster: what consumers, producers and administration have in common. The
// work is librdkafka's, which the files of this folder alone know.
//
// Threads: each object belongs to one thread. The library has threads of its own behind it, from
// the construction of a client to its end.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "hub/kafka_client/record.h"

namespace runnel::kafka_client {

class Library;
class Sockets;

// Times that offsets_at() takes beside milliseconds since 1970.
constexpr std::int64_t kEarliest = -2;
constexpr std::int64_t kLatest = -1;

// How long one question may take. A hub whose commit_interval is at its longest needs 10 s.
constexpr std::chrono::milliseconds kPatience{30'000};

using Settings = std::vector<std::pair<const char*, std::string>>;

class Client {
 public:
  virtual ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Why nothing can be done with it, if so: the library is missing, or takes no such settings.
  [[nodiscard]] const std::optional<std::string>& unusable() const { return broken_; }

  // Waits for a broker that answers. Fails early when it does not know the user. To be called
  // before anything else.
  std::optional<Failure> connect(std::chrono::milliseconds timeout);

  // Whether a broker answers within `timeout`.
  bool answers(std::chrono::milliseconds timeout);

  // The cluster's own name for itself; empty: it has none, or does not answer.
  std::string cluster_id();

  // All topics, by name. Makes none.
  Answer<std::vector<Topic>> topics();

  // For each place, whose `offset` is a time: the first offset with that time or a later one, -1
  // when there is none yet; with kEarliest where the partition begins, with kLatest where it ends
  // (for a consumer of committed records only: where what is decided ends).
  Answer<std::vector<At>> offsets_at(const std::vector<At>& times);

 protected:
  enum class Role : std::uint8_t { consumer, producer };

  // Never fails for an address that cannot be reached: connect() does.
  // `sockets` outlives the library, which ends with this or with release().
  Client(Role role, const Door& door, const Settings& settings, Sockets* sockets = nullptr);

  // Ends the library's work. Nothing may be called after it.
  void release();

  [[nodiscard]] Library& library() { return *library_; }

 private:
  std::unique_ptr<Library> library_;
  std::optional<std::string> broken_;  // what the library said to the settings
};

}  // namespace runnel::kafka_client
