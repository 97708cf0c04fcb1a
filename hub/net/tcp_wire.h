// MQTT over plain TCP. No coroutine and no buffer per connection: an idle one costs a socket, a wait
// for readiness, and the broker's Connection. Writes go out at once; what the socket does not take
// waits for it to become writable. Threads: the io thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "hub/net/mqtt_hub.h"

namespace runnel::net {

// Takes over an accepted socket. Does nothing but close it when there is no room for it.
void serve_tcp(MqttHub& hub, boost::asio::ip::tcp::socket socket);

}  // namespace runnel::net
