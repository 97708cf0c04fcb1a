// Requests that carry a login. See logins.h.
#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/handlers.h"

namespace runnel::kafka {

void handle(const Context& c, const SaslHandshakeRequest& request) {
  c.broker.logins().handshake(c, request);
}

void handle(const Context& c, const SaslAuthenticateRequest& request) {
  c.broker.logins().authenticate(c, request);
}

}  // namespace runnel::kafka
