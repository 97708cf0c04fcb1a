// The Kafka broker without sockets, clocks and threads: connections and requests, over the durable
// log. Bytes, instants and finished commits go in; answers, records and state to commit come out. It
// is the only broker, the controller and every coordinator of its cluster of one.
//
// The walk of a produce request: Connection cuts it out of the stream; dispatch.cpp decodes it and
// calls its handler; Produces checks the batches and puts them into the turn's group; the commit makes
// them durable; committed() answers, and wakes the fetches that wait for these partitions.
//
// Threads: one, the io thread.
#pragma once

#include <unordered_map>

#include "hub/core/replicas.h"
#include "hub/core/topics.h"
#include "hub/core/transactions/transaction_coordinator.h"
#include "hub/core/users.h"
#include "hub/kafka/codec.h"
#include "hub/kafka/error.h"
#include "hub/kafka_broker/call.h"
#include "hub/kafka_broker/cluster.h"
#include "hub/kafka_broker/connection.h"
#include "hub/kafka_broker/fetches.h"
#include "hub/kafka_broker/groups.h"
#include "hub/kafka_broker/limits.h"
#include "hub/kafka_broker/logins.h"
#include "hub/kafka_broker/memory.h"
#include "hub/kafka_broker/offset_feed.h"
#include "hub/kafka_broker/produces.h"
#include "hub/kafka_broker/time_lookup.h"

namespace runnel::kafka {

class Broker final : public core::Service {
 public:
  // All outlive this.
  Broker(
      const log::Log& log,
      core::Topics& topics,
      core::Users& users,
      core::Replicas& replicas,
      PartitionReader& reader,
      const Limits& limits
  );
  ~Broker() override;

  // What the log knows of the cluster, or what it will know.
  Result<void> load(core::Turn& turn);

  // --- core::Service ---
  std::unique_ptr<core::Stream> open(void* owner, core::Endpoints endpoints, Instant now) override;
  std::vector<core::Stream*> take_ready() override;
  std::vector<core::Stream*> take_resumed() override;
  void committed(const log::Group& group, core::Turn& turn) override;
  void tick(core::Turn& turn) override;
  [[nodiscard]] std::optional<Instant> deadline() const override;
  bool run(core::Turn& turn) override;
  void end(core::Turn& turn) override;
  void shut_down(core::Turn& turn) override;

  void set_limits(const Limits& limits);
  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] std::size_t connections() const { return connections_.size(); }

  // --- for Connection ---
  // A whole request, without its length.
  void handle(Connection& connection, ByteView frame, core::Turn& turn);
  void ready(Connection& connection);
  // It waits for room in the group, or something it waited for has come.
  void go_on(Connection& connection);
  void resumed(Connection& connection);
  void forget(Connection& connection);

  // --- for those who handle requests ---
  [[nodiscard]] const log::Log& log() const { return log_; }
  [[nodiscard]] core::Topics& topics() { return topics_; }
  [[nodiscard]] Cluster& cluster() { return cluster_; }
  // What clients are told.
  [[nodiscard]] const std::string& cluster_id() const {
    return limits_.cluster_id.empty() ? cluster_.id() : limits_.cluster_id;
  }
  [[nodiscard]] core::Replicas& replicas() { return replicas_; }
  [[nodiscard]] const core::Replicas& replicas() const { return replicas_; }
  [[nodiscard]] OffsetFeed& offset_feed() { return offset_feed_; }
  // A mirror's fetch says what it has, of topics that it names by their ids.
  void note_replica(const Call& call, Text mirror, const FetchRequest& request, core::Turn& turn);
  // Topics that were a mirror's are this hub's own from now on: transactions that their origin has left
  // open are aborted, and its producers' ids are given to nobody.
  void adopt(core::Turn& turn);
  [[nodiscard]] Produces& produces() { return produces_; }
  [[nodiscard]] Fetches& fetches() { return fetches_; }
  [[nodiscard]] const Fetches& fetches() const { return fetches_; }
  [[nodiscard]] TimeLookups& time_lookups() { return time_lookups_; }
  [[nodiscard]] Memory& memory() { return memory_; }
  [[nodiscard]] const Memory& memory() const { return memory_; }
  [[nodiscard]] PartitionReader& reader() { return reader_; }
  [[nodiscard]] core::Users& users() { return users_; }
  [[nodiscard]] Logins& logins() { return logins_; }
  [[nodiscard]] const Logins& logins() const { return logins_; }
  [[nodiscard]] Groups& groups() { return groups_; }
  [[nodiscard]] const Groups& groups() const { return groups_; }
  [[nodiscard]] core::TransactionCoordinator& transactions() { return transactions_; }
  [[nodiscard]] const core::TransactionCoordinator& transactions() const { return transactions_; }

  // nullptr: it has gone.
  [[nodiscard]] Connection* find(std::uint64_t connection) const;
  template <class Visit>
  void each_connection(Visit&& visit) {
    for (const auto& [id, connection] : connections_) visit(*connection);
  }

  // The name of the topic with this id; empty: there is none.
  [[nodiscard]] Text topic_of(const Uuid& id) const;
  // nullptr: there is no such topic or partition.
  [[nodiscard]] const PartitionId* partition(std::string_view topic, std::int32_t index) const;
  // Makes a topic; its answer should wait for the turn's group.
  void create_topic(
      std::string_view name,
      std::uint32_t partitions,
      core::Turn& turn,
      const core::TopicConfig& config = {}
  );
  // Deletes one that may be deleted, with what groups have committed of it. The same.
  void delete_topic(std::string_view name, core::Turn& turn);

  template <class Response>
  void answer(const Call& call, const Response& response, std::size_t expected_bytes = 0) {
    Connection* const to = find(call.connection);
    if (to == nullptr) return;
    to->answer(
        call.slot, encode_response(call.correlation_id, call.version, response, expected_bytes)
    );
  }

  // Who has logged in is looked at again when the turn's group is durable.
  void review_logins_after(core::Turn& turn) { review_after_.insert(&turn.group); }

  // As answer(), once the turn's group is durable; `failed` is sent when it is refused. At once when
  // there is nothing that could become durable.
  template <class Response>
  void answer_after_commit(
      const Call& call,
      const Response& response,
      const Response& failed,
      core::Turn& turn,
      log::Group::Tie tie = log::Group::Tie::none,  // records: they must be stored too
      std::vector<PartitionId> replicated = {}      // whose mirrors must have it too
  ) {
    if (turn.group.empty() && replicated.empty()) return answer(call, response);
    AfterCommit waiting{
        call.connection,
        call.slot,
        tie == log::Group::Tie::records,
        encode_response(call.correlation_id, call.version, response),
        encode_response(call.correlation_id, call.version, failed),
        std::move(replicated)};
    if (turn.group.empty()) return settle(std::move(waiting), true, turn);
    after_commit_[&turn.group].push_back(std::move(waiting));
  }

  // A request that gets no answer.
  void no_answer(const Call& call);
  void close(const Call& call, std::string_view why);

 private:
  struct AfterCommit {
    std::uint64_t connection = 0;
    std::uint64_t slot = 0;
    bool needs_records = false;
    Bytes done;
    Bytes failed;
    std::vector<PartitionId> replicated;
  };

  void settle(AfterCommit waiting, bool stored, core::Turn& turn);

  void let_go_on(core::Turn& turn);
  void follow_topics();

  const log::Log& log_;
  core::Topics& topics_;
  std::uint64_t topic_changes_ = 0;
  PartitionReader& reader_;
  core::Users& users_;
  core::Replicas& replicas_;
  Limits limits_;
  Memory memory_;
  Cluster cluster_;
  Produces produces_;
  Fetches fetches_;
  TimeLookups time_lookups_;
  Groups groups_;
  OffsetFeed offset_feed_;
  core::TransactionCoordinator transactions_;
  Logins logins_;
  std::unordered_map<std::uint64_t, Connection*> connections_;
  std::uint64_t last_connection_ = 0;
  std::vector<Connection*> ready_;
  std::vector<Connection*> resumed_;
  std::vector<std::uint64_t> going_on_;
  std::unordered_map<const log::Group*, std::vector<AfterCommit>> after_commit_;
  std::set<const log::Group*> review_after_;
};

}  // namespace runnel::kafka
