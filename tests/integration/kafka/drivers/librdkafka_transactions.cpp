// Transactions with librdkafka from C++: the lines of librdkafka_transactions.c.
#include <cstdlib>
#include <iostream>
#include <map>
#include <sstream>
#include <utility>

#include "librdkafka.hpp"

namespace {

constexpr int kPatienceMs = 30'000;
constexpr std::size_t kBatch = 20;
constexpr int kAbortsOneOf = 4;

using Messages = std::vector<std::unique_ptr<RdKafka::Message>>;
using GroupMetadata = std::unique_ptr<RdKafka::ConsumerGroupMetadata>;

void succeed(RdKafka::Error* error) {
  const std::unique_ptr<RdKafka::Error> owned(error);
  if (owned) fail(owned->name());
}

void set(RdKafka::Conf& conf, const std::string& property, const std::string& value) {
  std::string error;
  if (conf.set(property, value, error) != RdKafka::Conf::CONF_OK) fail(error);
}

// A copy of what the command line has set.
std::unique_ptr<RdKafka::Conf> copy_of(RdKafka::Conf& conf) {
  std::unique_ptr<RdKafka::Conf> copy(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  for (const char* property :
       {"bootstrap.servers", "reconnect.backoff.max.ms", "topic.metadata.propagation.max.ms"}) {
    std::string value;
    if (conf.get(property, value) == RdKafka::Conf::CONF_OK) set(*copy, property, value);
  }
  return copy;
}

std::unique_ptr<RdKafka::Producer> producer_of(RdKafka::Conf& conf) {
  std::string error;
  std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(&conf, error));
  if (!producer) fail(error);
  succeed(producer->init_transactions(kPatienceMs));
  return producer;
}

std::unique_ptr<RdKafka::KafkaConsumer> consumer_of(RdKafka::Conf& conf) {
  std::string error;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer(RdKafka::KafkaConsumer::create(&conf, error));
  if (!consumer) fail(error);
  return consumer;
}

void send_offset(RdKafka::Conf& conf, RdKafka::Producer& producer, const std::string& line) {
  std::istringstream words(line);
  std::string word, group, topic;
  int partition = 0;
  std::int64_t offset = 0;
  words >> word >> group >> topic >> partition >> offset;
  const auto reading = copy_of(conf);
  set(*reading, "group.id", group);
  const auto consumer = consumer_of(*reading);
  const GroupMetadata metadata(consumer->groupMetadata());
  const std::unique_ptr<RdKafka::TopicPartition> at(
      RdKafka::TopicPartition::create(topic, partition, offset)
  );
  succeed(producer.send_offsets_to_transaction({at.get()}, metadata.get(), kPatienceMs));
  check(consumer->close());
}

class Transformer : public RdKafka::RebalanceCb {
 public:
  Transformer(RdKafka::Conf& conf, const std::vector<std::string>& args) : target_{args[1]} {
    const auto reading = copy_of(conf);
    set(conf, "transactional.id", args[3]);
    set(conf, "transaction.timeout.ms", "6000");
    set(*reading, "group.id", args[2]);
    set(*reading, "enable.auto.commit", "false");
    set(*reading, "auto.offset.reset", "earliest");
    set(*reading, "session.timeout.ms", "6000");
    set(*reading, "heartbeat.interval.ms", "500");
    std::string error;
    reading->set("rebalance_cb", this, error);
    producer_ = producer_of(conf);
    consumer_ = consumer_of(*reading);
    check(consumer_->subscribe({args[0]}));
  }

  // What was read before and is in no transaction yet is somebody else's.
  void rebalance_cb(
      RdKafka::KafkaConsumer* consumer,
      RdKafka::ErrorCode what,
      std::vector<RdKafka::TopicPartition*>& given
  ) override {
    batch_.clear();
    const bool assigned = what == RdKafka::ERR__ASSIGN_PARTITIONS;
    check(assigned ? consumer->assign(given) : consumer->unassign());
  }

  void run() {
    for (int number = 1; fill(); ++number) {
      if (number % kAbortsOneOf == 0) transaction(false);
      transaction(true);
      batch_.clear();
    }
    batch_.clear();
    check(consumer_->close());
  }

 private:
  // False: told to stop.
  bool fill() {
    while (stopped == 0 && batch_.size() < kBatch) {
      auto m = next(*consumer_);
      if (m) {
        batch_.push_back(std::move(m));
      } else if (!batch_.empty()) {
        break;
      }
    }
    return stopped == 0;
  }

  // Does not return from an error: another process takes over.
  void proceed(RdKafka::Error* error) {
    const std::unique_ptr<RdKafka::Error> owned(error);
    if (!owned) return;
    if (owned->txn_requires_abort()) succeed(producer_->abort_transaction(kPatienceMs));
    batch_.clear();
    consumer_->close();
    fail(owned->name());
  }

  void send_offsets() {
    std::map<std::int32_t, std::int64_t> after;
    for (const auto& m : batch_) after[m->partition()] = m->offset() + 1;
    std::vector<std::unique_ptr<RdKafka::TopicPartition>> owned;
    std::vector<RdKafka::TopicPartition*> offsets;
    for (const auto& [partition, offset] : after) {
      owned.emplace_back(
          RdKafka::TopicPartition::create(batch_.front()->topic_name(), partition, offset)
      );
      offsets.push_back(owned.back().get());
    }
    const GroupMetadata metadata(consumer_->groupMetadata());
    proceed(producer_->send_offsets_to_transaction(offsets, metadata.get(), kPatienceMs));
  }

  void transaction(bool commit) {
    proceed(producer_->begin_transaction());
    for (const auto& m : batch_) {
      check(producer_->produce(
          target_,
          RdKafka::Topic::PARTITION_UA,
          RdKafka::Producer::RK_MSG_COPY,
          m->payload(),
          m->len(),
          m->payload(),
          m->len(),
          0,
          nullptr
      ));
    }
    send_offsets();
    if (commit) {
      proceed(producer_->commit_transaction(kPatienceMs));
    } else {
      producer_->flush(kPatienceMs);  // so that there is something to abort
      proceed(producer_->abort_transaction(kPatienceMs));
    }
    std::cout << (commit ? "T " : "X ") << batch_.size() << std::endl;
  }

  std::string target_;
  Messages batch_;
  std::unique_ptr<RdKafka::Producer> producer_;
  std::unique_ptr<RdKafka::KafkaConsumer> consumer_;
};

}  // namespace

void transact(RdKafka::Conf& conf, const std::string& topic) {
  std::string error, line;
  Deliveries deliveries;
  conf.set("dr_cb", &deliveries, error);
  const auto producer = producer_of(conf);
  bool open = false;
  for (long i = 0; std::getline(std::cin, line); ++i) {
    if (!open) succeed(producer->begin_transaction());
    open = true;
    if (line[0] == 'R') {
      produce_line(*producer, topic, line, i);
      continue;
    }
    if (line[0] == 'O') {
      send_offset(conf, *producer, line);
      continue;
    }
    check(producer->flush(kPatienceMs));
    if (line != "open") {
      succeed(
          line == "commit" ? producer->commit_transaction(kPatienceMs)
                           : producer->abort_transaction(kPatienceMs)
      );
      open = false;
    }
    std::cout << "OK" << std::endl;
  }
}

void transform(RdKafka::Conf& conf, const std::vector<std::string>& args) {
  Transformer transformer(conf, args);
  transformer.run();
}
