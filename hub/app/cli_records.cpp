// `runnel tail` and `runnel publish`: their options, and which door they go to.
#include <algorithm>

#include "hub/app/cli_parts.h"
#include "hub/app/commands.h"
#include "hub/app/kafka_commands.h"
#include "hub/app/text.h"

namespace runnel::app {

namespace {

const std::vector<std::string> kDoorOptions{
    "--bootstrap", "--config", "--user", "--password-file", "--sasl-mechanism"};

std::vector<std::string> with_door_options(std::vector<std::string> names) {
  names.insert(names.end(), kDoorOptions.begin(), kDoorOptions.end());
  return names;
}

From from_of(const std::string& option, const std::string& text) {
  const auto from = read_from(text);
  if (!from) {
    throw CLI::ValidationError(
        option,
        in_quotes(text) +
            " must be earliest, latest, an offset, -N, or a time: 2026-05-01T12:00, @MS or -2h"
    );
  }
  return *from;
}

struct TailLine {
  KafkaTail kafka;
  Peer http;
  std::string from;
  std::string until;
  std::string isolation = "read_committed";
  bool no_follow = false;  // says what is so without it
};

int run_tail_over_http(const TailLine& line, const Peer& http) {
  Tail tail{
      http,
      line.kafka.topic,
      {},
      line.kafka.from,
      line.kafka.count,
      line.kafka.follow,
      line.kafka.json};
  if (line.kafka.partition) tail.partition = static_cast<std::uint32_t>(*line.kafka.partition);
  return app::tail(tail);
}

void add_tail_places(CLI::App& sub, TailLine& line) {
  sub.add_option("-p,--partition", line.kafka.partition, "Only this partition")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  sub.add_option(
         "-o,--from",
         line.from,
         "Where to begin: earliest, latest, an offset, -N for the last N of each partition, or a "
         "time: 2026-05-01T12:00:00Z, @MS (since 1970), -2h (ago) [earliest; latest with --follow]"
  )
      ->option_text("WHERE");
  sub.add_option("--until", line.until, "Where to stop, before what is there: as --from [the end]")
      ->option_text("WHERE");
  sub.add_option("-c,--count,--max", line.kafka.count, "Stop after so many records")
      ->option_text("N");
  auto* follow =
      sub.add_flag("-f,--follow", line.kafka.follow, "Do not stop at the end: wait for more");
  sub.add_flag("--no-follow", line.no_follow, "Stop at the end, as it is without --follow")
      ->excludes(follow);
}

void add_tail_output(CLI::App& sub, TailLine& line) {
  sub.add_option("-k,--key", line.kafka.key, "Only records with this key")->option_text("TEXT");
  auto* json = sub.add_flag(
      "--json", line.kafka.json, "One JSON object a line, which `runnel publish --json` reads"
  );
  auto* headers = sub.add_flag("--headers", line.kafka.headers, "Print headers, before the value");
  sub.add_option(
         "--format",
         line.kafka.format,
         "As kcat has it: %t topic, %p partition, %o offset, %T time in ms, %d time, %k key, %s "
         "value, %K %S their bytes, %h headers, \\n \\t \\xNN"
  )
      ->option_text("TEXT")
      ->excludes(json)
      ->excludes(headers);
  headers->excludes(json);
  sub.add_option(
         "-G,--group",
         line.kafka.group,
         "Read as a member of this consumer group, and commit what was printed"
  )
      ->option_text("NAME");
  sub.add_option(
         "--isolation",
         line.isolation,
         "read_uncommitted: open and aborted transactions, too [read_committed]"
  )
      ->option_text("LEVEL")
      ->check(CLI::IsMember({"read_committed", "read_uncommitted"}));
}

void finish_tail(const CLI::App& sub, TailLine& line, Run& run) {
  KafkaTail& kafka = line.kafka;
  const bool from_given = !line.from.empty();
  kafka.from = from_of("--from", from_given ? line.from : kafka.follow ? "latest" : "earliest");
  if (!line.until.empty()) kafka.until = from_of("--until", line.until);
  kafka.read_committed = line.isolation == "read_committed";
  const auto http = http_instead_of_kafka(
      sub,
      line.http,
      with_door_options({"--until", "--key", "--headers", "--format", "--group", "--isolation"})
  );
  if (http && kafka.from.kind == From::Kind::time) {
    throw CLI::ValidationError("--from", "a time does not go over HTTP");
  }
  if (!kafka.group.empty()) {
    if (kafka.partition)
      throw CLI::ValidationError("--partition", "a group gives out partitions itself");
    if (kafka.until) throw CLI::ValidationError("--until", "a group has no place to stop");
    if (from_given && kafka.from.kind != From::Kind::earliest &&
        kafka.from.kind != From::Kind::latest) {
      throw CLI::ValidationError(
          "--from", "a group goes on where it was; for the first time, earliest or latest"
      );
    }
  }
  run = [&line, http] { return http ? run_tail_over_http(line, *http) : kafka_tail(line.kafka); };
}

struct PublishLine {
  KafkaPublish kafka;
  Publish mqtt;
  bool over_mqtt = false;
  int qos = 1;
  std::string partition;
  std::string time;
};

const std::vector<std::string> kMqttOnly{"--mqtt", "--qos", "--retain", "--host", "--port"};
const std::vector<std::string> kKafkaOnly{
    "--null", "--json", "--key", "--key-separator", "--header", "--partition", "--time"};

bool given(const CLI::App& sub, const std::string& name) {
  return sub.get_option(name)->count() > 0;
}

// As in Kafka. What is no such name can only be an MQTT topic.
bool may_be_a_topic(const std::string& name) {
  constexpr std::size_t kNameBytesMax = 249;
  return !name.empty() && name != "." && name != ".." && name.size() <= kNameBytesMax &&
         std::all_of(name.begin(), name.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '_' || c == '-';
         });
}

void add_publish_what(CLI::App& sub, PublishLine& line) {
  KafkaPublish& kafka = line.kafka;
  sub.add_option("TOPIC", kafka.topic, "A topic of the log, or an MQTT topic")->required();
  const std::vector<CLI::Option*> sources{
      sub.add_option("--value", kafka.value, "The value")->option_text("TEXT"),
      sub.add_option("--file", kafka.file, "The value is what this file holds; -: standard input")
          ->option_text("FILE"),
      sub.add_flag("--null", kafka.null, "A record without a value: a tombstone"),
      sub.add_flag("--lines", kafka.lines, "Every line of standard input is a value"),
      sub.add_flag(
          "--json",
          kafka.json,
          "Every line of standard input is a record as `runnel tail --json` writes it; its "
          "partition "
          "and time are kept"
      )};
  for (std::size_t i = 0; i < sources.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) sources[i]->excludes(sources[j]);
  }
}

void add_publish_kafka(CLI::App& sub, PublishLine& line) {
  KafkaPublish& kafka = line.kafka;
  auto* json = sub.get_option("--json");
  sub.add_option("-k,--key", kafka.key, "The key [null]")->option_text("TEXT")->excludes(json);
  sub.add_option(
         "-K,--key-separator", kafka.key_separator, "With --lines: KEY, this, and the value"
  )
      ->option_text("TEXT")
      ->needs(sub.get_option("--lines"));
  sub.add_option("-H,--header", kafka.headers, "A header; may be repeated; NAME alone has no value")
      ->option_text("NAME=VALUE")
      ->allow_extra_args(false)
      ->excludes(json);
  sub.add_option(
         "-p,--partition",
         line.partition,
         "Where to; key: by the key, whatever a JSON line says [by the key]"
  )
      ->option_text("N|key");
  sub.add_option("--time", line.time, "The time: 2026-05-01T12:00:00Z, @MS, -2h or now [now]")
      ->option_text("TIME");
  add_door(sub, kafka.door);
}

void add_publish_mqtt(CLI::App& sub, PublishLine& line) {
  constexpr std::uint16_t kMqttPort = 1883;
  sub.add_flag("--mqtt", line.over_mqtt, "Publish over MQTT 5, also where TOPIC has no /");
  sub.add_option("--qos", line.qos, "0: read by the hub, 1: durable, 2: durable exactly once [1]")
      ->option_text("0|1|2")
      ->check(CLI::Range(0, 2));
  sub.add_flag("--retain", line.mqtt.retain, "Keep it as the MQTT topic's retained message");
  sub.add_option("--host", line.mqtt.mqtt.host, "Where the hub's MQTT door is [127.0.0.1]")
      ->option_text("NAME");
  line.mqtt.mqtt.port = kMqttPort;
  sub.add_option("--port", line.mqtt.mqtt.port, "Its port [1883]")
      ->option_text("N")
      ->check(CLI::Range(1, 65535));
}

// One of these names, if it was given.
std::string first_given(const CLI::App& sub, const std::vector<std::string>& names) {
  const auto found =
      std::find_if(names.begin(), names.end(), [&](const auto& name) { return given(sub, name); });
  return found == names.end() ? std::string{} : *found;
}

int run_over_mqtt(PublishLine& line) {
  line.mqtt.topic = line.kafka.topic;
  line.mqtt.value = line.kafka.value;
  line.mqtt.file = line.kafka.file;
  line.mqtt.lines = line.kafka.lines;
  line.mqtt.qos = static_cast<mqtt::QoS>(line.qos);
  return publish(line.mqtt);
}

void read_placing(PublishLine& line) {
  KafkaPublish& kafka = line.kafka;
  kafka.partition_by_key = line.partition == "key";
  if (!line.partition.empty() && !kafka.partition_by_key) {
    const auto number = read_from(line.partition);
    if (!number || number->kind != From::Kind::offset || number->number > INT32_MAX) {
      throw CLI::ValidationError(
          "--partition", in_quotes(line.partition) + " must be a number, or key"
      );
    }
    kafka.partition = static_cast<std::int32_t>(number->number);
  }
  kafka.time_now = line.time == "now";
  if (line.time.empty() || kafka.time_now) return;
  kafka.time_ms = read_time(line.time);
  if (!kafka.time_ms) {
    throw CLI::ValidationError(
        "--time", in_quotes(line.time) + " must be a time: 2026-05-01T12:00:00Z, @MS, -2h or now"
    );
  }
}

void finish_publish(const CLI::App& sub, PublishLine& line, Run& run) {
  const KafkaPublish& kafka = line.kafka;
  if (!kafka.value && !kafka.file && !kafka.null && !kafka.lines && !kafka.json) {
    throw CLI::RequiredError("One of --value, --file, --null, --lines and --json");
  }
  const std::string mqtt_option = first_given(sub, kMqttOnly);
  const std::string kafka_option = first_given(sub, with_door_options(kKafkaOnly));
  const bool mqtt_name = !may_be_a_topic(kafka.topic);
  if (!mqtt_option.empty() || mqtt_name) {
    if (!kafka_option.empty()) {
      throw CLI::ValidationError(
          kafka_option,
          mqtt_option.empty()
              ? in_quotes(kafka.topic) +
                    " is no name for a topic of the log, and MQTT has no such option"
              : "does not go with " + mqtt_option
      );
    }
    run = [&line] { return run_over_mqtt(line); };
    return;
  }
  read_placing(line);
  run = [&line] { return kafka_publish(line.kafka); };
}

}  // namespace

void add_tail(CLI::App& sub, Run& run) {
  const auto line = std::make_shared<TailLine>();
  sub.add_option("TOPIC", line->kafka.topic, "A topic of the log")->required();
  add_tail_places(sub, *line);
  add_tail_output(sub, *line);
  add_door(sub, line->kafka.door);
  add_http(sub, line->http, "Read over this HTTP door instead [the environment's RUNNEL_HTTP]");
  sub.callback([line, &sub, &run] {
    Run work;
    finish_tail(sub, *line, work);
    run = [line, work] { return work(); };
  });
}

void add_publish(CLI::App& sub, Run& run) {
  const auto line = std::make_shared<PublishLine>();
  add_publish_what(sub, *line);
  add_publish_kafka(sub, *line);
  add_publish_mqtt(sub, *line);
  sub.callback([line, &sub, &run] {
    Run work;
    finish_publish(sub, *line, work);
    run = [line, work] { return work(); };
  });
}

}  // namespace runnel::app
