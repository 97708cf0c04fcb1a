// Publishes messages to a hub over MQTT 5 and waits until each is acknowledged.
// Threads: one; blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "hub/app/connection.h"
#include "hub/app/publish_exchange.h"

namespace runnel::app {

class MessageSource {
 public:
  virtual ~MessageSource() = default;

  // The next message; nullopt at the end. May block.
  virtual std::optional<std::string> next() = 0;

  // next() will not block: what is to be sent may wait for it.
  virtual bool at_hand() = 0;
};

struct Published {
  std::uint64_t count = 0;             // acknowledged, or at QoS 0 read by the hub
  std::optional<std::string> failure;  // why it ended before the last message
};

Published publish_messages(
    const Peer& hub, const PublishExchange::Options& options, MessageSource& source
);

}  // namespace runnel::app
