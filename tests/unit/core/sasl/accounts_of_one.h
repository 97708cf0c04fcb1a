// Accounts with one user, for tests of the mechanisms.
#pragma once

#include "hub/core/sasl/accounts.h"

namespace runnel::sasl {

class AccountsOfOne final : public Accounts {
 public:
  AccountsOfOne(Bytes user, Bytes password, Bytes salt)
      : user_(std::move(user)), password_(std::move(password)), salt_(std::move(salt)) {}

  [[nodiscard]] bool has_password(ByteView user, ByteView password) const override {
    return user == user_ && password == password_;
  }

  [[nodiscard]] Scram scram(ByteView user, Hash hash) const override {
    ++looked_up;
    const bool known = user == user_;
    return {derive(hash, known ? password_ : "made up", salt_, 4096), known};
  }

  mutable int looked_up = 0;

 private:
  Bytes user_;
  Bytes password_;
  Bytes salt_;
};

}  // namespace runnel::sasl
