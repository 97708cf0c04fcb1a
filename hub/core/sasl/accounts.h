// What the mechanisms ask about users; core::Users answers. Neither answer may take a time that
// tells whether there is such a user. Threads: those of who implements it.
#pragma once

#include "hub/core/sasl/credential.h"

namespace runnel::sasl {

class Accounts {
 public:
  virtual ~Accounts() = default;

  // Whether this is the password of a user who may show it (PLAIN).
  [[nodiscard]] virtual bool has_password(ByteView user, ByteView password) const = 0;

  struct Scram {
    ScramCredential credential;  // of nobody, but always the same, when `known` is false
    bool known = false;
  };

  [[nodiscard]] virtual Scram scram(ByteView user, Hash hash) const = 0;
};

}  // namespace runnel::sasl
