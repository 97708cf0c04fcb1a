#include "hub/app/options.h"

#include <array>

#include "hub/app/option_access.h"
#include "hub/core/sasl/mechanism.h"

namespace runnel::app {

namespace {

constexpr std::uint64_t kMs = 1000;  // in microseconds
constexpr std::uint64_t kSecond = 1000 * kMs;
constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kTiB = 1024 * kGiB;

// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kOnFull{"discard-oldest", "reject"};
constexpr std::array<std::string_view, 4> kLevels{"debug", "info", "warn", "error"};
static_assert(static_cast<std::size_t>(OnFull::reject) + 1 == kOnFull.size());
static_assert(static_cast<std::size_t>(LogLevel::error) + 1 == kLevels.size());

using M = Config::Mqtt;
using K = Config::Kafka;
using S = Config::Storage;
constexpr std::string_view kAnonymousSentence =
    "Allows listen addresses that other machines can reach, though nobody is asked who they are.";

constexpr std::array kHubOptions{
    member_of<&Config::hub, &Config::Hub::name>({
        .section = "hub",
        .key = "name",
        .kind = Kind::text,
        .sentence = "What others call this hub: hub.origin of its records, {hub} in names of topics, its "
                    "Kafka cluster id. 1 to 64 of a-z, A-Z, 0-9, '.', '_' and '-'; no two hubs that links "
                    "join may have the same. \"auto\": one that it makes up.",
        .change = Change::restart,
    }),
    member_of<&Config::hub, &Config::Hub::replica_timeout>({
        .section = "hub",
        .key = "replica_timeout",
        .kind = Kind::duration,
        .sentence = "How long an acknowledgement of a topic with min_replicas waits for mirrors, and how "
                    "long a mirror that has not caught up still counts.",
        .min = kSecond,
        .max = 600 * kSecond,
    }),
};

constexpr std::array kMqttOptions{
    member_of<&Config::mqtt, &M::listen>({
        .section = "mqtt",
        .key = "listen",
        .kind = Kind::addresses,
        .sentence = "Addresses for MQTT 3.1.1 and 5.0 over TCP.",
        .change = Change::restart,
    }),
    member_of<&Config::mqtt, &M::websocket_listen>({
        .section = "mqtt",
        .key = "websocket_listen",
        .kind = Kind::addresses,
        .sentence = "Addresses for MQTT over WebSocket (path /mqtt, subprotocol mqtt).",
        .change = Change::restart,
    }),
    member_of<&Config::mqtt, &M::allow_anonymous_beyond_loopback>({
        .section = "mqtt",
        .key = "allow_anonymous_beyond_loopback",
        .kind = Kind::flag,
        .sentence = kAnonymousSentence,
    }),
    member_of<&Config::mqtt, &M::connections_max>({
        .section = "mqtt",
        .key = "connections_max",
        .kind = Kind::count,
        .sentence = "Connections at a time; clients beyond that are turned away.",
        .min = 1,
        .max = 1'000'000,
    }),
    member_of<&Config::mqtt, &M::packet_max_bytes>({
        .section = "mqtt",
        .key = "packet_max",
        .kind = Kind::size,
        .sentence = "The largest packet that a client may send (announced as Maximum Packet Size); "
                    "at most half of group_max.",
        .min = kKiB,
        .max = 256 * kMiB,
    }),
    member_of<&Config::mqtt, &M::receive_maximum>({
        .section = "mqtt",
        .key = "receive_maximum",
        .kind = Kind::count,
        .sentence = "QoS 1 and 2 publishes that one client may have unacknowledged (announced as "
                    "Receive Maximum).",
        .min = 1,
        .max = 65535,
    }),
    member_of<&Config::mqtt, &M::inflight_max>({
        .section = "mqtt",
        .key = "inflight_max",
        .kind = Kind::count,
        .sentence = "QoS 1 and 2 messages on their way to one client that it has not acknowledged; "
                    "a client may ask for fewer.",
        .min = 1,
        .max = 65535,
    }),
    member_of<&Config::mqtt, &M::topic_alias_max>({
        .section = "mqtt",
        .key = "topic_alias_max",
        .kind = Kind::count,
        .sentence = "Topic aliases of one connection (announced as Topic Alias Maximum).",
        .max = 65535,
    }),
    member_of<&Config::mqtt, &M::keep_alive_max>({
        .section = "mqtt",
        .key = "keep_alive_max",
        .kind = Kind::duration,
        .sentence = "The longest keep-alive: a client that asks for more, or for none, is given "
                    "this one. 0s leaves it to the client.",
        .max = 65535 * kSecond,
        .step = kSecond,
    }),
    member_of<&Config::mqtt, &M::session_expiry_max>({
        .section = "mqtt",
        .key = "session_expiry_max",
        .kind = Kind::duration,
        .sentence = "The longest that the session of an absent client is kept, whatever the client "
                    "asks for. \"never\": as long as it asks for.",
        .max = 0xFFFFFFFE * kSecond,
        .step = kSecond,
        .may_be_unset = true,
    }),
    member_of<&Config::mqtt, &M::sessions_max>({
        .section = "mqtt",
        .key = "sessions_max",
        .kind = Kind::count,
        .sentence = "Sessions that are kept, those of absent clients included.",
        .min = 1,
        .max = 1'000'000,
    }),
    member_of<&Config::mqtt, &M::subscriptions_max>({
        .section = "mqtt",
        .key = "subscriptions_max",
        .kind = Kind::count,
        .sentence = "Subscriptions of one session.",
        .min = 1,
        .max = 1'000'000,
    }),
    member_of<&Config::mqtt, &M::retained_max_bytes>({
        .section = "mqtt",
        .key = "retained_max",
        .kind = Kind::size,
        .sentence = "All retained messages together; at most half of a generation.",
        .max = kGiB,
    }),
    member_of<&Config::mqtt, &M::outbound_buffer_max_bytes>({
        .section = "mqtt",
        .key = "outbound_buffer_max",
        .kind = Kind::size,
        .sentence = "Bytes that may wait to be written to one connection; what does not fit stays "
                    "in the log until there is room.",
        .min = 4 * kKiB,
        .max = 256 * kMiB,
    }),
    member_of<&Config::mqtt, &M::sys_interval>({
        .section = "mqtt",
        .key = "sys_interval",
        .kind = Kind::duration,
        .sentence = "How often $SYS is published. 0s: not at all.",
        .max = kDay,
        .step = kSecond,
    }),
};

constexpr std::array kDoorOptions{
    member_of<&Config::http, &Config::Http::listen>({
        .section = "http",
        .key = "listen",
        .kind = Kind::addresses,
        .sentence = "Addresses of the HTTP door: /healthz, /metrics, /api/v1/.",
        .change = Change::restart,
    }),
    member_of<&Config::http, &Config::Http::allow_anonymous_beyond_loopback>({
        .section = "http",
        .key = "allow_anonymous_beyond_loopback",
        .kind = Kind::flag,
        .sentence = kAnonymousSentence,
    }),
    member_of<&Config::kafka, &Config::Kafka::listen>({
        .section = "kafka",
        .key = "listen",
        .kind = Kind::addresses,
        .sentence = "Addresses for Kafka clients.",
        .change = Change::restart,
    }),
    member_of<&Config::kafka, &Config::Kafka::allow_anonymous_beyond_loopback>({
        .section = "kafka",
        .key = "allow_anonymous_beyond_loopback",
        .kind = Kind::flag,
        .sentence = kAnonymousSentence,
    }),
    member_of<&Config::kafka, &K::advertised>({
        .section = "kafka",
        .key = "advertised",
        .kind = Kind::text,
        .sentence = "What Kafka clients are told to connect to, \"host\" or \"host:port\"; "
                    "\"auto\": the address that they used.",
    }),
    member_of<&Config::kafka, &K::connections_max>({
        .section = "kafka",
        .key = "connections_max",
        .kind = Kind::count,
        .sentence = "Connections of Kafka clients; most clients open two or three.",
        .min = 1,
        .max = 100'000,
    }),
    member_of<&Config::kafka, &K::request_max_bytes>({
        .section = "kafka",
        .key = "request_max",
        .kind = Kind::size,
        .sentence = "The largest request, at most half a generation. A larger one ends its connection.",
        .min = 64 * kKiB,
        .max = 256 * kMiB,
    }),
    member_of<&Config::kafka, &K::message_max_bytes>({
        .section = "kafka",
        .key = "message_max",
        .kind = Kind::size,
        .sentence = "The largest record batch that a producer may send, compressed as it comes.",
        .min = kKiB,
        .max = 64 * kMiB,
    }),
    member_of<&Config::kafka, &K::fetch_max_bytes>({
        .section = "kafka",
        .key = "fetch_max",
        .kind = Kind::size,
        .sentence = "Records in one answer to a consumer; one batch is always sent.",
        .min = 64 * kKiB,
        .max = 256 * kMiB,
    }),
    member_of<&Config::kafka, &K::buffers_max_bytes>({
        .section = "kafka",
        .key = "buffers_max",
        .kind = Kind::size,
        .sentence = "Memory for requests that are coming and answers that are leaving, of all "
                    "connections; who finds none waits. At least request_max and fetch_max.",
        .min = kMiB,
        .max = 1024 * kMiB,
    }),
    member_of<&Config::kafka, &K::auto_create_topics>({
        .section = "kafka",
        .key = "auto_create_topics",
        .kind = Kind::flag,
        .sentence = "Whether a topic is made when a client first asks for it.",
    }),
    member_of<&Config::kafka, &K::default_partitions>({
        .section = "kafka",
        .key = "default_partitions",
        .kind = Kind::count,
        .sentence = "Partitions of a topic that is made without saying how many.",
        .min = 1,
        .max = 256,
    }),
    member_of<&Config::kafka, &K::sasl_mechanisms>({
        .section = "kafka",
        .key = "sasl_mechanisms",
        .kind = Kind::choices,
        .sentence = "How clients log in, as one of the [[user]]s; [] asks nobody who they are.",
        .choices = sasl::kMechanismNames,
    }),
};

constexpr std::array kStorageOptions{
    member_of<&Config::storage, &S::dir>({
        .section = "storage",
        .key = "dir",
        .kind = Kind::text,
        .sentence = "The directory of the log, relative to where the hub is started. --data on the "
                    "command line goes before it.",
        .change = Change::restart,
    }),
    member_of<&Config::storage, &S::limit_bytes>({
        .section = "storage",
        .key = "limit",
        .kind = Kind::size,
        .sentence = "The most that the directory takes up on disk, all overhead included; at least "
                    "two generations and 1MiB.",
        .min = 33 * kMiB,
        .max = 64 * kTiB,
    }),
    member_of<&Config::storage, &S::generation_bytes>({
        .section = "storage",
        .key = "generation",
        .kind = Kind::size,
        .sentence = "The size of one generation of the log: what is deleted at a time when room is "
                    "needed.",
        .change = Change::restart,
        .min = 16 * kMiB,
        .max = kGiB,
    }),
    member_of<&Config::storage, &S::retention>({
        .section = "storage",
        .key = "retention",
        .kind = Kind::duration,
        .sentence = "How long records are kept: a generation is deleted when all that it holds is "
                    "older. \"never\": until room is needed.",
        .min = kSecond,
        .max = 36'500 * kDay,
        .step = kSecond,
        .may_be_unset = true,
    }),
    member_of<&Config::storage, &S::on_full>({
        .section = "storage",
        .key = "on_full",
        .kind = Kind::choice,
        .sentence = "What happens at the limit: the oldest generation is discarded and counted, or "
                    "publishers are refused and told so.",
        .choices = kOnFull,
    }),
    member_of<&Config::storage, &S::commit_interval>({
        .section = "storage",
        .key = "commit_interval",
        .kind = Kind::duration,
        .sentence = "How long a commit waits for more events: latency of acknowledgements against "
                    "wear of the flash.",
        .max = 10 * kSecond,
    }),
    member_of<&Config::storage, &S::group_max_bytes>({
        .section = "storage",
        .key = "group_max",
        .kind = Kind::size,
        .sentence = "The most that one commit holds; at most an eighth of a generation.",
        .change = Change::restart,
        .min = 64 * kKiB,
        .max = 128 * kMiB,
    }),
    member_of<&Config::log, &Config::Log::level>({
        .section = "log",
        .key = "level",
        .kind = Kind::choice,
        .sentence = "The least important lines that go to standard error.",
        .choices = kLevels,
    }),
};

template <class T, std::size_t... Sizes>
constexpr auto concatenated(const std::array<T, Sizes>&... parts) {
  std::array<T, (Sizes + ...)> all{};
  std::size_t next = 0;
  const auto add = [&](const auto& part) {
    for (const T& item : part) all[next++] = item;
  };
  (add(parts), ...);
  return all;
}

constexpr std::array kConfigOptions = concatenated(kHubOptions, kMqttOptions, kDoorOptions, kStorageOptions);

}  // namespace

std::span<const Option<Config>> config_options() {
  return kConfigOptions;
}

std::string_view name_of(OnFull on_full) {
  return kOnFull.at(static_cast<std::size_t>(on_full));
}

std::string_view name_of(LogLevel level) {
  return kLevels.at(static_cast<std::size_t>(level));
}

}  // namespace runnel::app
