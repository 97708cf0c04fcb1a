// MQTT over WebSocket (MQTT 5.0 §6, RFC 6455): path /mqtt, subprotocol "mqtt", binary frames, packets
// split over frames as the client likes. Threads: the io thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "hub/net/hub.h"

namespace runnel::net {

// Takes over an accepted socket: the HTTP upgrade, then frames.
void serve_websocket(Hub& hub, core::Service& mqtt, boost::asio::ip::tcp::socket socket);

}  // namespace runnel::net
