#include "hub/broker/session_row.h"

#include <algorithm>

namespace runnel::broker {
namespace {

constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kNoLocal = 1 << 2;
constexpr std::uint8_t kAsPublished = 1 << 3;
constexpr std::uint8_t kRetainedDue = 1 << 6;
constexpr std::uint8_t kReplayed = 1 << 2;  // beside a QoS

std::uint8_t options_of(const Subscription& s) {
  unsigned options = static_cast<unsigned>(s.qos);
  if (s.no_local) options |= kNoLocal;
  if (s.retain_as_published) options |= kAsPublished;
  options |= static_cast<unsigned>(s.retain_handling) << 4;
  if (s.retained_due) options |= kRetainedDue;
  return static_cast<std::uint8_t>(options);
}

void set_options(Subscription& s, std::uint8_t options) {
  s.qos = static_cast<mqtt::QoS>(options & 3);
  s.no_local = (options & kNoLocal) != 0;
  s.retain_as_published = (options & kAsPublished) != 0;
  s.retain_handling = static_cast<std::uint8_t>(options >> 4 & 3);
  s.retained_due = (options & kRetainedDue) != 0;
}

// Serials start anew with the process: the last use of a packet id gets this one, and those in flight
// theirs by how many uses they are behind it.
constexpr std::uint32_t kSerialBase = 65'535;

std::uint32_t serial_of(mqtt::PacketId id, mqtt::PacketId last) {
  const std::uint32_t behind = id <= last ? last - id : last + 65'535U - id;
  return kSerialBase - behind;
}

}  // namespace

ByteView SessionRow::client_id(ByteView row) {
  ByteReader r(row);
  if (r.u8() != kVersion) return {};
  return r.counted();
}

Bytes SessionRow::encode_static(const Session& s) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(s.client_id_);
  w.le32(s.expiry_s_);
  w.le64(static_cast<std::uint64_t>(s.disconnected_hub_ms_));
  w.varint(s.subscriptions_.size());
  for (const Subscription& sub : s.subscriptions_) {
    w.counted(sub.filter);
    w.u8(options_of(sub));
    w.u8(sub.id ? 1 : 0);
    w.le32(sub.id.value_or(0));
    w.le64(sub.since.value);
  }
  w.u8(s.will_ != nullptr ? 1 : 0);
  w.le32(s.will_delay_s_);
  w.counted(s.will_ != nullptr ? s.will_->row() : ByteView{});
  const auto& all = s.subscriptions_;
  const auto replays = std::count_if(all.begin(), all.end(), [](const Subscription& sub) {
    return sub.replay_from.has_value();
  });
  if (replays == 0) return out;
  w.varint(static_cast<std::uint64_t>(replays));
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].replay_from) continue;
    w.varint(i);
    w.le64(all[i].replay_from->value);
  }
  return out;
}

bool SessionRow::decode_static(ByteView row, Session& s) {
  ByteReader r(row);
  if (r.u8() != kVersion) return false;
  r.counted();
  s.expiry_s_ = r.le32();
  s.disconnected_hub_ms_ = static_cast<std::int64_t>(r.le64());
  const std::uint64_t count = r.varint();
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    Subscription sub;
    sub.filter = r.counted();
    set_options(sub, r.u8());
    const bool has_id = r.u8() != 0;
    const std::uint32_t id = r.le32();
    if (has_id) sub.id = id;
    sub.since = Position(r.le64());
    sub.which = s.next_which_++;
    if (r.ok()) s.subscriptions_.push_back(std::move(sub));
  }
  const bool has_will = r.u8() != 0;
  s.will_delay_s_ = r.le32();
  const ByteView will = r.counted();
  if (has_will && r.ok()) s.will_ = StoredMessage::from_row(will);
  const std::uint64_t replays = r.done() ? 0 : r.varint();
  for (std::uint64_t i = 0; i < replays && r.ok(); ++i) {
    const std::uint64_t which = r.varint();
    const Position from(r.le64());
    if (r.ok() && which < s.subscriptions_.size()) s.subscriptions_[which].replay_from = from;
  }
  return r.ok();
}

Bytes SessionRow::encode_flow(const Session& s, Position head) {
  Bytes out;
  ByteWriter w(out);
  w.u8(kVersion);
  w.counted(s.client_id_);
  w.le64(s.tailing() ? head.value : s.cursor().value);
  w.u8(s.tailing() ? 1 : 0);
  w.le16(s.last_id_);
  w.varint(s.in_flight());
  for (std::size_t i = s.first_; i < s.inflight_.size(); ++i) {
    const InFlight& e = s.inflight_[i];
    w.le16(e.id);
    w.u8(static_cast<std::uint8_t>(static_cast<unsigned>(e.qos) | (e.replayed ? kReplayed : 0U)));
    w.u8(static_cast<std::uint8_t>(e.state));
    w.le64(e.position.value);
    w.counted(e.stored != nullptr ? ByteView(e.stored->message().topic) : ByteView{});
    w.counted(e.group);
  }
  w.varint(s.held_.size());
  for (const mqtt::PacketId id : s.held_) w.le16(id);
  if (!s.replaying_) return out;
  w.u8(1);
  w.le64(s.replayer_.cursor().value);
  return out;
}

bool SessionRow::decode_flow(
    ByteView row,
    Session& s,
    const std::function<StoredPtr(ByteView topic)>& retained,
    Flow& flow
) {
  ByteReader r(row);
  if (r.u8() != kVersion) return false;
  r.counted();
  flow.cursor = Position(r.le64());
  flow.tailing = r.u8() != 0;
  s.last_id_ = r.le16();
  s.serial_ = kSerialBase;
  const std::uint64_t count = r.varint();
  for (std::uint64_t i = 0; i < count && r.ok(); ++i) {
    InFlight e;
    e.id = r.le16();
    const std::uint8_t qos = r.u8();
    e.qos = static_cast<mqtt::QoS>(qos & 3);
    e.replayed = (qos & kReplayed) != 0;
    e.state = static_cast<InFlight::State>(r.u8());
    e.position = Position(r.le64());
    const ByteView topic = r.counted();
    e.group = r.counted();
    // What was not yet sent, or not yet released for certain, goes out (again) from the step before.
    if (e.state == InFlight::State::reserved) e.state = InFlight::State::sent;
    if (e.state == InFlight::State::releasing) e.state = InFlight::State::released;
    if (!topic.empty()) {
      e.stored = retained(topic);
      // Removed meanwhile, or followed by one that may not go out with this QoS. The end of a QoS 2
      // exchange needs no message.
      const bool there = e.stored != nullptr && e.stored->message().qos >= e.qos;
      if (!there && e.state != InFlight::State::released) continue;
    }
    e.serial = serial_of(e.id, s.last_id_);
    if (r.ok() && e.state != InFlight::State::done) s.inflight_.push_back(std::move(e));
  }
  const std::uint64_t held = r.varint();
  for (std::uint64_t i = 0; i < held && r.ok(); ++i) s.hold(r.le16());
  if (r.done()) return r.ok();
  s.replaying_ = r.u8() != 0;
  flow.replay = Position(r.le64());
  return r.ok();
}

}  // namespace runnel::broker
