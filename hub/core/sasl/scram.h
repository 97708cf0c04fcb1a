// SCRAM-SHA-256 and SCRAM-SHA-512, the server's side (RFC 5802, RFC 7677), without channel binding:
// a client that asks for it is refused.
//
// The nonce of the client's last message has to end with the one that it was asked with, as in Kafka.
//
// A user that does not exist is asked like one of the configuration file, with a salt that stays the same
// while the hub runs, and fails with the same message at the same place. (A user whose credential a client
// has set shows by the salt's length or the iterations that this client chose.)
#pragma once

#include <string>

#include "hub/core/sasl/exchange.h"

namespace runnel::sasl {

class ScramExchange final : public Exchange {
 public:
  // `server_nonce`: never used before, printable, without a comma.
  ScramExchange(Hash hash, const Accounts& accounts, std::string server_nonce);

  [[nodiscard]] Step step(ByteView token) override;

 private:
  [[nodiscard]] Step first(ByteView token);
  [[nodiscard]] Step final(ByteView token);
  [[nodiscard]] bool proves(ByteView proof, ByteView what) const;

  Hash hash_;
  const Accounts& accounts_;
  std::string nonce_;  // ours; from the first message on the client's and ours
  bool asked_ = false;
  std::string user_;
  Accounts::Scram account_;
  Bytes gs2_header_;
  Bytes conversation_;  // client-first-bare, server-first
};

}  // namespace runnel::sasl
