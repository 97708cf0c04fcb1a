// A Kafka client for tests that say message by message what happens, over a KafkaHub. It expects
// its answers in the order of its requests, and fails the test when they come in another.
#pragma once

#include <deque>
#include <initializer_list>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "hub/kafka/codec.h"
#include "hub/kafka/exchanges.h"
#include "storage/log/batch_records.h"
#include "tests/support/batches.h"
#include "tests/unit/kafka_broker/kafka_hub.h"

namespace runnel::kafka::test {

// What a test asks of one partition.
struct Want {
  std::string topic = "t";
  std::int32_t index = 0;
  std::int64_t offset = 0;
  std::int32_t bytes_max = 1 << 20;
};

// What it asks of a fetch; the rest is ordinary.
struct Patience {
  std::int32_t min_bytes = 1;
  std::int32_t max_wait_ms = 500;
  std::int32_t max_bytes = 1 << 30;
};

// The last version that names topics by name.
constexpr Version kFetchByName = 12;

class Peer {
 public:
  explicit Peer(KafkaHub& hub) : hub_(hub), link_(hub.connect()) {}

  // A new connection, after the hub has closed this one or was restarted.
  void reconnect() {
    link_ = hub_.connect();
    expected_.clear();
  }

  [[nodiscard]] Link& link() { return *link_; }

  [[nodiscard]] bool closed() const { return link_->stream == nullptr; }

  // Puts a request on its way; the hub has not read it.
  template <class Request>
  void post(const Request& request, Version version = Request::kApi.max, bool answered = true) {
    link_->to_hub += encode_request(++last_id_, version, "tester", request);
    if (answered) expected_.push_back({last_id_, version});
  }

  // Sends it, and the hub reads it.
  template <class Request>
  void send(const Request& request, Version version = Request::kApi.max, bool answered = true) {
    post(request, version, answered);
    hub_.receive(*link_, link_->to_hub.size());
  }

  void send_bytes(ByteView bytes) {
    link_->to_hub += bytes;
    hub_.receive(*link_, link_->to_hub.size());
  }

  // Whether the answer to the oldest request that has none yet is there.
  [[nodiscard]] bool answered() const { return link_->to_client.size() >= kLengthBytes; }

  // That answer. Its views live as long as the peer.
  template <class Response>
  Response take() {
    const auto size = frame_bytes(link_->to_client, 1 << 30);
    if (!size || !*size || expected_.empty()) {
      ADD_FAILURE() << "there is no answer";
      return {};
    }
    frames_.push_back(link_->to_client.substr(kLengthBytes, **size));
    link_->to_client.erase(0, kLengthBytes + **size);
    const Expected expected = expected_.front();
    expected_.pop_front();
    const auto response = decode_response(Response::kApi, expected.version, frames_.back());
    if (!response || response->correlation_id != expected.id) {
      ADD_FAILURE() << "this is the answer to another request";
      return {};
    }
    const auto body = decode_body<Response>(response->body, expected.version);
    if (!body) {
      ADD_FAILURE() << "the answer cannot be decoded";
      return {};
    }
    return *body;
  }

  template <class Response, class Request>
  Response ask(const Request& request, Version version = Request::kApi.max) {
    post(request, version);
    hub_.run();
    return take<Response>();
  }

  // --- the usual requests ---

  void create(std::string_view topic, std::int32_t partitions = 1) {
    CreateTopicsRequest request;
    request.topics.push_back({topic, partitions, 1, {}, {}});
    const auto answer = ask<CreateTopicsResponse>(request);
    ASSERT_EQ(answer.topics.size(), 1U);
    ASSERT_EQ(answer.topics[0].error_code, ErrorCode::none);
  }

  void post_produce(const Bytes& batch, const Want& to = {}, std::int16_t acks = -1) {
    ProduceRequest request;
    request.acks = acks;
    request.topics.push_back({to.topic, {{to.index, Blob{batch}}}});
    post(request, ProduceRequest::kApi.max, acks != 0);
  }

  void send_produce(const Bytes& batch, const Want& to = {}, std::int16_t acks = -1) {
    post_produce(batch, to, acks);
    hub_.receive(*link_, link_->to_hub.size());
  }

  ProduceResponse::Partition take_produced() {
    const auto answer = take<ProduceResponse>();
    if (answer.topics.size() != 1 || answer.topics[0].partitions.size() != 1) {
      ADD_FAILURE() << "not one partition";
      return {};
    }
    return answer.topics[0].partitions[0];
  }

  ProduceResponse::Partition produce(const Bytes& batch, const Want& to = {}) {
    post_produce(batch, to);
    hub_.run();
    return take_produced();
  }

  void send_fetch(const std::vector<Want>& wants, const Patience& patience = {}) {
    FetchRequest request;
    request.min_bytes = patience.min_bytes;
    request.max_wait_ms = patience.max_wait_ms;
    request.max_bytes = patience.max_bytes;
    for (const Want& w : wants) {
      request.topics.push_back({w.topic, {{w.index, -1, w.offset, -1, -1, w.bytes_max}}, {}});
    }
    send(request, kFetchByName);
  }

  // One partition for each that was wanted.
  std::vector<FetchResponse::Partition> take_fetched() {
    std::vector<FetchResponse::Partition> out;
    for (const auto& topic : take<FetchResponse>().topics) {
      out.insert(out.end(), topic.partitions.begin(), topic.partitions.end());
    }
    return out;
  }

  std::vector<FetchResponse::Partition> fetch(
      const std::vector<Want>& wants, const Patience& patience = {}
  ) {
    send_fetch(wants, patience);
    hub_.run();
    return take_fetched();
  }

 private:
  struct Expected {
    std::int32_t id;
    Version version;
  };

  KafkaHub& hub_;
  std::shared_ptr<Link> link_;
  std::int32_t last_id_ = 100;
  std::deque<Expected> expected_;
  std::deque<Bytes> frames_;
};

// A batch with one record for each value, a second apart.
inline Bytes batch_of(
    const std::vector<std::string>& values, std::int64_t first_ms = 1'750'000'000'000
) {
  std::vector<runnel::test::OwnedRecord> records;
  for (const std::string& v : values) {
    records.push_back({"key", v, {}, first_ms + 1000 * static_cast<std::int64_t>(records.size())});
  }
  return runnel::test::produced(records);
}

// The same from an idempotent producer.
inline Bytes stamped(
    Bytes batch, std::int64_t producer, std::int16_t epoch, std::int32_t sequence
) {
  using namespace log::head;
  batch = runnel::test::with_field(std::move(batch), kProducerIdAt, producer);
  batch = runnel::test::with_field(std::move(batch), kProducerEpochAt, epoch);
  return runnel::test::with_field(std::move(batch), kBaseSequenceAt, sequence);
}

// Offsets and values of records that were fetched: "5=a".
inline std::vector<std::string> words(ByteView batches) {
  std::vector<std::string> out;
  while (!batches.empty()) {
    const auto head = log::read_batch_head(batches);
    if (!head || head->bytes > batches.size()) {
      ADD_FAILURE() << "a batch is cut off";
      break;
    }
    auto records = log::BatchRecords::open(batches.substr(0, head->bytes), 1 << 24);
    if (!records) {
      ADD_FAILURE() << "a batch cannot be read";
      break;
    }
    for (log::RecordView r; records->next(r);) {
      out.push_back(std::to_string(r.offset.value) + "=" + std::string(r.value.value_or("")));
    }
    batches.remove_prefix(head->bytes);
  }
  return out;
}

using Words = std::vector<std::string>;

}  // namespace runnel::kafka::test
