// The server's side of one login: tokens of the client go in, tokens for it come out, and at the
// end who it is. Tokens may be anything; none makes it do more than a few hashes.
//
// Threads: that of the accounts.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "hub/core/sasl/accounts.h"
#include "hub/core/sasl/mechanism.h"

namespace runnel::sasl {

struct Step {
  enum class State : std::uint8_t { challenge, success, failure };

  State state = State::failure;
  Bytes token;           // for the client; of a failure SCRAM's e=…, or nothing
  std::string user;      // who it is, or, of a failure, said to be; as it came, perhaps empty
  std::string_view why;  // of a failure, for those who run the hub: the client is not told
};

class Exchange {
 public:
  virtual ~Exchange() = default;

  // After success or failure it is of no more use.
  [[nodiscard]] virtual Step step(ByteView token) = 0;
};

// `accounts` outlives it.
std::unique_ptr<Exchange> begin_exchange(Mechanism mechanism, const Accounts& accounts);

// The beginning of a failed step.
inline Step failed(std::string_view why, std::string user = {}, Bytes token = {}) {
  return {Step::State::failure, std::move(token), std::move(user), why};
}

}  // namespace runnel::sasl
