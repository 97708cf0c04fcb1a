// One MQTT session (MQTT 5.0 §4.1): what the hub remembers of a client between its connections. It
// stores no messages. What it is owed is a cursor into the log, plus the packet ids in flight.
//
// State rows, both rewritten whole when they change (session_row.h has the bytes):
//   s/{client}   expiry, subscriptions, will: changes when the client says so
//   q/{client}   cursors, packet ids in flight in both directions: changes as messages flow
// Only sessions that outlive their connection have rows. Durable before the client sees the effect:
// subscriptions (SUBACK), an incoming QoS 2 packet id (PUBREC), its release (PUBCOMP), an outgoing
// QoS 2 packet id (PUBLISH), its release (PUBREL). The rest follows within kSaveEvery.
//
// A subscription that asks for the past is a second cursor: the Replayer reads from where it asked to
// `since`, where its live part begins, and the session's own reading waits for that, so that nothing
// new overtakes anything old. Shared groups do not wait.
//
// Threads: one, the io thread.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "hub/broker/feed.h"
#include "hub/broker/message.h"
#include "hub/broker/replay.h"
#include "hub/broker/stored_message.h"

namespace runnel::broker {

class Broker;
class Connection;
class SharedGroup;

struct Subscription {
  std::string filter;  // as the client sent it, with $share
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  bool no_local = false;
  bool retain_as_published = false;
  std::uint8_t retain_handling = 0;
  std::optional<std::uint32_t> id;
  Position since{};             // records before this are not owed to it
  // Asked for the past when it was made: records from here up to `since` are owed to it by replay.
  std::optional<Position> replay_from{};
  bool retained_due = false;    // retained messages were promised and are not all acknowledged
  std::uint32_t which = 0;      // its name in the subscription tree
  SharedGroup* group = nullptr;

  // The filter without $share/{group}/.
  [[nodiscard]] std::string_view topic_filter() const;
};

// A QoS 1 or 2 message on its way to the client.
struct InFlight {
  enum class State : std::uint8_t {
    reserved,   // QoS 2: its packet id is not durable yet; not sent
    sent,       // PUBLISH sent, or to be sent again
    releasing,  // PUBREC came; that is not durable yet
    released,   // PUBREL sent, PUBCOMP awaited
    done,       // acknowledged, but not the oldest
  };

  mqtt::PacketId id = 0;
  mqtt::QoS qos = mqtt::QoS::at_least_once;
  State state = State::sent;
  bool resend = false;           // owed again since the client came back
  bool replayed = false;         // it went out in a replay
  std::uint32_t serial = 0;      // of its packet id's use
  Position position{};           // in the log, unless stored
  StoredPtr stored;              // a retained message
  std::string group;             // key of the shared group that it came through
  log::BlockPtr block;           // while reserved
};

// How a message is wanted by one session, over all subscriptions that match it.
struct Delivery {
  mqtt::QoS qos = mqtt::QoS::at_most_once;
  bool retain_as_published = false;
  std::vector<std::uint32_t> ids;

  void clear() {
    qos = mqtt::QoS::at_most_once;
    retain_as_published = false;
    ids.clear();
  }
  void add(const Subscription& subscription, const Message& message);
};

// A message with all that sending it needs.
struct Outgoing {
  const Message& message;
  mqtt::QoS qos;                 // the lower of the publisher's and the subscription's
  bool retain = false;           // the flag as it is sent
  const std::vector<std::uint32_t>& ids;
  std::int64_t accepted_hub_ms = 0;
  Position position{};
  log::BlockPtr block;           // of `position`
  StoredPtr stored;
  std::string_view group = {};
  const ReplayMark* replay = nullptr;  // of a replayed message
};

class Session final : public LogReader {
 public:
  Session(Broker& broker, std::string client_id, std::uint64_t number);
  ~Session() override;

  [[nodiscard]] const std::string& client_id() const { return client_id_; }
  [[nodiscard]] std::uint64_t number() const { return number_; }
  [[nodiscard]] Connection* connection() const { return connection_; }
  // The same, once its CONNACK has gone out: before that nothing may be sent ([MQTT-3.2.0-1]), and
  // what a commit answers was asked on an earlier connection.
  [[nodiscard]] Connection* greeted_connection() const;
  [[nodiscard]] bool persistent() const { return expiry_s_ > 0; }
  [[nodiscard]] std::uint32_t expiry_s() const { return expiry_s_; }
  [[nodiscard]] const std::vector<Subscription>& subscriptions() const { return subscriptions_; }
  [[nodiscard]] std::size_t in_flight() const { return inflight_.size() - first_; }

  // --- connection ---
  void attach(Connection& connection, std::uint32_t expiry_s, Turn& turn);
  // CONNACK has been sent: what was under way goes out again, then what is owed.
  void begin_sending(Turn& turn);
  void detach(Turn& turn);
  void set_expiry(std::uint32_t expiry_s, Turn& turn);
  // When it ends, in hub time; nullopt while connected, or when it never does.
  [[nodiscard]] std::optional<std::int64_t> ends_at_hub_ms() const;

  // As it was when the hub stopped: a client that was connected then is away since now.
  void found_on_disk(std::int64_t hub_ms) {
    if (disconnected_hub_ms_ < 0) disconnected_hub_ms_ = hub_ms;
  }

  void set_will(StoredPtr will, std::uint32_t delay_s);
  [[nodiscard]] std::uint32_t will_delay_s() const { return will_delay_s_; }
  StoredPtr take_will();
  [[nodiscard]] bool has_will() const { return will_ != nullptr; }
  // When the will is due after the connection was lost, in hub time.
  [[nodiscard]] std::optional<std::int64_t> will_due_hub_ms() const;

  // --- subscriptions ---
  // The subscription with this filter, changed or new; `existed` says which.
  Subscription& subscribe(const mqtt::SubscribeEntry& entry, std::optional<std::uint32_t> id, bool& existed);
  bool unsubscribe(std::string_view filter);
  // Moves the beginning of a new subscription.
  void begin_at(std::uint32_t which, Position since);
  // These subscriptions begin (again) at `from`, and are live from the end of the log as it is now.
  void replay(const std::vector<std::uint32_t>& which, Position from);
  [[nodiscard]] bool replaying() const { return replaying_; }
  // The session ends: what its client had not acknowledged of shared subscriptions is owed again.
  void return_shared();
  [[nodiscard]] const Subscription* find(std::uint32_t which) const;
  void send_retained(const Subscription& subscription, StoredPtr message);
  // All that a SUBSCRIBE calls for has been passed to send_retained(), which may be nothing.
  void retained_queued(Turn& turn);

  // --- outgoing ---
  // Sends the message, or says that it cannot be taken now (false). QoS 0 that is not owed, expired
  // and oversized messages are "taken".
  bool deliver(const Outgoing& out, Turn& turn);
  void acknowledged(mqtt::PacketId id);                                   // PUBACK
  // PUBREC; false: no such packet id
  bool received(mqtt::PacketId id, bool success, Turn& turn);
  bool completed(mqtt::PacketId id);                                      // PUBCOMP
  // The row with this packet id is durable: send what waited for that.
  void settled(mqtt::PacketId id, Turn& turn);
  // Room may have come up: resends, retained messages, then the log.
  void pump(Turn& turn);

  // --- incoming QoS 2 ---
  [[nodiscard]] bool holds(mqtt::PacketId id) const;
  void hold(mqtt::PacketId id);
  bool release(mqtt::PacketId id);
  // Its PUBREC waits for mirrors.
  [[nodiscard]] bool awaits(mqtt::PacketId id) const { return awaited_.contains(id); }
  void await(mqtt::PacketId id) { awaited_.insert(id); }
  void await_no_more(mqtt::PacketId id) { awaited_.erase(id); }

  // --- LogReader ---
  bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
  [[nodiscard]] bool ready() const override { return takes() && !replaying_; }
  // Whether its client can be given anything new now.
  [[nodiscard]] bool takes() const;
  void missed(std::uint64_t records) override;
  void position_changed() override { dirty_ = true; }

  // --- rows ---
  void mark_dirty() { dirty_ = true; }
  [[nodiscard]] bool dirty() const { return dirty_; }
  void save_static(Turn& turn);
  void save_flow(Turn& turn);
  void erase_rows(Turn& turn);

 private:
  friend class Broker;
  friend class SessionRow;

  // Reads again what was in flight when the client went away.
  class Resender final : public LogReader {
   public:
    explicit Resender(Session& session) : session_(session) {}
    bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
    [[nodiscard]] bool ready() const override;
    void missed(std::uint64_t records) override;
    void trimmed(std::uint64_t records) override { missed(records); }
    [[nodiscard]] Position next_wanted(Position from) const override;

   private:
    Session& session_;
  };

  // Reads what subscriptions asked for of the past.
  class Replayer final : public LogReader {
   public:
    explicit Replayer(Session& session) : session_(session) {}
    bool offer(const log::BlockPtr& block, std::uint32_t index, Turn& turn) override;
    [[nodiscard]] bool ready() const override;
    void missed(std::uint64_t records) override;
    void trimmed(std::uint64_t records) override;
    [[nodiscard]] Position next_wanted(Position from) const override;
    // Where it is done: the highest `since` that it has something to bring up to.
    [[nodiscard]] Position until() const;

   private:
    bool deliver(const log::BlockPtr& block, std::uint32_t index, Turn& turn);
    void done_up_to(Position position);

    Session& session_;
  };

  // True when every matching subscription was added to `delivery`; false: none matches.
  bool match(const Message& message, Position position, Delivery& delivery);
  // The same for a replay; `again`: for a message that went out in one that may be over.
  bool match_replay(const Message& message, Position position, bool again, Delivery& delivery);
  [[nodiscard]] std::optional<ReplayMark> mark_of(const log::BlockPtr& block, std::uint32_t index) const;
  void resent(InFlight& entry);
  void resend_stored(Turn& turn);
  bool send_again(const log::BlockPtr& block, InFlight& entry, Turn& turn);
  bool send_pending_retained(Turn& turn);
  mqtt::Publish& packet_for(const Outgoing& out, Turn& turn);
  [[nodiscard]] bool too_large(const Outgoing& out, Turn& turn);
  void transmit(const Outgoing& out, mqtt::PacketId id, bool dup, Turn& turn);
  mqtt::PacketId next_packet_id();
  InFlight* find_in_flight(mqtt::PacketId id);
  void finish(InFlight& entry);
  void drop_finished();
  [[nodiscard]] bool window_open() const;

  Broker& broker_;
  std::string client_id_;
  std::uint64_t number_;
  Connection* connection_ = nullptr;
  std::uint32_t expiry_s_ = 0;
  std::int64_t disconnected_hub_ms_ = -1;  // -1: connected
  StoredPtr will_;
  std::uint32_t will_delay_s_ = 0;
  Position online_since_{};  // QoS 0 from before this is not owed

  std::vector<Subscription> subscriptions_;  // in rising order of `which`
  std::uint32_t next_which_ = 1;

  struct PendingRetained {
    std::uint32_t which;
    StoredPtr message;
  };
  std::vector<PendingRetained> pending_retained_;  // the next is at pending_first_
  std::size_t pending_first_ = 0;

  std::vector<InFlight> inflight_;  // in order of sending, from first_ on
  std::size_t first_ = 0;
  std::size_t resends_ = 0;         // entries that are owed again
  Resender resender_{*this};
  Replayer replayer_{*this};
  bool replaying_ = false;          // replayer_ is not done: its cursor counts
  std::uint32_t serial_ = 0;
  mqtt::PacketId last_id_ = 0;
  std::set<mqtt::PacketId> awaited_;       // of these, those whose PUBREC waits for mirrors
  std::vector<mqtt::PacketId> held_;  // incoming QoS 2 between PUBLISH and PUBREL; sorted
  // Broker::fan_out's: the record for which this session is listed, and where.
  Position wanted_at_{~std::uint64_t{0}};
  std::size_t wanted_index_ = 0;
  bool dirty_ = false;                // the flow row is behind
};

}  // namespace runnel::broker
