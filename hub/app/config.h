// Everything a user may set, as one struct in plain units, and the way there from a TOML file.
//
// Defaults stand here, as initialisers, and nowhere else: the option table (options.h) reads them
// from a default Config. A Config that load_config() or parse_config() returned has passed every
// check, the relations between limits included.
//
// Threads: values and pure functions; any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

#include "storage/base/logger.h"

namespace runnel::app {

constexpr std::uint64_t kKiB = 1024;
constexpr std::uint64_t kMiB = 1024 * kKiB;
constexpr std::uint64_t kGiB = 1024 * kMiB;

// The topic of everything that no route claims. It always exists.
constexpr std::string_view kDefaultTopic = "mqtt";

constexpr std::size_t kTopicsMax = 1024;        // listed, made by routes, and the default one
constexpr std::uint32_t kPartitionsMax = 1024;  // of one topic
constexpr std::size_t kRoutesMax = 1024;
constexpr std::size_t kUsersMax = 1024;
constexpr std::size_t kLinksMax = 64;
constexpr std::size_t kListenMax = 16;  // addresses in one list
constexpr std::size_t kConfigBytesMax = kMiB;

// Lock files and directory entries: what the data directory holds beside its generations.
constexpr std::uint64_t kStoreOverheadBytes = kMiB;

// A numeric address, without brackets; "localhost" is stored as 127.0.0.1. Port 0 asks the system
// for a free one.
struct ListenAddress {
  std::string host;
  std::uint16_t port = 0;

  bool operator==(const ListenAddress&) const = default;
};

enum class OnFull : std::uint8_t { discard_oldest, reject };

using LogLevel = logger::Level;

// Whose time a record has.
enum class TimestampType : std::uint8_t { create_time, log_append_time };

// What happens while too few mirrors have all that there is.
enum class TooFewReplicas : std::uint8_t { refuse, go_on };

// One [[topic]]. What is left out stays as it is, set by a Kafka client or by default.
struct Topic {
  std::string name;
  std::uint32_t partitions = 1;
  std::optional<std::chrono::seconds> retention = {};
  std::optional<std::uint64_t> retention_bytes = {};
  std::optional<std::uint32_t> message_max_bytes = {};
  std::optional<TimestampType> timestamp_type = {};
  std::uint32_t min_replicas = 1;
  TooFewReplicas too_few_replicas = TooFewReplicas::refuse;

  bool operator==(const Topic&) const = default;
};

// One [[route]]. The first whose filter matches an MQTT topic decides.
struct Route {
  std::string filter;
  std::string topic;
  std::string key = "{topic}";             // text with {topic}, {client}, {1} … {9}
  std::optional<std::uint32_t> partition{};  // unset: by the hash of the key
  std::optional<std::string> mqtt_topic{};   // the way back: text with {key}, {topic}, {partition}

  bool operator==(const Route&) const = default;
};

// One [[user]]. The secret itself stands in a file of its own (user_files.h).
struct User {
  std::string name;
  std::string password_file;            // relative to the directory of the configuration
  std::vector<std::string> mechanisms;  // which it may log in by; empty: all

  // Not options: where it stands in the file, and what load_config() read from password_file: a
  // password, or else credentials in the form of core/sasl/credential.h.
  std::uint32_t line = 0;
  std::string password;
  std::vector<std::string> credentials;

  bool operator==(const User&) const = default;
};

enum class LinkDirection : std::uint8_t { up, down, mirror };
enum class LinkDelivery : std::uint8_t { exactly_once, at_least_once };
enum class LinkUnsent : std::uint8_t { skip, hold };
enum class LinkCompression : std::uint8_t { none, gzip, snappy, lz4, zstd };
enum class LinkMechanism : std::uint8_t { plain, scram_sha_256, scram_sha_512 };

// One [[link]] to a peer hub or a Kafka cluster (bridge/link_spec.h says what each means).
struct Link {
  std::string name;
  std::vector<std::string> bootstrap;
  LinkDirection direction = LinkDirection::up;
  std::vector<std::string> topics;
  std::string destination = "{topic}";
  std::vector<std::string> priority;
  std::string start = "earliest";
  LinkCompression compression = LinkCompression::zstd;
  LinkDelivery delivery = LinkDelivery::exactly_once;
  LinkUnsent unsent = LinkUnsent::skip;
  bool relay = true;
  std::optional<std::uint64_t> bytes_per_second{};
  std::optional<std::uint64_t> bytes_per_day{};
  std::vector<std::string> schedule;
  bool paused = false;
  std::optional<std::string> user{};
  std::optional<std::string> password_file{};
  LinkMechanism mechanism = LinkMechanism::scram_sha_256;
  bool tls = false;
  std::optional<std::string> ca_file{};
  std::optional<std::string> certificate_file{};
  std::optional<std::string> key_file{};
  std::chrono::milliseconds connect_timeout{1500};
  std::chrono::milliseconds silence_timeout{2000};

  // Not options: where it stands in the file, and what load_config() read from password_file.
  std::uint32_t line = 0;
  std::string password;

  bool operator==(const Link&) const = default;
};

struct Config {
  struct Hub {
    std::string name = "auto";  // auto: one that it makes up
    std::chrono::milliseconds replica_timeout{10'000};

    bool operator==(const Hub&) const = default;
  };

  struct Mqtt {
    std::vector<ListenAddress> listen{{"127.0.0.1", 1883}};
    std::vector<ListenAddress> websocket_listen;
    bool allow_anonymous_beyond_loopback = false;
    std::uint32_t connections_max = 20'000;
    std::uint32_t packet_max_bytes = 1 * kMiB;
    std::uint16_t receive_maximum = 1024;
    std::uint16_t inflight_max = 256;
    std::uint16_t topic_alias_max = 32;
    std::chrono::seconds keep_alive_max{0};                  // 0: what the client asks for
    std::optional<std::chrono::seconds> session_expiry_max;  // unset: never
    std::uint32_t sessions_max = 20'000;
    std::uint32_t subscriptions_max = 1000;  // of one session
    std::uint64_t retained_max_bytes = 8 * kMiB;
    std::uint32_t outbound_buffer_max_bytes = 256 * kKiB;  // of one connection
    std::chrono::seconds sys_interval{10};                 // 0: no $SYS

    bool operator==(const Mqtt&) const = default;
  };

  struct Http {
    std::vector<ListenAddress> listen{{"127.0.0.1", 8090}};
    bool allow_anonymous_beyond_loopback = false;

    bool operator==(const Http&) const = default;
  };

  struct Kafka {
    std::vector<ListenAddress> listen{{"127.0.0.1", 9092}};
    bool allow_anonymous_beyond_loopback = false;
    std::string advertised = "auto";  // "host" or "host:port"; auto: the address that the client used
    std::uint32_t connections_max = 1000;
    std::uint32_t request_max_bytes = 8 * kMiB;
    std::uint32_t message_max_bytes = 1 * kMiB;  // of a record batch, without 12 bytes of its head
    std::uint32_t fetch_max_bytes = 4 * kMiB;
    std::uint64_t buffers_max_bytes = 32 * kMiB;  // of all connections
    bool auto_create_topics = true;
    std::uint32_t default_partitions = 1;
    std::vector<std::string> sasl_mechanisms;  // empty: nobody is asked who they are

    bool operator==(const Kafka&) const = default;
  };

  struct Storage {
    std::string dir = "./runnel-data";
    std::uint64_t limit_bytes = 1 * kGiB;  // the ceiling, all overhead included
    std::uint64_t generation_bytes = 64 * kMiB;
    std::optional<std::chrono::seconds> retention;  // unset: never by age
    OnFull on_full = OnFull::discard_oldest;
    std::chrono::microseconds commit_interval{0};
    std::uint32_t group_max_bytes = 4 * kMiB;

    bool operator==(const Storage&) const = default;
  };

  struct Log {
    LogLevel level = LogLevel::info;

    bool operator==(const Log&) const = default;
  };

  Hub hub;
  Mqtt mqtt;
  Http http;
  Kafka kafka;
  Storage storage;
  Log log;
  std::vector<Topic> topics;  // as listed; topics_of() has them all
  std::vector<Route> routes;  // in the order of the file, which is the order of trying
  std::vector<User> users;
  std::vector<Link> links;

  // Not options: what the user should be told once at start, a sentence each, and whether
  // storage.dir was given on the command line and therefore stays through a reload.
  std::vector<std::string> warnings;
  bool dir_from_command_line = false;
  // Whether the file leaves these sizes out, so that they follow the ceiling.
  bool generation_is_derived = true;
  bool group_max_is_derived = true;

  bool operator==(const Config&) const = default;
};

// One thing that is wrong with a file.
struct ConfigError {
  std::uint32_t line = 0;  // 0: the file as a whole
  std::string message;
  std::string suggestion;  // what may have been meant; may be empty

  bool operator==(const ConfigError&) const = default;
};

using ConfigErrors = std::vector<ConfigError>;  // in the order of lines

// A checked Config, or all that is wrong (at least one).
using LoadedConfig = boost::system::result<Config, ConfigErrors>;

// Does not read the files that it names.
[[nodiscard]] LoadedConfig parse_config(std::string_view toml);

// An unreadable file is an error like any other, with line 0.
[[nodiscard]] LoadedConfig read_config(const std::filesystem::path& file);

// Reads the files of secrets too.
[[nodiscard]] LoadedConfig load_config(const std::filesystem::path& file);

// "runnel.toml:12: message; did you mean …?", in one line.
std::string describe(const ConfigError& error, const std::filesystem::path& file);

// Every topic that must exist: the listed ones, then those that routes name and nobody listed (one
// partition each), and the default one.
std::vector<Topic> topics_of(const Config& config);

// The name that the file has for it: "discard-oldest", "info".
std::string_view name_of(OnFull on_full);
std::string_view name_of(LogLevel level);

}  // namespace runnel::app
