// The options of [[topic]] and [[route]].
#include <array>

#include "hub/app/option_access.h"
#include "hub/app/options.h"

namespace runnel::app {

namespace {

constexpr std::uint64_t kSecond = 1'000'000;  // in microseconds
constexpr std::uint64_t kDay = 86'400 * kSecond;
constexpr std::uint64_t kTiB = 1024 * kGiB;

// In the order of the enumerators.
constexpr std::array<std::string_view, 2> kTimestampTypes{"CreateTime", "LogAppendTime"};
static_assert(
    static_cast<std::size_t>(TimestampType::log_append_time) + 1 == kTimestampTypes.size()
);

constexpr std::array<std::string_view, 2> kTooFew{"refuse", "continue"};
constexpr std::uint64_t kReplicasMax = 8;

constexpr std::array kTopicOptions{
    member<Topic, &Topic::name>({
        .key = "name",
        .kind = Kind::text,
        .sentence = "As in Kafka: 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-'.",
        .required = true,
    }),
    member<Topic, &Topic::partitions>({
        .key = "partitions",
        .kind = Kind::count,
        .sentence = "Records with one key stay in one partition and in order.",
        .min = 1,
        .max = kPartitionsMax,
    }),
    member<Topic, &Topic::retention>({
        .key = "retention",
        .kind = Kind::duration,
        .sentence = "Records of this topic that are older can be read no more (retention.ms). "
                    "Left out: what a Kafka client, or the file before, has set.",
        .max = 36'500 * kDay,
        .step = kSecond,
        .may_be_unset = true,
        .may_be_never = false,
    }),
    member<Topic, &Topic::retention_bytes>({
        .key = "retention_bytes",
        .kind = Kind::size,
        .sentence = "Of each partition, the newest that many bytes can be read (retention.bytes). "
                    "Left out: what a Kafka client, or the file before, has set.",
        .max = 1024 * kTiB,
        .may_be_unset = true,
    }),
    member<Topic, &Topic::message_max_bytes>({
        .key = "message_max",
        .kind = Kind::size,
        .sentence = "The largest record batch of a Kafka producer for this topic, without 12 bytes "
                    "of its head (max.message.bytes). Left out: what a Kafka client, or the file before, has set.",
        .min = kKiB,
        .max = 256 * kMiB,
        .may_be_unset = true,
    }),
    member<Topic, &Topic::timestamp_type>({
        .key = "timestamp_type",
        .kind = Kind::choice,
        .sentence = "Whether a record has its producer's time or that of the commit that stored it "
                    "(message.timestamp.type). Left out: what a Kafka client, or the file before, has set.",
        .may_be_unset = true,
        .choices = kTimestampTypes,
    }),
    member<Topic, &Topic::min_replicas>({
        .key = "min_replicas",
        .kind = Kind::count,
        .sentence = "How many hubs must have a record on disk before it is acknowledged, this one counted: "
                    "2 waits for a mirror. Kafka producers wait with acks=all.",
        .min = 1,
        .max = kReplicasMax,
    }),
    member<Topic, &Topic::too_few_replicas>({
        .key = "too_few_replicas",
        .kind = Kind::choice,
        .sentence = "While too few mirrors have all that there is: records are refused (refuse), or this "
                    "hub's disk alone is acknowledged, which the log, the metrics and runnel links say (continue).",
        .choices = kTooFew,
    }),
};

constexpr std::array kRouteOptions{
    member<Route, &Route::filter>({
        .key = "filter",
        .kind = Kind::text,
        .sentence = "Which MQTT topics, with the wildcards + and #.",
        .required = true,
    }),
    member<Route, &Route::topic>({
        .key = "topic",
        .kind = Kind::text,
        .sentence = "Where their events go. A topic that is not listed gets one partition.",
        .required = true,
    }),
    member<Route, &Route::key>({
        .key = "key",
        .kind = Kind::text,
        .sentence =
            "The record's key: text with {topic} (the MQTT topic), {client} (the publisher's "
            "client id), {1} to {9} (what that wildcard matched).",
    }),
    member<Route, &Route::partition>({
        .key = "partition",
        .kind = Kind::count,
        .sentence = "A fixed partition; without it, the hash of the key decides.",
        .max = kPartitionsMax - 1,
        .may_be_unset = true,
    }),
    member<Route, &Route::mqtt_topic>({
        .key = "mqtt_topic",
        .kind = Kind::text,
        .sentence = "The way back: text with {key}, {topic} and {partition} (docs/mapping.md).",
        .may_be_unset = true,
    }),
};

}  // namespace

std::span<const Option<Topic>> topic_options() {
  return kTopicOptions;
}

std::span<const Option<Route>> route_options() {
  return kRouteOptions;
}

}  // namespace runnel::app
