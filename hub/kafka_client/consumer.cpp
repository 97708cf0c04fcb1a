#include "hub/kafka_client/consumer.h"

#include "hub/kafka_client/library.h"

namespace runnel::kafka_client {

namespace {

Settings settings_of(const Consumer::Options& options) {
  Settings settings{
      {"enable.partition.eof", "true"},
      {"enable.auto.offset.store", "false"},
      {"auto.commit.interval.ms", "1000"},
      {"queued.max.messages.kbytes", std::to_string(options.queue_kib)},
      {"socket.connection.setup.timeout.ms", std::to_string(options.connect_max.count())},
      {"fetch.wait.max.ms", options.wait_for_more ? "500" : "20"},
      {"isolation.level", options.read_committed ? "read_committed" : "read_uncommitted"},
  };
  if (options.group.empty()) {
    settings.insert(
        settings.end(),
        {{"group.id", "runnel-tail"},  // wanted for the assignment; never joined, never committed
         {"enable.auto.commit", "false"},
         {"auto.offset.reset", "error"}}
    );
  } else {
    settings.insert(
        settings.end(),
        {{"group.id", options.group},
         {"auto.offset.reset", options.begin_at_latest ? "latest" : "earliest"}}
    );
  }
  return settings;
}

Record record_of(const rd_kafka_message_t& message) {
  Record record;
  record.topic = rd_kafka_topic_name(message.rkt);
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t kind = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
  record.time_ms = rd_kafka_message_timestamp(&message, &kind);
  record.time_kind = kind == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? Record::TimeKind::create
                     : kind == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? Record::TimeKind::append
                                                                  : Record::TimeKind::none;
  record.key = bytes_of(message.key, message.key_len);
  record.value = bytes_of(message.payload, message.len);
  rd_kafka_headers_t* headers = nullptr;
  if (rd_kafka_message_headers(&message, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR) return record;
  const char* name = nullptr;
  const void* value = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0;
       rd_kafka_header_get_all(headers, i, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR;
       ++i) {
    record.headers.push_back({name, bytes_of(value, size)});
  }
  return record;
}

Event event_of(const rd_kafka_message_t& message, bool grouped) {
  switch (message.err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
      return record_of(message);
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
      return End{message.partition, message.offset, rd_kafka_topic_name(message.rkt)};
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
      return Outside{message.partition, rd_kafka_topic_name(message.rkt)};
    case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:  // our reader was slow; the next poll() joins again
      return std::monostate{};
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
      if (!grouped)
        return std::monostate{};  // the library asks for a coordinator that nobody needs
      break;
    default:
      break;
  }
  Failure failure = failure_of(message.err, rd_kafka_message_errstr(&message));
  if (failure.kind == Failure::Kind::unreachable) return std::monostate{};  // it tries again
  return failure;
}

}  // namespace

Consumer::Consumer(const Door& door, const Options& options)
    : Client(Role::consumer, door, settings_of(options), options.sockets), grouped_(!options.group.empty()) {}

Consumer::~Consumer() {
  close();
}

std::optional<Failure> Consumer::assign(const std::vector<At>& from) {
  rd_kafka_poll_set_consumer(library().handle());
  const auto error = rd_kafka_assign(library().handle(), places_of(from).get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return failure_of(error);
}

std::optional<Failure> Consumer::subscribe(const std::string& topic) {
  rd_kafka_poll_set_consumer(library().handle());
  const auto error = rd_kafka_subscribe(library().handle(), places_of({{topic, -1, 0}}).get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return failure_of(error);
}

Answer<std::vector<At>> Consumer::assignment() {
  rd_kafka_topic_partition_list_t* found = nullptr;
  const auto error = rd_kafka_assignment(library().handle(), &found);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return failure_of(error);
  return places_of(*OwnedPlaces(found));
}

Event Consumer::poll(std::chrono::milliseconds wait) {
  const OwnedMessage message(
      rd_kafka_consumer_poll(library().handle(), static_cast<int>(wait.count()))
  );
  if (message) return event_of(*message, grouped_);
  auto trouble = library().trouble();
  if (!trouble) return std::monostate{};
  if (trouble->not_permitted) return Failure{Failure::Kind::refused, std::move(trouble->text)};
  return Lost{std::move(trouble->text)};
}

std::optional<std::int64_t> Consumer::known_end(const std::string& topic, std::int32_t partition) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  const auto error =
      rd_kafka_get_watermark_offsets(library().handle(), topic.c_str(), partition, &low, &high);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR || high < 0) return std::nullopt;
  return high;
}

void Consumer::done(const At& next) {
  if (!grouped_) return;
  const OwnedPlaces places = places_of({next});
  rd_kafka_offsets_store(library().handle(), places.get());  // fails when it is not ours any more
}

std::optional<Failure> Consumer::close() {
  if (closed_ || library().handle() == nullptr) return std::nullopt;
  closed_ = true;
  if (!grouped_) return std::nullopt;
  const auto error = rd_kafka_consumer_close(library().handle());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return std::nullopt;
  return failure_of(error);
}

}  // namespace runnel::kafka_client
