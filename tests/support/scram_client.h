// The client's side of SCRAM (RFC 5802), for tests that play one against the hub.
#pragma once

#include <string>

#include "hub/core/sasl/base64.h"
#include "hub/core/sasl/crypto.h"

namespace runnel::test {

class ScramClient {
 public:
  ScramClient(
      sasl::Hash hash, std::string user, std::string password, std::string nonce = "clientnonce"
  )
      : hash_(hash), bare_("n=" + user + ",r=" + nonce), password_(std::move(password)) {}

  std::string gs2_header = "n,,";
  std::string in_front_of_nonce;  // of the last message

  [[nodiscard]] std::string first() const { return gs2_header + bare_; }

  // What a client answers to the server's first message.
  std::string final(const std::string& server_first) {
    const std::string nonce = field(server_first, "r=");
    const auto salt = sasl::decode_base64(field(server_first, "s="));
    const auto iterations = static_cast<std::uint32_t>(std::stoul(field(server_first, "i=")));
    salted_ = sasl::stretched(hash_, password_, salt.value_or(""), iterations);
    const std::string without_proof =
        "c=" + sasl::encode_base64(gs2_header) + ",r=" + in_front_of_nonce + nonce;
    all_ = bare_ + "," + server_first + "," + without_proof;
    Bytes proof = sasl::hmac(hash_, salted_, "Client Key");
    const Bytes mask = sasl::hmac(hash_, sasl::digest(hash_, proof), all_);
    for (std::size_t i = 0; i < proof.size(); ++i) proof[i] = static_cast<char>(proof[i] ^ mask[i]);
    return without_proof + ",p=" + sasl::encode_base64(proof);
  }

  // What the server's last message must be: it knows the password too.
  [[nodiscard]] std::string expected_last() const {
    return "v=" +
           sasl::encode_base64(sasl::hmac(hash_, sasl::hmac(hash_, salted_, "Server Key"), all_));
  }

  static std::string field(const std::string& message, const std::string& name) {
    const auto at = message.find(name);
    if (at == std::string::npos) return {};
    const auto from = at + name.size();
    return message.substr(from, message.find(',', from) - from);
  }

 private:
  sasl::Hash hash_;
  std::string bare_;
  std::string password_;
  Bytes salted_;
  std::string all_;
};

}  // namespace runnel::test
