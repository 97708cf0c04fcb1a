#include "tests/simulation/inbox.h"

#include "tests/simulation/dice.h"

namespace runnel::simulation {

void Inbox::got(const Sent& sent, const mqtt::Publish& publish, std::uint32_t life, bool owed) {
  require(!sent.stored.empty(), "only what is durable is delivered: " + sent.id);
  require(publish.topic == sent.topic, "a message keeps its MQTT topic: " + sent.id);
  require(publish.payload.size() == sent.payload_bytes, "a payload comes out whole: " + sent.id);
  require(publish.qos <= sent.qos, "QoS is never raised: " + sent.id);
  if (publish.retain) {
    require(sent.retain, "RETAIN is set on retained messages only: " + sent.id);
    retained_.insert(sent.id);
    return;
  }
  Got& got = got_[sent.id];
  if (got.life != life) got.originals = 0;
  got.life = life;
  ++got.times;
  if (!publish.dup) ++got.originals;
  // A publisher may have had to repeat itself.
  const bool once = publish.qos == mqtt::QoS::at_least_once || got.times <= sent.stored.size();
  require(once, "QoS 0 and 2 are delivered once: " + sent.id);
  require(got.originals <= sent.stored.size(), "a repeat of a living hub says DUP: " + sent.id);
  // A message that its publisher repeated has two places in the order.
  if (!ordered_ || !owed || got.times > 1 || sent.stored.size() != 1) return;
  const auto [last, first] = last_.try_emplace({sent.stream(), publish.qos}, sent.stored.front());
  require(first || last->second < sent.stored.front(), "order is kept: " + sent.id);
  last->second = sent.stored.front();
}

std::size_t Inbox::count(const std::string& id) const {
  const auto found = got_.find(id);
  return found == got_.end() ? 0 : found->second.times;
}

}  // namespace runnel::simulation
