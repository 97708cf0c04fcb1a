#include "bench/load/subscriber.h"

#include <charconv>
#include <utility>

namespace runnel::bench {

namespace {

constexpr std::uint16_t kSubscribeId = 1;
constexpr std::size_t kPacketIds = 65536;

}  // namespace

Subscriber::Subscriber(
    Loop& loop,
    const Address& address,
    ConnectFields fields,
    Kind kind,
    std::string filter,
    Verifier verifier
)
    : Client(loop, address, std::move(fields)),
      kind_(kind),
      stage_(kind == Kind::offline ? Stage::wiping : Stage::subscribing),
      filter_(std::move(filter)),
      verifier_(std::move(verifier)) {
  if (kind == Kind::offline) set_clean_start(true);
}

void Subscriber::on_open(const Connack& connack) {
  if (!connack.session_present) unreleased_.assign(unreleased_.size(), false);
  switch (stage_) {
    case Stage::wiping:
      disconnect();
      set_clean_start(false);
      stage_ = Stage::subscribing;
      set_wanted(true);
      return;
    case Stage::subscribing:
      send(encode_subscribe(protocol(), kSubscribeId, filter_, loop().options.subscribe_qos));
      return;
    case Stage::listening:
      if (kind_ == Kind::offline) {
        if (!connack.session_present) loop().error("the broker has forgotten the offline session");
        if (loop().tally.offline_begin_ns == 0) loop().tally.offline_begin_ns = read_at_ns();
      } else if (!connack.session_present) {
        stage_ = Stage::subscribing;
        send(encode_subscribe(protocol(), kSubscribeId, filter_, loop().options.subscribe_qos));
      }
      return;
    case Stage::forgetting:
      disconnect();
      stage_ = Stage::gone;
      return;
    case Stage::away:
    case Stage::gone:
      return;
  }
}

void Subscriber::come_back() {
  stage_ = Stage::listening;
  set_wanted(true);
}

void Subscriber::forget() {
  if (state() != State::closed) disconnect();
  set_clean_start(true);
  stage_ = Stage::forgetting;
  set_wanted(true);
}

void Subscriber::on_lost() {
  if (kind_ == Kind::live) prepared_ = false;
}

bool Subscriber::on_packet(const Frame& frame) {
  switch (frame.type()) {
    case PacketType::publish:
      return take_publish(frame, read_at_ns());
    case PacketType::pubrel:
      return take_pubrel(frame);
    case PacketType::suback:
      return take_suback(frame);
    default:
      return false;
  }
}

bool Subscriber::take_suback(const Frame& frame) {
  Ack ack;
  if (!decode_suback(frame.body, protocol(), ack) || ack.packet_id != kSubscribeId) return false;
  if (stage_ != Stage::subscribing) return false;
  if (ack.reason >= kReasonErrorMin) {
    lose("the broker refused the subscription, code " + std::to_string(ack.reason));
    return true;
  }
  prepared_ = true;
  if (kind_ == Kind::live) {
    stage_ = Stage::listening;
  } else {
    disconnect();
    stage_ = Stage::away;
  }
  return true;
}

bool Subscriber::take_publish(const Frame& frame, std::uint64_t now_ns) {
  Publish publish;
  if (!decode_publish(frame, protocol(), publish)) return false;
  if (publish.qos == 1) {
    encode_ack(loop().out.grow(kAckBytes), PacketType::puback, publish.packet_id);
  } else if (publish.qos == 2) {
    encode_ack(loop().out.grow(kAckBytes), PacketType::pubrec, publish.packet_id);
    if (unreleased_.empty()) unreleased_.resize(kPacketIds);
    if (unreleased_[publish.packet_id]) return true;  // the same delivery again
    unreleased_[publish.packet_id] = true;
  }
  check(publish, now_ns);
  return true;
}

bool Subscriber::take_pubrel(const Frame& frame) {
  Ack ack;
  if (!decode_ack(frame.body, ack)) return false;
  if (!unreleased_.empty()) unreleased_[ack.packet_id] = false;
  encode_ack(loop().out.grow(kAckBytes), PacketType::pubcomp, ack.packet_id);
  return true;
}

void Subscriber::check(const Publish& publish, std::uint64_t now_ns) {
  Stamp stamp;
  if (!read_stamp(publish.payload, stamp) || stamp.run != loop().run) {
    ++loop().tally.foreign;
    return;
  }
  if (!is_topic_of(publish.topic, stamp.stream)) {
    verifier_.count_misrouted();
    return;
  }
  const Arrival arrival = verifier_.receive(stamp.stream, stamp.sequence);
  if (arrival != Arrival::repeat && arrival != Arrival::misrouted) count(stamp, now_ns);
}

bool Subscriber::is_topic_of(std::string_view topic, std::uint32_t stream) const {
  const std::string& prefix = loop().options.prefix;
  if (!topic.starts_with(prefix) || topic.size() < prefix.size() + 2) return false;
  if (topic[prefix.size()] != '/') return false;
  std::uint32_t number = 0;
  const char* end = topic.data() + topic.size();
  const auto [parsed, error] = std::from_chars(topic.data() + prefix.size() + 1, end, number);
  return error == std::errc{} && parsed == end && number == stream;
}

void Subscriber::count(const Stamp& stamp, std::uint64_t now_ns) {
  Tally& tally = loop().tally;
  if (kind_ == Kind::offline) {
    ++tally.offline_distinct;
    tally.offline_last_ns = now_ns;
    return;
  }
  ++tally.live_distinct;
  if (tally.live_first_ns == 0) tally.live_first_ns = now_ns;
  tally.live_last_ns = now_ns;
  if (stamp.sent_ns >= loop().measure_from_ns) tally.live_latency.record(now_ns - stamp.sent_ns);
}

void Subscriber::on_read_end(std::uint64_t now_ns) {
  static_cast<void>(now_ns);
  flush_outbox();
}

}  // namespace runnel::bench
