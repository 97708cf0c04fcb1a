// SUBSCRIBE (MQTT 5.0 §3.8, §3.9), and what it may ask of the past (replay.h).
#include <algorithm>

#include "hub/broker/broker.h"
#include "hub/broker/connection.h"
#include "hub/mqtt/topic_filter.h"
#include "storage/base/logger.h"

namespace runnel::broker {

using mqtt::PacketType;
using mqtt::Reason;

void Connection::on_subscribe(ByteView body, Turn& turn) {
  const auto packet = mqtt::decode_subscribe(body, version_);
  if (!packet) return fail(packet.error(), "malformed SUBSCRIBE");
  const ReplayAsked asked = ReplayAsked::of(packet->user);
  if (!asked.wrong.empty()) return refuse_subscribe(*packet, asked.wrong);
  if (!asked.from) return subscribe(*packet, nullptr, turn);
  Replay replay{*asked.from};
  std::string wrong;
  if (seek(*asked.from, body, replay, wrong)) return;
  if (!wrong.empty()) return refuse_subscribe(*packet, wrong);
  subscribe(*packet, &replay, turn);
}

bool Connection::seek(const ReplayFrom& from, ByteView body, Replay& replay, std::string& wrong) {
  using Kind = ReplayFrom::Kind;
  const Position first = broker_.log_.first();
  const Position head = broker_.feed_.head();
  BlockReader::Seek seek{.ticket = ticket_owner_, .partition = {}, .time_ms = from.time_ms};
  const auto beyond = [&](std::uint64_t begin, std::uint64_t end) {
    wrong = "hub.from: " + text_of(from) + " is outside the log, which has " +
            std::to_string(begin) + " to " + std::to_string(end);
    return false;
  };
  switch (from.kind) {
    case Kind::earliest:
      replay.position = first;
      return false;
    case Kind::position:
      replay.position = from.position;
      if (from.position < first || from.position > head) return beyond(first.value, head.value);
      return false;
    case Kind::time:
      break;
    case Kind::offset: {
      seek.partition = broker_.records_.partition_of(from.topic, from.partition);
      if (!seek.partition) {
        wrong = "hub.from: " + text_of(from) + ": there is no such partition";
        return false;
      }
      const log::PartitionRange range = broker_.log_.range(*seek.partition);
      if (from.offset < range.log_start || from.offset > range.high_watermark) {
        return beyond(
            static_cast<std::uint64_t>(range.log_start.value),
            static_cast<std::uint64_t>(range.high_watermark.value)
        );
      }
      seek.offset = from.offset;
    }
  }
  seeking_ = Bytes(body);
  broker_.reader_.seek(seek);
  return true;
}

void Connection::sought(Result<Position> position, Turn& turn) {
  if (!seeking_) return;
  const Bytes body = std::move(*seeking_);
  seeking_.reset();
  if (closing_) return;
  const auto packet = mqtt::decode_subscribe(body, version_);
  RUNNEL_CHECK(packet.has_value());
  if (!position) {
    return refuse_subscribe(*packet, "hub.from: the log cannot be read there");
  }
  const Replay replay{*ReplayAsked::of(packet->user).from, *position};
  subscribe(*packet, &replay, turn);
}

// Nothing is subscribed to, and what was stays as it was.
void Connection::refuse_subscribe(const mqtt::Subscribe& packet, std::string_view why) {
  logger::info(
      "mqtt",
      logger::text(
          "client '", session_->client_id(), "' asked for a replay that it cannot have: ", why
      )
  );
  mqtt::SubscriptionAck ack;
  ack.type = PacketType::suback;
  ack.packet_id = packet.packet_id;
  ack.reasons.assign(packet.entries.size(), Reason::implementation_specific_error);
  ack.reason_string = why;
  send_raw(encoded(ack));
}

// Without the explanations, when the client does not want them or the packet would be larger than
// it takes ([MQTT-3.1.2-29], [MQTT-3.9.2-1], [MQTT-3.9.2-2]).
Bytes Connection::encoded(mqtt::SubscriptionAck& ack) const {
  const auto without = [&ack] {
    ack.reason_string.reset();
    ack.user.clear();
  };
  if (!explains_) without();
  Bytes packet;
  mqtt::encode(ack, version_, packet);
  if (packet.size() <= packet_bytes_max_) return packet;
  without();
  packet.clear();
  mqtt::encode(ack, version_, packet);
  return packet;
}

void Connection::subscribe(const mqtt::Subscribe& subscribe, const Replay* replay, Turn& turn) {
  mqtt::SubscriptionAck ack;
  ack.type = PacketType::suback;
  ack.packet_id = subscribe.packet_id;
  Follows follows;
  for (const mqtt::SubscribeEntry& entry : subscribe.entries) {
    ack.reasons.push_back(
        subscribe_one(entry, subscribe.subscription_id, replay != nullptr, follows)
    );
  }
  std::string from, position, live;  // until the packet is encoded
  if (!follows.replayed.empty()) {
    from = text_of(replay->from);
    position = std::to_string(std::min(replay->position, broker_.feed_.head()).value);
    live = std::to_string(broker_.feed_.head().value);
    ack.user = {{"hub.from", from}, {"hub.position", position}, {"hub.live", live}};
    session_->replay(follows.replayed, replay->position);
  }
  if (replay != nullptr && follows.shared) {
    ack.reason_string = "hub.from: a shared subscription has no past of its own";
  }
  Bytes packet = encoded(ack);
  // A retained message that is on its way to the disk goes first: whoever subscribes after it was
  // published gets it, and not the one before.
  if (session_->persistent() || broker_.retained_on_their_way()) {
    session_->save_static(turn);
    session_->save_flow(turn);
    for (const Subscription& s : session_->subscriptions()) {
      if (s.group != nullptr && s.group->dirty() && s.group->persistent()) s.group->save(turn);
    }
    broker_.reply_after_commit(
        *this,
        {.packet = std::move(packet),
         .retained_for = std::move(follows.retained),
         .fresh = std::move(follows.fresh)},
        turn
    );
    return;
  }
  send_raw(packet);
  for (const std::uint32_t which : follows.retained) broker_.queue_retained(*session_, which);
}

Reason Connection::subscribe_one(
    const mqtt::SubscribeEntry& entry,
    std::optional<std::uint32_t> id,
    bool replay,
    Follows& follows
) {
  const bool shared = mqtt::is_shared(entry.filter);
  const bool valid = shared ? mqtt::parse_shared(entry.filter).has_value()
                            : mqtt::valid_topic_filter(entry.filter);
  const auto levels = std::count(entry.filter.begin(), entry.filter.end(), '/');
  if (!valid || static_cast<std::size_t>(levels) >= kTopicLevelsMax) {
    return Reason::topic_filter_invalid;
  }
  if (shared && replay) {
    follows.shared = true;
    return Reason::implementation_specific_error;
  }
  const auto& all = session_->subscriptions();
  const bool known = std::any_of(all.begin(), all.end(), [&](const Subscription& s) {
    return s.filter == entry.filter;
  });
  if (!known && all.size() >= broker_.limits_.subscriptions_max) return Reason::quota_exceeded;
  bool existed = false;
  Subscription& s = session_->subscribe(entry, id, existed);
  if (!existed) {
    broker_.index(*session_, s);
    if (!shared && !replay) follows.fresh.push_back(s.which);
  }
  if (replay) follows.replayed.push_back(s.which);
  const bool wanted = entry.retain_handling == 0 || (entry.retain_handling == 1 && !existed);
  if (!shared && wanted && broker_.has_retained(entry.filter)) {
    follows.retained.push_back(s.which);
    s.retained_due = session_->persistent();
  }
  return static_cast<Reason>(entry.qos);
}

// --- where a replay begins ---

void Broker::sought(std::uint64_t ticket, Result<Position> position, Turn& turn) {
  Connection* c = connection_of(ticket);
  if (c == nullptr) return;
  c->sought(std::move(position), turn);
  if (c->closing()) return;
  // What came behind the SUBSCRIBE waited for this.
  std::erase(paused_, c);
  c->resume(turn);
  if (!c->paused()) resumed_.push_back(c);
}

}  // namespace runnel::broker
