// Which request goes to whom. Threads: one, the io thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "hub/core/turn.h"
#include "hub/kafka/api.h"
#include "hub/kafka/frame.h"
#include "hub/kafka_broker/call.h"

namespace runnel::kafka {

class Broker;
class Connection;

// All that the handler of one request needs.
struct Context {
  Broker& broker;
  Connection& connection;
  Call call;
  NullableText client_id;
  core::Turn& turn;
};

// Decodes the body and calls the handler. Why the connection must be closed, if it must: real brokers
// close it on what they do not serve, and on what cannot be decoded.
std::optional<std::string_view> dispatch(const Context& context, const Request& request);

// What ApiVersions tells: what has a handler.
std::span<const Api> handled_apis();

}  // namespace runnel::kafka
