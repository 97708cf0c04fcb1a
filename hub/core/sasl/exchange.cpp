#include "hub/core/sasl/exchange.h"

#include "hub/core/sasl/base64.h"
#include "hub/core/sasl/plain.h"
#include "hub/core/sasl/scram.h"

namespace runnel::sasl {
namespace {

constexpr std::size_t kNonceBytes = 18;  // 24 characters, without padding

}  // namespace

std::unique_ptr<Exchange> begin_exchange(Mechanism mechanism, const Accounts& accounts) {
  const auto hash = hash_of(mechanism);
  if (!hash) return std::make_unique<PlainExchange>(accounts);
  return std::make_unique<ScramExchange>(*hash, accounts, encode_base64(random_bytes(kNonceBytes)));
}

}  // namespace runnel::sasl
