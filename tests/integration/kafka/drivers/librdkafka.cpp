// librdkafka from C++: the operations, arguments and lines of librdkafka.c and
// librdkafka_transactions.c.
#include "librdkafka.hpp"

#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

volatile std::sig_atomic_t stopped = 0;

void fail(const std::string& name) {
  std::cout << "E " << name << std::endl;
  std::exit(1);
}

void check(RdKafka::ErrorCode error) {
  if (error != RdKafka::ERR_NO_ERROR) fail(RdKafka::err2str(error));
}

namespace {

using Bytes = std::optional<std::string>;

// --- Lines
// ----------------------------------------------------------------------------------------

std::string text_of(const void* data, std::size_t size) {
  if (data == nullptr) return "-";
  std::ostringstream out;
  out << 'x' << std::hex << std::setfill('0');
  const auto* const bytes = static_cast<const unsigned char*>(data);
  for (std::size_t i = 0; i < size; ++i) out << std::setw(2) << static_cast<unsigned>(bytes[i]);
  return out.str();
}

Bytes bytes_of(const std::string& word) {
  if (word.empty() || word[0] != 'x') return std::nullopt;
  std::string bytes;
  for (std::size_t i = 1; i + 1 < word.size(); i += 2) {
    bytes += static_cast<char>(std::stoi(word.substr(i, 2), nullptr, 16));
  }
  return bytes;
}

void print(RdKafka::Message& m) {
  std::cout << "R " << m.partition() << ' ' << m.offset() << ' ' << m.timestamp().timestamp << ' '
            << text_of(m.key_pointer(), m.key_len()) << ' ' << text_of(m.payload(), m.len());
  if (m.headers() != nullptr) {
    for (const auto& header : m.headers()->get_all()) {
      std::cout << ' ' << header.key() << "= " << text_of(header.value(), header.value_size());
    }
  }
  std::cout << std::endl;
}

// --- Producing
// ------------------------------------------------------------------------------------

}  // namespace

void Deliveries::dr_cb(RdKafka::Message& m) {
  const std::unique_ptr<long> index(static_cast<long*>(m.msg_opaque()));
  if (m.err() != RdKafka::ERR_NO_ERROR) {
    std::cout << "E " << m.errstr() << std::endl;
  } else if (index) {
    std::cout << "D " << *index << ' ' << m.offset() << std::endl;
  }
}

void produce_line(RdKafka::Producer& producer, const std::string& topic, std::string line, long i) {
  std::istringstream words(std::move(line));
  std::string word, key_word, value_word, name;
  std::int32_t partition = 0;
  std::int64_t offset = 0, timestamp = 0;
  words >> word >> partition >> offset >> timestamp >> key_word >> value_word;
  Bytes key = bytes_of(key_word);
  Bytes value = bytes_of(value_word);
  std::unique_ptr<RdKafka::Headers> headers(RdKafka::Headers::create());
  while (words >> name >> word) {
    name.pop_back();  // '='
    const Bytes header = bytes_of(word);
    check(headers->add(name, header ? header->data() : nullptr, header ? header->size() : 0));
  }
  check(producer.produce(
      topic,
      partition,
      RdKafka::Producer::RK_MSG_COPY,
      value ? value->data() : nullptr,
      value ? value->size() : 0,
      key ? key->data() : nullptr,
      key ? key->size() : 0,
      timestamp,
      headers.release(),
      new long(i)
  ));
  producer.poll(0);
}

namespace {

void produce(RdKafka::Conf& conf, const std::string& topic) {
  std::string error, line;
  Deliveries deliveries;
  conf.set("dr_cb", &deliveries, error);
  const std::unique_ptr<RdKafka::Producer> producer(RdKafka::Producer::create(&conf, error));
  if (!producer) fail(error);
  for (long i = 0; std::getline(std::cin, line); ++i) produce_line(*producer, topic, line, i);
  check(producer->flush(60'000));
}

// --- Consuming
// ------------------------------------------------------------------------------------

class Partition {
 public:
  Partition(const std::string& topic, const std::string& partition, std::int64_t at)
      : list_{RdKafka::TopicPartition::create(topic, std::stoi(partition), at)} {}

  ~Partition() { RdKafka::TopicPartition::destroy(list_); }

  Partition(const Partition&) = delete;
  Partition& operator=(const Partition&) = delete;

  std::vector<RdKafka::TopicPartition*>& list() { return list_; }

  RdKafka::TopicPartition& only() { return *list_.front(); }

 private:
  std::vector<RdKafka::TopicPartition*> list_;
};

}  // namespace

std::unique_ptr<RdKafka::Message> next(RdKafka::KafkaConsumer& consumer) {
  std::unique_ptr<RdKafka::Message> m(consumer.consume(100));
  switch (m->err()) {
    case RdKafka::ERR_NO_ERROR:
      return m;
    case RdKafka::ERR__TIMED_OUT:
    case RdKafka::ERR__TRANSPORT:
    case RdKafka::ERR__ALL_BROKERS_DOWN:
      return nullptr;
    default:
      std::cout << "E " << m->errstr() << std::endl;
      return nullptr;
  }
}

namespace {

void consume(RdKafka::KafkaConsumer& consumer, const std::vector<std::string>& args) {
  Partition where(args[0], args[1], std::stoll(args[2]));
  check(consumer.assign(where.list()));
  for (long left = std::stol(args[3]); left > 0 && stopped == 0;) {
    const auto m = next(consumer);
    if (!m) continue;
    print(*m);
    --left;
  }
}

class Rebalances : public RdKafka::RebalanceCb {
 public:
  void rebalance_cb(
      RdKafka::KafkaConsumer* consumer,
      RdKafka::ErrorCode what,
      std::vector<RdKafka::TopicPartition*>& given
  ) override {
    if (what == RdKafka::ERR__ASSIGN_PARTITIONS) {
      std::cout << "A " << given.size() << std::endl;
      check(consumer->assign(given));
    } else {
      check(consumer->unassign());
    }
  }
};

void member(RdKafka::KafkaConsumer& consumer, const std::string& topic) {
  check(consumer.subscribe({topic}));
  while (stopped == 0) {
    const auto m = next(consumer);
    if (!m) continue;
    print(*m);
    const auto error = consumer.commitSync(m.get());
    if (error != RdKafka::ERR_NO_ERROR) std::cout << "E " << RdKafka::err2str(error) << std::endl;
  }
}

// --- Asking
// ---------------------------------------------------------------------------------------

void ask(
    RdKafka::KafkaConsumer& consumer, const std::string& what, const std::vector<std::string>& args
) {
  if (what == "ends") {
    std::int64_t low = 0, high = 0;
    check(consumer.query_watermark_offsets(args[0], std::stoi(args[1]), &low, &high, 10'000));
    std::cout << "N " << low << "\nN " << high << std::endl;
    return;
  }
  Partition where(args[0], args[1], args.size() > 2 ? std::stoll(args[2]) : 0);
  if (what == "commit") {
    check(consumer.commitSync(where.list()));
  } else if (what == "committed") {
    check(consumer.committed(where.list(), 10'000));
  } else {
    check(consumer.offsetsForTimes(where.list(), 10'000));
  }
  check(where.only().err());
  std::cout << "N " << where.only().offset() << std::endl;
}

void run(const std::string& what, RdKafka::Conf& conf, const std::vector<std::string>& args) {
  std::string error;
  Rebalances rebalances;
  if (what == "produce") return produce(conf, args[0]);
  if (what == "transact") return transact(conf, args[0]);
  if (what == "transform" && args.size() == 4) return transform(conf, args);
  if (what == "member") conf.set("rebalance_cb", &rebalances, error);
  const std::unique_ptr<RdKafka::KafkaConsumer> consumer(
      RdKafka::KafkaConsumer::create(&conf, error)
  );
  if (!consumer) fail(error);
  if (what == "consume") {
    consume(*consumer, args);
  } else if (what == "member") {
    member(*consumer, args[0]);
  } else {
    ask(*consumer, what, args);
  }
  check(consumer->close());
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) return 2;
  const std::unique_ptr<RdKafka::Conf> conf(RdKafka::Conf::create(RdKafka::Conf::CONF_GLOBAL));
  std::vector<std::string> args;
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const auto equals = word->find('=');
    if (equals == std::string::npos) {
      args.push_back(*word);
      continue;
    }
    std::string error;
    if (conf->set(word->substr(0, equals), word->substr(equals + 1), error) !=
        RdKafka::Conf::CONF_OK) {
      fail(error);
    }
  }
  std::signal(SIGTERM, [](int) { stopped = 1; });
  run(words[0], *conf, args);
}
