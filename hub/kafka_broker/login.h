// How far one connection has come with saying who it is. Logins moves it on. Threads: one, the io
// thread.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "hub/core/sasl/exchange.h"
#include "hub/kafka_broker/call.h"
#include "storage/base/clock.h"

namespace runnel::kafka {

struct Login {
  Instant since{};                           // of the connection
  std::string user;                          // empty: nobody yet
  std::unique_ptr<sasl::Exchange> exchange;  // a login that is under way, the first or a later one
  bool raw = false;                          // its tokens come without Kafka's header

  bool refused = false;      // the answer is held back, then the connection is closed
  std::optional<Call> call;  // of the refused token, unless it came raw
  Bytes token;               // of the answer
};

}  // namespace runnel::kafka
