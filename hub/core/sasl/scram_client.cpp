#include "hub/core/sasl/scram_client.h"

#include <charconv>

#include "hub/core/sasl/base64.h"

namespace runnel::sasl {

namespace {

constexpr std::size_t kNonceBytes = 18;
constexpr std::uint32_t kIterationsMax = 1'000'000;
constexpr ByteView kGs2Header = "n,,";

// RFC 5802 §5.1: what a name may not hold as it is.
Bytes escaped(ByteView name) {
  Bytes out;
  for (const char c : name) {
    if (c == '=') out += "=3D";
    else if (c == ',') out += "=2C";
    else out += c;
  }
  return out;
}

// The value of an attribute such as "r="; empty: it is not there.
ByteView attribute(ByteView message, ByteView name) {
  while (!message.empty()) {
    const std::size_t end = std::min(message.find(','), message.size());
    const ByteView part = message.substr(0, end);
    if (part.starts_with(name)) return part.substr(name.size());
    message.remove_prefix(std::min(end + 1, message.size()));
  }
  return {};
}

}  // namespace

ScramClient::ScramClient(Hash hash, std::string user, std::string password)
    : hash_(hash),
      password_(std::move(password)),
      nonce_(encode_base64(random_bytes(kNonceBytes))),
      bare_("n=" + escaped(user) + ",r=" + nonce_) {}

ScramClient::~ScramClient() {
  forget(password_);
}

Bytes ScramClient::first() const {
  return Bytes(kGs2Header) + bare_;
}

std::optional<Bytes> ScramClient::last(ByteView server_first) {
  const ByteView nonce = attribute(server_first, "r=");
  const auto salt = decode_base64(attribute(server_first, "s="));
  const ByteView count = attribute(server_first, "i=");
  std::uint32_t iterations = 0;
  const auto [end, error] = std::from_chars(count.data(), count.data() + count.size(), iterations);
  const bool number = error == std::errc() && end == count.data() + count.size();
  // The server must have added to our nonce.
  if (!nonce.starts_with(nonce_) || nonce.size() == nonce_.size() || !salt || salt->empty()) return std::nullopt;
  if (!number || iterations == 0 || iterations > kIterationsMax) return std::nullopt;
  Bytes salted = stretched(hash_, password_, *salt, iterations);
  const Bytes without_proof = "c=" + encode_base64(kGs2Header) + ",r=" + Bytes(nonce);
  const Bytes conversation = bare_ + "," + Bytes(server_first) + "," + without_proof;
  Bytes proof = hmac(hash_, salted, "Client Key");
  const Bytes mask = hmac(hash_, digest(hash_, proof), conversation);
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ mask[i]);
  expected_ = "v=" + encode_base64(hmac(hash_, hmac(hash_, salted, "Server Key"), conversation));
  forget(salted);
  return without_proof + ",p=" + encode_base64(proof);
}

bool ScramClient::trusts(ByteView server_last) const {
  return !expected_.empty() && same(server_last, expected_);
}

}  // namespace runnel::sasl
