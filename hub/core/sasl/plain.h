// PLAIN (RFC 4616): name and password in one token, readable by whoever can read the connection.
#pragma once

#include "hub/core/sasl/exchange.h"

namespace runnel::sasl {

class PlainExchange final : public Exchange {
 public:
  explicit PlainExchange(const Accounts& accounts) : accounts_(accounts) {}

  [[nodiscard]] Step step(ByteView token) override;

 private:
  const Accounts& accounts_;
};

}  // namespace runnel::sasl
