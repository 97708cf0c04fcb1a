// The Kafka broker over a real log, in one thread. What the commit thread, the read thread and the
// door do by themselves in the daemon happens here when a test says so. The door is as strict as
// the real one: it does not read a stream that was paused until that is among the resumed.
#pragma once

#include <deque>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hub/kafka_broker/broker.h"
#include "tests/support/log_fixture.h"

namespace runnel::kafka::test {

using std::chrono::milliseconds;

// A TCP connection: two streams of bytes that are on their way.
struct Link {
  std::unique_ptr<core::Stream> stream;  // the hub's end; gone when the hub has closed it
  Bytes to_hub;
  Bytes to_client;
  bool reading = true;        // the door reads from it
  bool takes_answers = true;  // the client takes what is written to it
};

class KafkaHub final : private PartitionReader {
 public:
  explicit KafkaHub(const Limits& limits_ = {}, std::vector<core::UserSpec> users_of_config = {})
      : limits(limits_), users(std::move(users_of_config)) {
    files.options.generation_bytes = 4 * runnel::test::kMiB;
    start();
  }

  ~KafkaHub() override { stop(); }

  KafkaHub(const KafkaHub&) = delete;
  KafkaHub& operator=(const KafkaHub&) = delete;

  runnel::test::LogFixture files;
  Limits limits;
  core::Replicas replicas;
  std::vector<core::UserSpec> users;  // of the configuration
  std::size_t group_bytes_max = 256 * 1024;

  std::shared_ptr<Link> connect() {
    auto link = std::make_shared<Link>();
    link->stream = broker_->open(link.get(), {"10.0.0.7:51234", "10.0.0.1", 9092}, now());
    if (link->stream != nullptr) links_.push_back(link);
    return link;
  }

  // Each does one thing if there is one to do, and says whether there was.
  bool receive(Link& link, std::size_t bytes) {
    if (link.stream == nullptr || !link.reading || link.to_hub.empty()) return false;
    const Bytes piece = link.to_hub.substr(0, bytes);
    link.to_hub.erase(0, piece.size());
    turn([&](core::Turn& t) { link.stream->receive(piece, t); });
    if (link.stream != nullptr && link.stream->paused()) link.reading = false;
    return true;
  }

  bool commit() {
    if (filling_->empty()) return false;
    auto group = std::exchange(filling_, std::make_unique<log::Group>());
    files.log().commit(*group);
    done_.push_back(std::move(group));
    return true;
  }

  bool settle() {
    if (done_.empty()) return false;
    const auto group = std::move(done_.front());
    done_.pop_front();
    turn([&](core::Turn& t) { broker_->committed(*group, t); });
    return true;
  }

  bool read() {
    if (reads_.empty()) return false;
    const auto job = std::move(reads_.front());
    reads_.pop_front();
    ++reads_done;
    job();
    return true;
  }

  // Until nothing moves any more but time.
  void run() {
    for (bool any = true; any;) {
      any = false;
      const auto links = links_;
      for (const auto& link : links) any = receive(*link, link->to_hub.size()) || any;
      any = commit() || any;
      any = settle() || any;
      any = read() || any;
    }
  }

  // Time passes; what is due is done.
  void advance(milliseconds by) {
    files.clock.advance(by);
    turn([this](core::Turn& t) { broker_->tick(t); });
    run();
  }

  // The client has taken all that was written to it.
  void drain(Link& link) {
    if (link.stream == nullptr) return;
    link.stream->set_unsent(0);
    turn([&](core::Turn& t) { link.stream->drained(t); });
  }

  // The client's end goes away, and the hub sees it.
  void close(Link& link) {
    if (link.stream == nullptr) return;
    turn([&](core::Turn& t) {
      link.stream->closed(t);
      link.stream.reset();
    });
  }

  // What a reload does with users and limits.
  void reload() {
    users_.configure(users);
    broker_->set_limits(limits);
    broker_->logins().review();
    run();
    advance(milliseconds(0));
  }

  // The process dies and starts again. What was not committed is lost.
  void restart() {
    stop();
    start();
  }

  // Another reader of the log: `count` records with this value, by one commit.
  void put_state(ByteView name, ByteView value) {
    log::Group group;
    group.put_state(name, value);
    files.log().commit(group);
  }

  [[nodiscard]] Instant now() const { return files.clock.now(); }

  [[nodiscard]] Broker& broker() { return *broker_; }

  [[nodiscard]] core::Topics& topics() { return topics_; }

  [[nodiscard]] std::size_t waiting_reads() const { return reads_.size(); }

  [[nodiscard]] log::Group& filling() { return *filling_; }

  std::size_t reads_done = 0;

 private:
  void start() {
    files.open();
    topics_ = {};
    users_ = core::Users();
    users_.configure(users);
    if (!users_.load(files.log())) throw std::runtime_error("the users do not load");
    if (!topics_.load(files.log())) throw std::runtime_error("the topics do not load");
    filling_ = std::make_unique<log::Group>();
    PartitionReader& reader = *this;
    broker_ = std::make_unique<Broker>(files.log(), topics_, users_, replicas, reader, limits);
    turn([this](core::Turn& t) {
      if (!broker_->load(t)) throw std::runtime_error("the cluster does not load");
    });
    commit();
    settle();
  }

  void stop() {
    log::Group lost;
    core::Turn t = turn_of(lost);
    for (const auto& link : links_) {
      if (link->stream == nullptr) continue;
      link->stream->closed(t);
      link->stream.reset();
    }
    links_.clear();
    replicas = {};  // what waits there calls the broker
    broker_.reset();
    filling_.reset();
    done_.clear();
    reads_.clear();
    files.close();
  }

  core::Turn turn_of(log::Group& group) {
    return {group, group_bytes_max, now(), files.clock.wall_ms(), files.log().hub_ms()};
  }

  template <class Work>
  void turn(Work&& work) {
    core::Turn t = turn_of(*filling_);
    work(t);
    while (broker_->run(t)) {
    }
    broker_->end(t);
    flush();
  }

  void flush() {
    if (flushing_) return;
    flushing_ = true;
    std::vector<Link*> drained;
    for (;;) {
      const auto ready = broker_->take_ready();
      for (const core::Stream* s : broker_->take_resumed()) {
        static_cast<Link*>(s->owner())->reading = true;
      }
      if (ready.empty()) break;
      for (core::Stream* s : ready) {
        Link& link = *static_cast<Link*>(s->owner());
        link.to_client.append(s->out());
        s->out().clear();
        s->set_unsent(link.takes_answers ? 0 : link.to_client.size());
        if (s->closing()) {
          close(link);
        } else if (link.takes_answers && s->wants_drained()) {
          drained.push_back(&link);
        }
      }
    }
    flushing_ = false;
    for (Link* link : drained) drain(*link);
  }

  void read(
      PartitionId partition,
      Offset offset,
      std::size_t bytes_max,
      log::Isolation isolation,
      Done done
  ) override {
    reads_.push_back([=, this, done = std::move(done)] {
      auto fetched = files.log().fetch(partition, offset, bytes_max, isolation);
      turn([&](core::Turn& t) { done(std::move(fetched), t); });
    });
  }

  void disk_use(Measured done) override {
    reads_.push_back([=, this, done = std::move(done)] {
      auto use = files.log().disk_use();
      turn([&](core::Turn& t) { done(std::move(use), t); });
    });
  }

  void producers(PartitionId partition, Listed done) override {
    reads_.push_back([=, this, done = std::move(done)] {
      auto listed = files.log().producers(partition);
      turn([&](core::Turn& t) { done(std::move(listed), t); });
    });
  }

  void find_time(PartitionId partition, std::int64_t at_least_ms, Found done) override {
    reads_.push_back([=, this, done = std::move(done)] {
      auto found = files.log().find_time(partition, at_least_ms);
      turn([&](core::Turn& t) { done(found, t); });
    });
  }

  core::Topics topics_;
  core::Users users_;
  std::unique_ptr<Broker> broker_;
  std::unique_ptr<log::Group> filling_;
  std::deque<std::unique_ptr<log::Group>> done_;
  std::deque<std::function<void()>> reads_;
  std::vector<std::shared_ptr<Link>> links_;
  bool flushing_ = false;
};

}  // namespace runnel::kafka::test
