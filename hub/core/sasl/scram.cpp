#include "hub/core/sasl/scram.h"

#include "hub/core/sasl/base64.h"
#include "hub/core/sasl/scram_messages.h"

namespace runnel::sasl {
namespace {

Step refused(ScramError error, std::string_view why, const std::string& user) {
  return failed(why, user, Bytes("e=").append(error));
}

}  // namespace

ScramExchange::ScramExchange(Hash hash, const Accounts& accounts, std::string server_nonce)
    : hash_(hash), accounts_(accounts), nonce_(std::move(server_nonce)) {}

Step ScramExchange::step(ByteView token) {
  return asked_ ? final(token) : first(token);
}

Step ScramExchange::first(ByteView token) {
  ClientFirst message;
  if (const ScramError wrong = read_client_first(token, message); !wrong.empty()) {
    return refused(
        wrong, "its first message is not one of SCRAM, or asks for what is not served", {}
    );
  }
  user_ = std::move(message.user);
  if (!message.acts_for.empty() && message.acts_for != user_) {
    return refused("other-error", "it wants to act for another", user_);
  }
  account_ = accounts_.scram(user_, hash_);
  asked_ = true;
  nonce_.insert(0, message.nonce);
  gs2_header_ = message.gs2_header;
  const ScramCredential& c = account_.credential;
  Bytes question =
      "r=" + nonce_ + ",s=" + encode_base64(c.salt) + ",i=" + std::to_string(c.iterations);
  conversation_ = Bytes(message.bare).append(",").append(question);
  return {Step::State::challenge, std::move(question), user_, {}};
}

Step ScramExchange::final(ByteView token) {
  ClientFinal message;
  if (const ScramError wrong = read_client_final(token, message); !wrong.empty()) {
    return refused(wrong, "its last message is not one of SCRAM", user_);
  }
  if (message.channel_binding != gs2_header_) {
    return refused("channel-bindings-dont-match", "its messages contradict each other", user_);
  }
  // librdkafka 2.0 puts its own nonce in front once more. What counts is that it has ours; what
  // the proof is made over is what was sent.
  if (!message.nonce.ends_with(nonce_))
    return refused("other-error", "its nonce is another", user_);
  const Bytes all = Bytes(conversation_).append(",").append(message.without_proof);
  const bool proved = proves(message.proof, all);
  if (!proved || !account_.known) {
    return refused("invalid-proof", "unknown user or wrong password", user_);
  }
  const Bytes signature = hmac(hash_, account_.credential.server_key, all);
  return {Step::State::success, "v=" + encode_base64(signature), user_, {}};
}

bool ScramExchange::proves(ByteView proof, ByteView what) const {
  const ScramCredential& c = account_.credential;
  if (proof.size() != hash_bytes(hash_)) return false;
  Bytes client_key = hmac(hash_, c.stored_key, what);
  for (std::size_t i = 0; i < client_key.size(); ++i) {
    client_key[i] = static_cast<char>(client_key[i] ^ proof[i]);
  }
  return same(digest(hash_, client_key), c.stored_key);
}

}  // namespace runnel::sasl
