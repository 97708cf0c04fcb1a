#include "hub/kafka_client/transactional_producer.h"

#include <array>
#include <cstring>
#include <utility>

#include "hub/kafka_client/question.h"

namespace runnel::kafka_client {

namespace {

using OwnedError = Owned<rd_kafka_error_t, rd_kafka_error_destroy>;
using OwnedHeaders = Owned<rd_kafka_headers_t, rd_kafka_headers_destroy>;
using OwnedGroup =
    Owned<rd_kafka_consumer_group_metadata_t, rd_kafka_consumer_group_metadata_destroy>;

// How long a transaction may be open. Nobody who reads committed records sees what is behind one that
// a cut has left open; on the other hand one large record may take that long over a thin link.
constexpr const char* kTransactionMs = "120000";

// How long the library is left alone before we look whether we should stop.
constexpr int kSliceMs = 2000;
constexpr int kOffsetsSliceMs = 5000;
constexpr std::chrono::milliseconds kAskEvery{50};
constexpr int kFlushSliceMs = 250;

constexpr const char* kQueueKiB = "262144";  // more than one transaction is never in it
constexpr const char* kQueueRecords = "1000000";

Settings settings(const TransactionalProducer::Options& options) {
  Settings settings{
      {"compression.codec", options.compression},
      {"batch.size", std::to_string(options.batch_bytes_max)},
      {"queue.buffering.max.kbytes", kQueueKiB},
      {"queue.buffering.max.messages", kQueueRecords},
      {"linger.ms", "5"},
      {"socket.connection.setup.timeout.ms", std::to_string((Sockets::kConnectMost + options.connect_max).count())},
      {"reconnect.backoff.ms", "50"},
      {"reconnect.backoff.max.ms", "400"},
      {"retry.backoff.ms", "100"},
      {"topic.metadata.propagation.max.ms", "5000"},
      {"topic.metadata.refresh.interval.ms", "300000"},
      {"delivery.report.only.error", "true"},
  };
  if (options.transactions) {
    settings.emplace_back("transactional.id", options.id);
    settings.emplace_back("transaction.timeout.ms", kTransactionMs);
  } else {
    // A repeat must not overtake what was sent after it.
    settings.emplace_back("max.in.flight.requests.per.connection", "1");
    settings.emplace_back("acks", "all");
    settings.emplace_back("message.timeout.ms", kTransactionMs);
  }
  return settings;
}

const char* bytes(const std::optional<std::string_view>& text) {
  static constexpr char kEmpty = 0;
  if (!text) return nullptr;
  return text->data() == nullptr ? &kEmpty : text->data();
}

std::size_t size(const std::optional<std::string_view>& text) {
  return text ? text->size() : 0;
}

OwnedHeaders headers_of(std::span<const TransactionalProducer::HeaderView> from) {
  if (from.empty()) return nullptr;
  OwnedHeaders headers(rd_kafka_headers_new(from.size()));
  for (const auto& header : from) {
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

// What may have become of a record.
Failure of_record(rd_kafka_resp_err_t error, const char* text = nullptr) {
  Failure failure = failure_of(error, text);
  switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
    case RD_KAFKA_RESP_ERR_POLICY_VIOLATION:
      failure.kind = Failure::Kind::record_refused;
      break;
    default:
      break;
  }
  return failure;
}

Failure failure_of(const rd_kafka_error_t* error) {
  return of_record(rd_kafka_error_code(error), rd_kafka_error_string(error));
}

}  // namespace

TransactionalProducer::TransactionalProducer(const Door& door, const Options& options)
    : TransactionalProducer(door, options, std::make_unique<Sockets>(options.silence_max, options.connect_max)) {}

TransactionalProducer::TransactionalProducer(
    const Door& door, const Options& options, std::unique_ptr<Sockets> sockets
)
    : Client(Role::producer, door, settings(options), sockets.get()),
      sockets_(std::move(sockets)),
      options_(options) {
  library().on_delivery = [this](const rd_kafka_message_t& message) {
    if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) return;
    Failure failure = of_record(message.err);
    // Of those that fail together, the one that is to blame.
    const bool to_blame = failure.kind == Failure::Kind::record_refused;
    if (!lost_ || (to_blame && lost_->kind != failure.kind)) lost_ = std::move(failure);
  };
}

// The library closes its sockets, and tells `sockets_`, until it is gone.
TransactionalProducer::~TransactionalProducer() {
  sockets_->stop();
  release();
}

std::optional<Failure> TransactionalProducer::begin_life() {
  if (unusable()) return Failure{Failure::Kind::refused, *unusable()};
  // The library looks for a coordinator every half second where nobody is there yet; once somebody is, at
  // once.
  if (auto failure = reach()) return failure;
  if (!options_.transactions) return std::nullopt;
  while (true) {
    const OwnedError error(rd_kafka_init_transactions(library().handle(), kSliceMs));
    if (!error) return std::nullopt;
    if (rd_kafka_error_is_retriable(error.get()) == 0) return failure_of(error.get());
    if (auto why = may_not_go_on()) return why;
  }
}

// The library connects when it is asked something; but a question that waits for the connection would have
// little time left when it is there.
std::optional<Failure> TransactionalProducer::reach() {
  while (!sockets_->connected()) {
    if (auto why = may_not_go_on()) return why;
    (void)answers(kAskEvery);
    const auto unanswered = sockets_->unanswered();
    if (unanswered > options_.connect_max) {
      options_.heard({Failure::Kind::unreachable, "no answer in " + std::to_string(unanswered.count() / 1000) + " s"});
    }
  }
  while (!answers(std::chrono::milliseconds(kSliceMs))) {
    if (auto why = may_not_go_on()) return why;
  }
  return std::nullopt;
}

// Who we are is not accepted, or somebody wants us to stop.
std::optional<Failure> TransactionalProducer::may_not_go_on() {
  if (auto heard = trouble()) {
    if (heard->kind == Failure::Kind::refused) return heard;
    options_.heard(*heard);
  }
  if (options_.stop()) return Failure{Failure::Kind::unreachable, "stopped"};
  return std::nullopt;
}

std::optional<Failure> TransactionalProducer::begin() {
  lost_.reset();
  if (!options_.transactions) return std::nullopt;
  const OwnedError error(rd_kafka_begin_transaction(library().handle()));
  if (!error) return std::nullopt;
  return failure_of(error.get());
}

std::optional<Failure> TransactionalProducer::send(
    const std::string& topic, std::int32_t partition, const Outgoing& record
) {
  while (true) {
    OwnedHeaders headers = headers_of(record.headers);
    std::array<rd_kafka_vu_t, 7> fields{};
    fields[0].vtype = RD_KAFKA_VTYPE_TOPIC;
    fields[0].u.cstr = topic.c_str();
    fields[1].vtype = RD_KAFKA_VTYPE_PARTITION;
    fields[1].u.i32 = partition;
    fields[2].vtype = RD_KAFKA_VTYPE_KEY;
    fields[2].u.mem = {const_cast<char*>(bytes(record.key)), size(record.key)};
    fields[3].vtype = RD_KAFKA_VTYPE_VALUE;
    fields[3].u.mem = {const_cast<char*>(bytes(record.value)), size(record.value)};
    fields[4].vtype = RD_KAFKA_VTYPE_TIMESTAMP;
    fields[4].u.i64 = record.time_ms;
    fields[5].vtype = RD_KAFKA_VTYPE_MSGFLAGS;
    fields[5].u.i = RD_KAFKA_MSG_F_COPY;
    fields[6].vtype = RD_KAFKA_VTYPE_HEADERS;
    fields[6].u.headers = headers.get();
    const OwnedError error(
        rd_kafka_produceva(library().handle(), fields.data(), headers ? 7 : 6)
    );
    if (!error) {
      static_cast<void>(headers.release());  // the message owns them now
      return std::nullopt;
    }
    if (rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__STATE && options_.transactions) {
      return what_ended_it(error.get());
    }
    if (rd_kafka_error_code(error.get()) != RD_KAFKA_RESP_ERR__QUEUE_FULL || options_.stop()) {
      return failure_of(error.get());
    }
    rd_kafka_poll(library().handle(), 10);
  }
}

// A record that was sent before was refused, and with it the transaction: the library takes no more, and
// says why to whoever wants to commit.
std::optional<Failure> TransactionalProducer::what_ended_it(const void* said) {
  const OwnedError why(rd_kafka_commit_transaction(library().handle(), kSliceMs));
  return blame(failure_of(why ? why.get() : static_cast<const rd_kafka_error_t*>(said)));
}

// What the library says of the transaction may be what came of the record that was refused.
Failure TransactionalProducer::blame(Failure failure) {
  rd_kafka_poll(library().handle(), 0);
  return lost_ && lost_->kind == Failure::Kind::record_refused ? *lost_ : failure;
}

std::optional<Failure> TransactionalProducer::commit(
    const std::string& group, const std::vector<CommittedAt>& positions
) {
  if (!options_.transactions) {
    if (auto stopped = flush()) return stopped;
    return lost_;
  }
  OwnedPlaces places(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const CommittedAt& at : positions) {
    auto* const place =
        rd_kafka_topic_partition_list_add(places.get(), at.topic.c_str(), at.partition);
    place->offset = at.offset;
    // The list frees it with the C library's free().
    place->metadata = strndup(at.text.data(), at.text.size());
    place->metadata_size = at.text.size();
  }
  const OwnedGroup metadata(rd_kafka_consumer_group_metadata_new(group.c_str()));
  while (true) {
    const OwnedError error(rd_kafka_send_offsets_to_transaction(
        library().handle(), places.get(), metadata.get(), kOffsetsSliceMs
    ));
    if (!error) break;
    if (rd_kafka_error_is_retriable(error.get()) == 0) return blame(failure_of(error.get()));
    if (auto why = may_not_go_on()) return why;
  }
  // The positions went beside the records, over a connection of their own.
  if (auto stopped = flush()) return stopped;
  while (true) {
    const OwnedError error(rd_kafka_commit_transaction(library().handle(), kSliceMs));
    if (!error) return std::nullopt;
    if (rd_kafka_error_is_retriable(error.get()) == 0) return blame(failure_of(error.get()));
    if (auto why = may_not_go_on()) return why;
  }
}

std::optional<Failure> TransactionalProducer::flush() {
  while (rd_kafka_flush(library().handle(), kFlushSliceMs) == RD_KAFKA_RESP_ERR__TIMED_OUT) {
    // The library sends nothing more in a transaction of which something was refused.
    if (lost_) return lost_;
    if (auto why = may_not_go_on()) return why;
  }
  return std::nullopt;
}

std::optional<Failure> TransactionalProducer::create(
    const std::string& topic, std::int32_t partitions
) {
  return create_topic(library(), {topic, partitions, -1, {}});
}

Answer<std::vector<CommittedAt>> TransactionalProducer::committed(const std::string& group) {
  return committed_by(library(), group);
}

std::optional<Failure> TransactionalProducer::trouble() {
  rd_kafka_poll(library().handle(), 0);
  auto heard = library().trouble();
  if (!heard) return std::nullopt;
  return Failure{
      heard->not_permitted ? Failure::Kind::refused : Failure::Kind::unreachable,
      std::move(heard->text)};
}

}  // namespace runnel::kafka_client
