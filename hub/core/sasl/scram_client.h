// The client's side of SCRAM-SHA-256 and SCRAM-SHA-512 (RFC 5802, RFC 7677), without channel binding.
//
// Threads: one.
#pragma once

#include <optional>
#include <string>

#include "hub/core/sasl/crypto.h"

namespace runnel::sasl {

class ScramClient {
 public:
  ScramClient(Hash hash, std::string user, std::string password);
  ~ScramClient();
  ScramClient(const ScramClient&) = delete;
  ScramClient& operator=(const ScramClient&) = delete;

  [[nodiscard]] Bytes first() const;
  // What is said to the server's first message; nullopt: that is none, or asks for more work than is
  // sensible.
  std::optional<Bytes> last(ByteView server_first);
  // Whether the server's last message shows that it knows the password too.
  [[nodiscard]] bool trusts(ByteView server_last) const;

 private:
  Hash hash_;
  std::string password_;
  Bytes nonce_;
  Bytes bare_;      // client-first-bare
  Bytes expected_;  // the server's last message
};

}  // namespace runnel::sasl
