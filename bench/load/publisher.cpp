#include "bench/load/publisher.h"

#include <algorithm>
#include <cstring>

namespace runnel::bench {

namespace {

constexpr std::size_t kWriteBytesMax = 262'144;  // about, of one write

}  // namespace

Publisher::Publisher(
    Loop& loop,
    const Address& address,
    ConnectFields fields,
    const std::vector<std::uint32_t>& streams,
    std::uint64_t quota
)
    : Client(loop, address, std::move(fields)),
      qos_(loop.options.qos),
      slots_(loop.options.window),
      free_(loop.options.window),
      window_(loop.options.window),
      quota_left_(quota) {
  const Options& o = loop.options;
  topics_.reserve(streams.size());
  for (const std::uint32_t stream : streams) {
    topics_.push_back(
        {stream, encode_publish(protocol(), o.topic(stream), qos_, o.payload_bytes), 0}
    );
  }
  for (std::size_t i = 0; i < free_.size(); ++i) free_[i] = static_cast<std::uint16_t>(i + 1);
}

void Publisher::begin() {
  publishing_ = true;
  if (qos_ == 0) {
    set_always_writable(true);
  } else if (state() == State::open) {
    fill(monotonic_ns());
    flush_outbox();
  }
}

void Publisher::end() {
  publishing_ = false;
  quota_left_ = 0;
}

bool Publisher::publish_one(std::uint64_t due_ns) {
  if (state() != State::open || quota_left_ == 0 || blocked()) return false;
  if (qos_ > 0 && in_flight_ >= window_) return false;
  append_next(due_ns);
  flush_outbox();
  return true;
}

void Publisher::fill(std::uint64_t now_ns) {
  if (!publishing_ || in_flight_ >= window_ || blocked()) return;
  const std::uint64_t per_write =
      std::max<std::uint64_t>(1, kWriteBytesMax / topics_.front().message.packet.size());
  // What exceeds one write waits for the next acknowledgement, which is sure to come.
  const std::uint64_t n = std::min({std::uint64_t{window_ - in_flight_}, quota_left_, per_write});
  for (std::uint64_t i = 0; i < n; ++i) append_next(now_ns);
}

void Publisher::fill_unacknowledged() {
  const std::uint64_t n = publishing_ ? std::min(std::uint64_t{window_}, quota_left_) : 0;
  if (n == 0) {
    set_always_writable(false);
    return;
  }
  const std::uint64_t now_ns = monotonic_ns();
  for (std::uint64_t i = 0; i < n; ++i) append_next(now_ns);
  flush_outbox();
}

void Publisher::append_next(std::uint64_t now_ns) {
  Topic& topic = topics_[turn_];
  if (++turn_ == topics_.size()) turn_ = 0;
  const std::uint64_t sequence = topic.next_sequence++;
  --quota_left_;
  Tally& tally = loop().tally;
  ++tally.sent;
  char* packet = append(topic, sequence, now_ns);
  if (qos_ == 0) {
    ++tally.acknowledged;
    tally.last_ack_ns = now_ns;
    if (now_ns >= loop().measure_from_ns && now_ns < loop().measure_until_ns) {
      ++tally.acknowledged_measured;
    }
    return;
  }
  const std::uint16_t id = pop_free();
  packet[topic.message.packet_id_at] = static_cast<char>(id >> 8);
  packet[topic.message.packet_id_at + 1] = static_cast<char>(id & 0xff);
  const auto index = static_cast<std::uint32_t>(&topic - topics_.data());
  slots_[id - 1U] = {now_ns, sequence, order_++, index, SlotState::published};
  ++in_flight_;
  ++tally.in_flight;
}

char* Publisher::append(const Topic& topic, std::uint64_t sequence, std::uint64_t sent_ns) {
  const std::string& packet = topic.message.packet;
  char* out = loop().out.grow(packet.size());
  std::memcpy(out, packet.data(), packet.size());
  write_stamp(out + topic.message.payload_at, {loop().run, topic.stream, sequence, sent_ns});
  return out;
}

void Publisher::on_open(const Connack& connack) {
  if (protocol() == Protocol::v5) {
    window_ = std::min<std::size_t>(slots_.size(), connack.receive_maximum);
  }
  send_again(connack.session_present);
  if (publishing_ && qos_ > 0) fill(monotonic_ns());
  flush_outbox();
}

void Publisher::send_again(bool session_present) {
  std::vector<std::uint16_t> ids;
  for (std::size_t i = 0; i < slots_.size(); ++i) {
    if (slots_[i].state != SlotState::free) ids.push_back(static_cast<std::uint16_t>(i + 1));
  }
  std::sort(ids.begin(), ids.end(), [&](std::uint16_t a, std::uint16_t b) {
    return slots_[a - 1U].order < slots_[b - 1U].order;
  });
  for (const std::uint16_t id : ids) {
    if (slots_[id - 1U].state == SlotState::published) {
      append_slot(id, session_present);
    } else if (session_present) {
      append_ack(PacketType::pubrel, id);
    } else {
      complete(
          id, true
      );  // PUBREC came: the message is the broker's, and its handshake is forgotten
    }
  }
}

void Publisher::append_slot(std::uint16_t packet_id, bool dup) {
  const Slot& slot = slots_[packet_id - 1U];
  const Topic& topic = topics_[slot.topic];
  char* packet = append(topic, slot.sequence, slot.sent_ns);
  if (dup) packet[0] = static_cast<char>(static_cast<std::uint8_t>(packet[0]) | kDupFlag);
  packet[topic.message.packet_id_at] = static_cast<char>(packet_id >> 8);
  packet[topic.message.packet_id_at + 1] = static_cast<char>(packet_id & 0xff);
}

void Publisher::append_ack(PacketType type, std::uint16_t packet_id) {
  encode_ack(loop().out.grow(kAckBytes), type, packet_id);
}

std::size_t Publisher::consume(std::string_view bytes) {
  // Nearly all that a publisher hears is PUBACKs in their short form, one after the other.
  constexpr char kShortPuback = static_cast<char>(0x40);
  std::size_t at = 0;
  if (state() == State::open && qos_ == 1) {
    while (at + kAckBytes <= bytes.size() && bytes[at] == kShortPuback && bytes[at + 1] == 2) {
      const auto high = static_cast<unsigned>(static_cast<std::uint8_t>(bytes[at + 2]));
      const auto low = static_cast<unsigned>(static_cast<std::uint8_t>(bytes[at + 3]));
      if (!settle(PacketType::puback, {static_cast<std::uint16_t>(high << 8 | low), 0})) {
        lose("a PUBACK for nothing that is in flight");
        return at;
      }
      at += kAckBytes;
    }
  }
  return at == bytes.size() ? at : at + Client::consume(bytes.substr(at));
}

bool Publisher::on_packet(const Frame& frame) {
  Ack ack;
  return decode_ack(frame.body, ack) && settle(frame.type(), ack);
}

bool Publisher::settle(PacketType type, Ack ack) {
  const std::size_t index = std::size_t{ack.packet_id} - 1;  // id 0 wraps and is refused
  if (index >= slots_.size()) return false;
  Slot& slot = slots_[index];
  const bool accepted = ack.reason < kReasonErrorMin;
  if (type == PacketType::puback && qos_ == 1 && slot.state == SlotState::published) {
    complete(ack.packet_id, accepted);
    return true;
  }
  if (type == PacketType::pubrec && qos_ == 2 && slot.state != SlotState::free) {
    if (!accepted) {
      complete(ack.packet_id, false);
      return true;
    }
    slot.state = SlotState::released;
    append_ack(PacketType::pubrel, ack.packet_id);
    return true;
  }
  if (type == PacketType::pubcomp && qos_ == 2 && slot.state == SlotState::released) {
    complete(ack.packet_id, true);
    return true;
  }
  return false;
}

void Publisher::complete(std::uint16_t packet_id, bool accepted) {
  Slot& slot = slots_[packet_id - 1U];
  Loop& l = loop();
  const std::uint64_t now_ns = read_at_ns();
  if (accepted) {
    ++l.tally.acknowledged;
    l.tally.last_ack_ns = now_ns;
    if (now_ns >= l.measure_from_ns && now_ns < l.measure_until_ns) ++l.tally.acknowledged_measured;
    if (slot.sent_ns >= l.measure_from_ns) l.tally.ack_latency.record(now_ns - slot.sent_ns);
  } else {
    ++l.tally.refused;
    refused_.emplace_back(topics_[slot.topic].stream, slot.sequence);
  }
  slot.state = SlotState::free;
  --in_flight_;
  --l.tally.in_flight;
  push_free(packet_id);
}

void Publisher::on_read_end(std::uint64_t now_ns) {
  if (qos_ > 0) fill(now_ns);
  flush_outbox();
}

void Publisher::on_writable() {
  if (qos_ == 0) {
    fill_unacknowledged();
  } else {
    // Acknowledgements that came while the socket was full have been taken without an answer.
    fill(monotonic_ns());
    flush_outbox();
  }
}

std::vector<Publisher::StreamSent> Publisher::sent() const {
  std::vector<StreamSent> out;
  out.reserve(topics_.size());
  for (const Topic& topic : topics_) out.push_back({topic.stream, topic.next_sequence});
  return out;
}

std::vector<std::pair<std::uint32_t, std::uint64_t>> Publisher::unacknowledged() const {
  auto out = refused_;
  for (const Slot& slot : slots_) {
    if (slot.state == SlotState::published)
      out.emplace_back(topics_[slot.topic].stream, slot.sequence);
  }
  return out;
}

void Publisher::push_free(std::uint16_t packet_id) {
  free_[free_tail_] = packet_id;
  if (++free_tail_ == free_.size()) free_tail_ = 0;
}

std::uint16_t Publisher::pop_free() {
  const std::uint16_t id = free_[free_head_];
  if (++free_head_ == free_.size()) free_head_ = 0;
  return id;
}

}  // namespace runnel::bench
