#include "tests/simulation/ledger.h"

#include "hub/broker/message.h"
#include "tests/simulation/dice.h"

namespace runnel::simulation {
namespace {

constexpr char kEndOfName = '|';

std::string name_of(std::string_view payload) {
  return std::string(payload.substr(0, payload.find(kEndOfName)));
}

broker::Message message_at(const log::Block& block, std::uint32_t index) {
  const auto record = block.record(index);
  require(record.has_value(), "every stored record can be read");
  broker::Message message;
  require(record->key.has_value(), "every record of a publish has a key");
  const std::string_view topic = broker::named_topic(*record).value_or(*record->key);
  require(broker::to_message(*record, topic, message) == 0, "every record of a publish is a message");
  return message;
}

}  // namespace

std::string Ledger::publish(Sent sent, std::size_t padding) {
  std::string payload = sent.id + kEndOfName + std::string(padding, 'x');
  sent.payload_bytes = payload.size();
  sent_.emplace(sent.id, std::move(sent));
  return payload;
}

void Ledger::stored(const std::vector<log::BlockPtr>& blocks) {
  for (const log::BlockPtr& block : blocks) {
    require(block->first().value == log_.size(), "positions are dense");
    for (std::uint32_t i = 0; i < block->records(); ++i) {
      const broker::Message message = message_at(*block, i);
      const auto found = sent_.find(name_of(message.payload));
      require(found != sent_.end(), "only what was published is stored");
      Sent& sent = found->second;
      const bool same = message.topic == sent.topic && message.client == sent.publisher &&
                        message.qos == sent.qos && message.retain == sent.retain &&
                        message.payload.size() == sent.payload_bytes;
      require(same, "a message is stored as it was published: " + sent.id);
      if (sent.stored.empty()) {
        std::uint64_t& last = last_number_[sent.stream()];
        require(sent.number > last, "messages of a stream are stored in order: " + sent.id);
        last = sent.number;
      }
      sent.stored.emplace_back(log_.size());
      const bool once = sent.qos == mqtt::QoS::at_least_once || sent.stored.size() == 1;
      require(once, "QoS 0 and 2 are stored once: " + sent.id);
      log_.push_back(sent.id);
      if (sent.retain) retained_[sent.topic] = sent.id;
    }
  }
}

void Ledger::acknowledged(const std::string& id) {
  Sent& sent = sent_.at(id);
  require(!sent.stored.empty(), "what is acknowledged is in the log: " + id);
  sent.acknowledged = true;
}

void Ledger::compare(const log::Log& log) const {
  require(log.end().value == log_.size(), "the log ends where the last commit ended");
  for (Position at = log.first(); at < log.end();) {
    const auto block = log.read_block(at);
    require(block.has_value(), "every block can be read");
    for (std::uint32_t i = 0; i < (*block)->records(); ++i) {
      const broker::Message message = message_at(**block, i);
      const std::string& id = log_.at((*block)->first().value + i);
      require(name_of(message.payload) == id, "the log keeps what it was given: " + id);
    }
    at = (*block)->end();
  }
}

const Sent& Ledger::find(std::string_view payload) const {
  const auto found = sent_.find(name_of(payload));
  require(found != sent_.end(), "nobody published this: " + name_of(payload));
  return found->second;
}

const Sent* Ledger::retained(const std::string& topic) const {
  const auto found = retained_.find(topic);
  return found == retained_.end() ? nullptr : &sent_.at(found->second);
}

}  // namespace runnel::simulation
