// The MQTT broker without sockets, clocks and threads: connections, sessions, subscriptions, retained
// messages and wills, over the durable log. Bytes, instants and finished commits go in; bytes to send,
// records and state to commit come out.
//
// The walk of a publish: Connection::receive decodes; accept() routes it and puts it into the turn's
// group with a ticket; the commit makes it durable; committed() settles the ticket (PUBACK), then
// hands the new blocks to the Feed, which offers them to those who subscribed.
//
// Threads: one, the io thread.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "hub/broker/connection.h"
#include "hub/broker/feed.h"
#include "hub/broker/limits.h"
#include "hub/broker/record_reader.h"
#include "hub/broker/replay.h"
#include "hub/broker/retained.h"
#include "hub/broker/session.h"
#include "hub/broker/shared_group.h"
#include "hub/broker/sys_tree.h"
#include "hub/broker/topic_cache.h"
#include "hub/core/replicas.h"
#include "hub/core/routes.h"
#include "hub/core/service.h"
#include "hub/core/subscription_tree.h"
#include "storage/log/log.h"

namespace runnel::broker {

class Broker final : public core::Service, private Feed::Fanout {
 public:
  // `log`, `routes` and `reader` outlive this (routes: until set_routes gives others).
  Broker(
      const log::Log& log,
      Limits limits,
      const core::Routes* routes,
      core::Replicas& replicas,
      BlockReader& reader,
      Instant now
  );
  ~Broker() override;

  // Sessions, shared groups and retained messages, as the log has them.
  Result<void> load(Turn& turn);

  // --- the door ---
  // nullptr: connections_max is reached.
  std::unique_ptr<core::Stream> open(void* owner, core::Endpoints endpoints, Instant now) override;
  std::vector<core::Stream*> take_ready() override;
  std::vector<core::Stream*> take_resumed() override;

  // --- the log ---
  void committed(const log::Group& group, Turn& turn) override;
  void block_read(Position position, Result<log::BlockPtr> block, Turn& turn);
  // Answers BlockReader::seek: where the replay begins, or the end of the log.
  void sought(std::uint64_t ticket, Result<Position> position, Turn& turn);

  // --- time ---
  void tick(Turn& turn) override;
  // Readers that are behind.
  bool run(Turn& turn) override;
  // Writes the flow rows that the turn's commit must hold.
  void end(Turn& turn) override;

  // --- life ---
  // What others want to say below $SYS: topics and values.
  using SysSource = std::function<std::vector<std::pair<std::string, std::string>>()>;
  void set_sys_source(SysSource source) { sys_others_ = std::move(source); }
  void set_limits(const Limits& limits) { limits_ = limits; }
  void set_routes(const core::Routes* routes) {
    cache_.routes_changed(routes);
    records_.routes_changed(routes);
  }
  void shut_down(Turn& turn) override;

  [[nodiscard]] const Limits& limits() const { return limits_; }
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] std::uint64_t headers_left_out() const { return records_.headers_left_out(); }
  [[nodiscard]] std::size_t connections() const { return connected_; }
  [[nodiscard]] std::size_t sessions() const { return sessions_.size(); }
  [[nodiscard]] std::size_t subscriptions() const { return tree_.size(); }
  [[nodiscard]] std::size_t retained() const { return retained_.size(); }

 private:
  friend class Connection;
  friend class Session;
  friend class SharedGroup;

  enum class Wait : std::uint32_t { puback = 1, pubrec, pubcomp, reply, flow, retained };

  // --- sessions ---
  // The session for a CONNECT that has passed every check, without its connection yet; nullptr when
  // there is no room for another.
  Session* connect(const mqtt::Connect& connect, std::string_view client_id, Turn& turn, bool& present);
  Session& make_session(std::string client_id);
  void take_over(Session& session, Turn& turn);
  void connection_lost(Session& session, bool with_will, Turn& turn);
  void end_session(Session& session, Turn& turn);
  void publish_will(Session& session, Turn& turn);
  [[nodiscard]] Session* find(std::string_view client_id) const;
  [[nodiscard]] std::string invent_client_id();
  Result<void> load_sessions(Turn& turn);
  Result<void> load_groups();

  // --- subscriptions ---
  void index(Session& session, Subscription& subscription);
  void unindex(Session& session, const Subscription& subscription);
  SharedGroup& group_for(std::string_view key, std::string_view filter);
  void leave_group(Session& session, const Subscription& subscription, Turn& turn);
  void queue_retained(Session& session, std::uint32_t which);

  // --- messages ---
  struct Accepted {
    mqtt::Reason reason{};  // what to tell the publisher
    std::optional<PartitionId> replicated{};  // whose mirrors the acknowledgement waits for
  };

  // Routes a message and puts it into the turn's group. `acknowledged`: somebody waits for that.
  Accepted accept(const Message& message, bool acknowledged, Turn& turn);
  // The partition that such a message goes to, if its acknowledgement waits for mirrors.
  std::optional<PartitionId> waited_for(std::string_view topic, std::string_view client);
  void resume_paused(Turn& turn);
  void settle_in_turn(const log::Ticket& ticket, Errc records, Turn& turn);
  void settle(const log::Ticket& ticket, Errc records, Turn& turn);
  void settle_pubrec(Session& session, mqtt::PacketId id, mqtt::Reason reason, Errc records, Turn& turn);
  [[nodiscard]] bool anybody() const override { return tree_.size() > 0; }
  void fan_out(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
  void fan_out_message(const log::BlockPtr& block, std::uint32_t index, Message& message, Turn& turn);
  void publish_sys(std::string_view topic, std::string_view value, Turn& turn);

  // --- replies that wait for a commit ---
  struct Reply {
    Bytes packet{};
    std::vector<std::uint32_t> retained_for{};  // subscriptions whose retained messages follow
    std::vector<std::uint32_t> fresh{};         // new subscriptions: live begins behind this commit
    bool greets = false;                        // it is the CONNACK
    std::uint64_t connection = 0;               // set by reply_after_commit
    std::uint64_t session = 0;
  };

  void reply_after_commit(Connection& connection, Reply reply, Turn& turn);
  void settle_reply(Turn& turn);
  [[nodiscard]] bool has_retained(std::string_view filter) const;
  [[nodiscard]] bool retained_on_their_way() const { return !retained_updates_.empty(); }

  void list_ready(Connection& connection);
  void flow_due(Session& session);
  void pump_due(Session& session);
  void report_gap(std::string_view who, std::uint64_t records);
  void save_progress(Turn& turn);
  void update_sys(Turn& turn);
  void release_slot(Connection& connection);
  [[nodiscard]] Connection* connection_of(std::uint64_t ticket_owner) const;

  const log::Log& log_;
  Limits limits_;
  core::SubscriptionTree tree_;
  core::Replicas& replicas_;
  TopicCache cache_;
  RecordReader records_;
  Retained retained_;
  Retained sys_messages_;  // in memory only
  BlockReader& reader_;
  Feed feed_;
  Counters counters_;

  std::unordered_map<std::string_view, std::unique_ptr<Session>> sessions_;  // keys are theirs
  std::unordered_map<std::uint64_t, Session*> by_number_;
  std::unordered_map<std::string, std::unique_ptr<SharedGroup>> groups_;
  std::uint64_t next_number_ = 1;

  // Tickets name connections by slot and use, so that a stale one finds nothing.
  struct Slot {
    Connection* connection = nullptr;
    std::uint32_t use = 0;
  };

  std::vector<Slot> slots_;
  std::vector<std::uint32_t> free_slots_;
  std::size_t connected_ = 0;
  std::size_t connected_max_ = 0;
  std::vector<Connection*> ready_;
  std::vector<Connection*> paused_;
  std::vector<Connection*> resumed_;

  struct RetainedUpdate {
    std::string topic;
    StoredPtr stored;
  };

  // Both are settled in the order in which they were put in, as groups are.
  std::deque<Reply> replies_;
  std::deque<RetainedUpdate> retained_updates_;
  Position committed_end_{};  // behind the group that is being settled
  std::size_t retained_promised_bytes_ = 0;  // of those in retained_updates_

  // Reused over calls on the hot path.
  HeaderList headers_;
  mqtt::Publish packet_in_;
  mqtt::Publish packet_out_;
  Message message_in_;
  Message message_out_;
  Delivery delivery_;
  ReplayWords replay_words_;

  struct Wanted {
    Session* session;
    Delivery delivery;
  };

  std::vector<Wanted> wanted_;
  std::size_t wanted_count_ = 0;
  std::vector<std::uint64_t> flow_due_;  // session numbers
  std::vector<std::uint64_t> pump_due_;

  SysTree sys_;
  SysSource sys_others_;
  Instant started_;
  Instant last_save_;
  Instant last_sys_;
  Instant last_sweep_;
  Position saved_head_{};
};

}  // namespace runnel::broker
