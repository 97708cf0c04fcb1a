#include "hub/kafka_client/producer.h"

#include "hub/kafka_client/library.h"

namespace runnel::kafka_client {

namespace {

using OwnedHeaders = Owned<rd_kafka_headers_t, rd_kafka_headers_destroy>;

// Half of what a hub takes by default as one batch: a batch that is too large is refused whole.
constexpr const char* kBatchBytes = "524288";
constexpr std::size_t kQueueBytes = 64 << 20;
constexpr const char* kQueueRecords = "20000";
constexpr std::chrono::milliseconds kOneLook{100};

Settings settings() {
  return {
      {"enable.idempotence", "true"},
      {"message.timeout.ms", std::to_string(kPatience.count())},
      {"partitioner", "murmur2_random"},
      {"linger.ms", "5"},
      {"batch.size", kBatchBytes},
      {"queue.buffering.max.kbytes", std::to_string(kQueueBytes / 1024)},
      {"queue.buffering.max.messages", kQueueRecords},
      {"topic.metadata.propagation.max.ms", "5000"},
  };
}

// The library takes no pointer to nothing for what is empty and not null.
const char* bytes(const std::optional<std::string>& text) {
  return text ? text->data() : nullptr;
}

std::size_t size(const std::optional<std::string>& text) {
  return text ? text->size() : 0;
}

OwnedHeaders headers_of(const Record& record) {
  if (record.headers.empty()) return nullptr;
  OwnedHeaders headers(rd_kafka_headers_new(record.headers.size()));
  for (const Header& header : record.headers) {
    rd_kafka_header_add(
        headers.get(),
        header.name.data(),
        static_cast<ssize_t>(header.name.size()),
        bytes(header.value),
        static_cast<ssize_t>(size(header.value))
    );
  }
  return headers;
}

// The number of a record travels as the pointer that the library carries for us.
void* carried(std::uint64_t number) {
  return reinterpret_cast<void*>(static_cast<std::uintptr_t>(number));
}

std::uint64_t number_of(const rd_kafka_message_t& message) {
  return reinterpret_cast<std::uintptr_t>(message._private);
}

}  // namespace

Producer::Producer(const Door& door) : Client(Role::producer, door, settings()) {
  library().on_delivery = [this](const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
      ++acknowledged_;
      return;
    }
    ErrorText why{};
    if (message.err == RD_KAFKA_RESP_ERR__FATAL) {
      rd_kafka_fatal_error(library().handle(), why.data(), why.size());
    }
    refused_.push_back({number_of(message), failure_of(message.err, why.data())});
  };
}

Producer::~Producer() = default;

std::optional<Failure> Producer::send(
    const Record& record,
    std::int32_t partition,
    std::optional<std::int64_t> time_ms,
    std::uint64_t number
) {
  // To the library, 0 means now.
  if (time_ms == 0)
    return Failure{Failure::Kind::refused, "the time 0 (1970-01-01T00:00:00Z) cannot be sent"};
  // The library would say for ever that its queue is full.
  if (size(record.key) + size(record.value) >= kQueueBytes)
    return Failure{Failure::Kind::refused, "a record of 64 MiB or more cannot be sent"};
  while (true) {
    OwnedHeaders headers = headers_of(record);
    std::array<rd_kafka_vu_t, 8> fields{};
    fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    fields[0].u.cstr = record.topic.c_str();
    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[1].u.i32 = partition < 0 ? RD_KAFKA_PARTITION_UA : partition;
    fields[2].vtype = RD_KAFKA_VTYPE_KEY;
    fields[2].u.mem = {const_cast<char*>(bytes(record.key)), size(record.key)};
    fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
    fields[3].u.mem = {const_cast<char*>(bytes(record.value)), size(record.value)};
    fields[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    fields[4].u.i64 = time_ms.value_or(0);
    fields[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[5].u.i = RD_KAFKA_MSG_F_COPY;
    fields[6].vtype = RD_KAFKA_VTYPE_OPAQUE;
    fields[6].u.ptr = carried(number);
    fields[7].vtype = RD_KAFKA_VTYPE_HEADERS;
    fields[7].u.headers = headers.get();
    const Owned<rd_kafka_error_t, rd_kafka_error_destroy> error(
        rd_kafka_produceva(library().handle(), fields.data(), headers ? 8 : 7)
    );
    if (!error) {
      static_cast<void>(headers.release());  // the message owns them now
      return std::nullopt;
    }
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      return failure_of(rd_kafka_error_code(error.get()));
    }
    hear(kOneLook);
  }
}

void Producer::hear(std::chrono::milliseconds wait) {
  rd_kafka_poll(library().handle(), static_cast<int>(wait.count()));
}

void Producer::settle() {
  while (rd_kafka_flush(library().handle(), static_cast<int>(kOneLook.count())) ==
         RD_KAFKA_RESP_ERR__TIMED_OUT) {
  }
}

}  // namespace runnel::kafka_client
