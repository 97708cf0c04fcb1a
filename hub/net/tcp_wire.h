// A service over plain TCP. No coroutine and no buffer per connection: an idle one costs a socket, a wait
// for readiness, and the service's Stream. Writes go out at once; what the socket does not take
// waits for it to become writable. Threads: the io thread.
#pragma once

#include <boost/asio/ip/tcp.hpp>

#include "hub/net/hub.h"

namespace runnel::net {

// Takes over an accepted socket. Does nothing but close it when there is no room for it.
void serve_tcp(Hub& hub, core::Service& service, boost::asio::ip::tcp::socket socket);

}  // namespace runnel::net
