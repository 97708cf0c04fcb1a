#include "tests/simulation/client.h"

#include <algorithm>

#include "hub/mqtt/topic_filter.h"

namespace runnel::simulation {

using mqtt::PacketId;
using mqtt::PacketType;
using mqtt::QoS;
using mqtt::Reason;
using mqtt::Version;

Client::Client(ClientPlan plan, Hub& hub, Ledger& ledger, Dice& dice)
    : plan_(std::move(plan)),
      hub_(hub),
      ledger_(ledger),
      dice_(dice),
      inbox_(plan_.share == nullptr) {
  new_session();
}

void Client::new_session() {
  known_ = false;
  inbox_ = Inbox(plan_.share == nullptr);
  out_.clear();
  held_.clear();
  subscribed_.clear();
  for (const Wish& wish : plan_.filters) subscribed_.push_back({wish});
}

void Client::lost() {
  link_.reset();
  greeted_ = false;
  in_.clear();
  acks_.clear();
  pubacks_.clear();
  pubrecs_.clear();
  aliases_in_.clear();
  aliases_out_.clear();
  unacknowledged_ = 0;
  if (!plan_.persistent) new_session();
  for (Subscribed& s : subscribed_) s.asked = 0;
}

// --- the connection ---

bool Client::connect() {
  if (link_ != nullptr) return false;
  link_ = hub_.connect();
  mqtt::Connect packet;
  packet.version = plan_.version;
  packet.client_id = plan_.id;
  packet.clean_start = !plan_.persistent;
  packet.session_expiry_s = plan_.persistent ? 0xFFFFFFFF : 0;
  if (plan_.version == Version::v5) {
    packet.receive_maximum = plan_.receive_maximum;
    packet.topic_alias_maximum = plan_.topic_alias_maximum;
  }
  mqtt::encode(packet, link_->to_hub);
  return true;
}

void Client::drop() {
  if (link_ == nullptr) return;
  link_->cut = true;
  if (dice_.one_in(2)) link_->to_hub.erase(dice_.between(0, link_->to_hub.size()));
  lost();
}

void Client::drop_inside_a_packet() {
  if (!connected() || plan_.topics.empty()) return drop();
  const std::size_t before = link_->to_hub.size();
  if (!publish()) return drop();
  link_->to_hub.erase(dice_.between(before, link_->to_hub.size()));
  link_->cut = true;
  lost();
}

void Client::disconnect() {
  if (!connected()) return drop();
  mqtt::encode(mqtt::Disconnect{}, plan_.version, link_->to_hub);
  link_->cut = true;
  lost();
}

bool Client::read(std::size_t bytes) {
  if (link_ == nullptr) return false;
  if (link_->to_client.empty()) {
    if (link_->connection != nullptr) return false;
    lost();  // the hub has closed it
    return true;
  }
  const LinkPtr link = link_;
  in_.append(link->to_client, 0, bytes);
  link->to_client.erase(0, bytes);
  hub_.client_read(*link);
  std::size_t used = 0;
  while (link_ == link) {
    const auto header = mqtt::decode_fixed_header(ByteView(in_).substr(used));
    require(header.has_value(), "the hub sends packets");
    if (!*header || (*header)->packet_bytes() > in_.size() - used) break;
    const ByteView packet = ByteView(in_).substr(used, (*header)->packet_bytes());
    used += packet.size();
    handle(**header, packet.substr((*header)->header_bytes));
  }
  in_.erase(0, std::min(used, in_.size()));
  return true;
}

void Client::handle(const mqtt::FixedHeader& header, ByteView body) {
  if (header.type == PacketType::disconnect) {
    const auto said = mqtt::decode_disconnect(body, plan_.version, mqtt::Sender::server);
    // A CONNECT of ours that was long under way may come after a later one.
    if (said && said->reason == Reason::session_taken_over) return lost();
    require(
        false,
        plan_.id + " is told to go: " + std::string(said ? said->reason_string.value_or("") : "") +
            " " + std::to_string(said ? static_cast<int>(said->reason) : 0)
    );
  }
  require(greeted_ || header.type == PacketType::connack, "CONNACK comes first");
  switch (header.type) {
    case PacketType::connack:
      return on_connack(body);
    case PacketType::publish:
      return on_publish(header.flags, body);
    case PacketType::suback:
      return on_suback(body);
    case PacketType::puback:
    case PacketType::pubrec:
    case PacketType::pubrel:
    case PacketType::pubcomp:
      break;
    default:
      return require(
          false,
          "a packet that nothing called for, type " + std::to_string(static_cast<int>(header.type))
      );
  }
  const auto ack = mqtt::decode_ack(header.type, body, plan_.version);
  require(ack.has_value(), "acknowledgements can be decoded");
  if (header.type == PacketType::puback) return on_puback(*ack);
  if (header.type == PacketType::pubrec) return on_pubrec(*ack);
  if (header.type == PacketType::pubrel) return on_pubrel(*ack);
  on_pubcomp(*ack);
}

void Client::on_connack(ByteView body) {
  const auto connack = mqtt::decode_connack(body, plan_.version);
  require(connack && connack->reason == Reason::success && !greeted_, "CONNACK is one success");
  greeted_ = true;
  require(connack->session_present || !known_, "a persistent session is still there: " + plan_.id);
  require(plan_.persistent || !connack->session_present, "a clean session is new: " + plan_.id);
  known_ = plan_.persistent;
  aliases_out_max_ = connack->topic_alias_maximum.value_or(0);
  for (const Out& out : out_) {
    if (!out.released) {
      send(out, true);
    } else {
      send_ack(PacketType::pubrel, out.id);
    }
  }
}

// --- publishing ---

PacketId Client::next_id() {
  const auto used = [this](PacketId id) {
    return std::any_of(out_.begin(), out_.end(), [id](const Out& o) { return o.id == id; });
  };
  do {
    last_id_ =
        last_id_ >= 40 ? PacketId{1} : static_cast<PacketId>(last_id_ + 1);  // soon used again
  } while (used(last_id_));
  return last_id_;
}

bool Client::publish() {
  if (!connected() || plan_.topics.empty() || out_.size() >= plan_.window) return false;
  Out out;
  out.topic = dice_.pick(plan_.topics);
  out.qos = static_cast<QoS>(dice_.between(0, 2));
  out.name = plan_.id + "-" + std::to_string(++published_);
  Sent sent;
  sent.id = out.name;
  sent.publisher = plan_.id;
  sent.topic = out.topic;
  sent.qos = out.qos;
  sent.retain = out.topic.starts_with("r/");
  sent.number = published_;
  out.payload = ledger_.publish(std::move(sent), dice_.between(0, plan_.padding_max));
  if (out.qos == QoS::at_most_once) {
    out.id = 0;
    send(out, false);
    return true;
  }
  out.id = next_id();
  send(out, false);
  out_.push_back(std::move(out));
  return true;
}

void Client::send(const Out& out, bool dup) {
  mqtt::Publish packet;
  packet.dup = dup;
  packet.qos = out.qos;
  packet.retain = out.topic.starts_with("r/");
  packet.topic = out.topic;
  packet.packet_id = out.id;
  packet.payload = out.payload;
  const auto known = std::find(aliases_out_.begin(), aliases_out_.end(), out.topic);
  if (known != aliases_out_.end()) {
    packet.topic_alias = static_cast<std::uint16_t>(known - aliases_out_.begin() + 1);
    packet.topic = {};
  } else if (aliases_out_.size() < aliases_out_max_ && dice_.one_in(3)) {
    aliases_out_.push_back(out.topic);
    packet.topic_alias = static_cast<std::uint16_t>(aliases_out_.size());
  }
  mqtt::encode(packet, plan_.version, link_->to_hub);
  if (out.qos == QoS::at_least_once) pubacks_.push_back(out.id);
  if (out.qos == QoS::exactly_once) pubrecs_.push_back(out.id);
}

void Client::take_turn(std::deque<PacketId>& expected, PacketId id, const char* promise) {
  require(!expected.empty() && expected.front() == id, promise);
  expected.pop_front();
}

void Client::on_puback(const mqtt::Ack& ack) {
  require(ack.reason == Reason::success, "a publish is taken");
  take_turn(pubacks_, ack.packet_id, "PUBACKs come in the order of the PUBLISHes");
  const auto out =
      std::find_if(out_.begin(), out_.end(), [&](const Out& o) { return o.id == ack.packet_id; });
  require(out != out_.end() && out->qos == QoS::at_least_once, "a PUBACK answers a QoS 1 PUBLISH");
  ledger_.acknowledged(out->name);
  out_.erase(out);
}

void Client::on_pubrec(const mqtt::Ack& ack) {
  require(ack.reason == Reason::success, "a publish is taken");
  take_turn(pubrecs_, ack.packet_id, "PUBRECs come in the order of the PUBLISHes");
  const auto out =
      std::find_if(out_.begin(), out_.end(), [&](const Out& o) { return o.id == ack.packet_id; });
  require(out != out_.end() && out->qos == QoS::exactly_once, "a PUBREC answers a QoS 2 PUBLISH");
  ledger_.acknowledged(out->name);
  out->released = true;
  send_ack(PacketType::pubrel, ack.packet_id);
}

void Client::on_pubcomp(const mqtt::Ack& ack) {
  const auto out =
      std::find_if(out_.begin(), out_.end(), [&](const Out& o) { return o.id == ack.packet_id; });
  require(out != out_.end() && out->released, "a PUBCOMP answers a PUBREL");
  out_.erase(out);
}

// --- subscribing ---

bool Client::subscribe() {
  if (!connected()) return false;
  const auto next = std::find_if(subscribed_.begin(), subscribed_.end(), [](const Subscribed& s) {
    return s.asked == 0 && !s.since;
  });
  if (next == subscribed_.end()) return false;
  next->asked = static_cast<PacketId>(100 + (next - subscribed_.begin()));
  mqtt::Subscribe packet;
  packet.packet_id = next->asked;
  if (plan_.version == Version::v5) packet.subscription_id = next->asked;
  packet.entries.push_back({next->wish.filter, next->wish.qos});
  mqtt::encode(packet, plan_.version, link_->to_hub);
  return true;
}

void Client::on_suback(ByteView body) {
  const auto ack = mqtt::decode_subscription_ack(PacketType::suback, body, plan_.version);
  require(ack.has_value(), "SUBACK can be decoded");
  for (Subscribed& s : subscribed_) {
    if (s.asked != ack->packet_id) continue;
    require(ack->reasons.at(0) == static_cast<Reason>(s.wish.qos), "a subscription is granted");
    s.since = hub_.log().end();
    return;
  }
  require(false, "a SUBACK answers a SUBSCRIBE");
}

void Client::on_publish(std::uint8_t flags, ByteView body) {
  mqtt::Publish packet;
  const Reason reason =
      mqtt::decode_publish(flags, body, plan_.version, packet, mqtt::Sender::server);
  require(reason == Reason::success, "PUBLISH can be decoded");
  if (packet.topic_alias) {
    const std::size_t alias = *packet.topic_alias;
    require(alias <= plan_.topic_alias_maximum, "topic aliases keep to the client's limit");
    if (aliases_in_.size() < alias) aliases_in_.resize(alias);
    std::string& topic = aliases_in_[alias - 1];
    if (!packet.topic.empty()) topic = packet.topic;
    packet.topic = topic;
  }
  for (const std::uint32_t id : packet.subscription_ids) {
    const Wish& wish = subscribed_.at(id - 100).wish;
    const bool fits = plan_.share != nullptr || mqtt::matches(wish.filter, packet.topic);
    require(fits, "subscription identifiers name filters that match");
  }
  if (packet.qos != QoS::at_most_once) {
    // A repeat of a QoS 2 message that we hold is the same place in the window.
    const bool again =
        packet.qos == QoS::exactly_once && held_.contains(packet.packet_id) && packet.dup;
    ++unacknowledged_;
    const bool inside = plan_.version != Version::v5 || unacknowledged_ <= plan_.receive_maximum;
    require(inside, "the hub keeps to Receive Maximum");
    queue_ack(
        again || packet.qos == QoS::exactly_once ? PacketType::pubrec : PacketType::puback,
        packet.packet_id
    );
    if (packet.qos == QoS::exactly_once && !held_.insert(packet.packet_id).second) return;
  }
  const Sent& sent = ledger_.find(packet.payload);
  inbox_.got(sent, packet, link_->life, owed_qos(sent).has_value());
  if (plan_.share != nullptr) plan_.share->members_of[sent.id].insert(plan_.id);
}

void Client::on_pubrel(const mqtt::Ack& ack) {
  held_.erase(ack.packet_id);
  queue_ack(PacketType::pubcomp, ack.packet_id);
}

void Client::queue_ack(PacketType type, PacketId id) {
  acks_.emplace_back(type, id);
}

bool Client::acknowledge(std::size_t packets) {
  if (!connected() || acks_.empty()) return false;
  for (; packets > 0 && !acks_.empty(); --packets) {
    const auto [type, id] = acks_.front();
    acks_.pop_front();
    send_ack(type, id);
    // A PUBCOMP for a message of an earlier connection frees no place on this one.
    if (type != PacketType::pubrec && unacknowledged_ > 0) --unacknowledged_;
  }
  return true;
}

void Client::send_ack(PacketType type, PacketId id) {
  mqtt::Ack ack;
  ack.type = type;
  ack.packet_id = id;
  mqtt::encode(ack, plan_.version, link_->to_hub);
}

// --- what is owed ---

// The QoS that the subscriptions which were there before the message was stored give it.
std::optional<QoS> Client::owed_qos(const Sent& sent) const {
  std::optional<QoS> best;
  for (const Subscribed& s : subscribed_) {
    if (!s.since || sent.stored.empty() || sent.stored.front() < *s.since) continue;
    if (!mqtt::matches(s.wish.filter, sent.topic)) continue;
    const QoS qos = std::min(s.wish.qos, sent.qos);
    best = std::max(best.value_or(qos), qos);
  }
  return best;
}

Position Client::subscribed_since() const {
  Position last{};
  for (const Subscribed& s : subscribed_) last = std::max(last, s.since.value_or(hub_.log().end()));
  return last;
}

void Client::check_owed() const {
  if (plan_.share != nullptr) return;
  for (const auto& [id, sent] : ledger_.all()) {
    const auto qos = owed_qos(sent);
    if (!qos || *qos == QoS::at_most_once || sent.stored.front() < hub_.log().first()) continue;
    require(
        inbox_.count(id) > 0,
        plan_.id + " is owed " + id + " at " + std::to_string(sent.stored.front().value)
    );
  }
}

std::string Client::describe() const {
  std::string text = plan_.id;
  text += plan_.version == Version::v5 ? " v5" : " v3.1.1";
  text += plan_.persistent ? " persistent" : " clean";
  text += connected() ? " connected" : offline() ? " offline" : " connecting";
  text += " out=" + std::to_string(out_.size()) + " acks=" + std::to_string(acks_.size()) +
          " held=" + std::to_string(held_.size());
  return text;
}

}  // namespace runnel::simulation
