#include "hub/core/sasl/credential.h"

#include <charconv>

#include "hub/core/sasl/base64.h"
#include "hub/core/sasl/mechanism.h"
#include "hub/core/sasl/sasl_limits.h"

namespace runnel::sasl {
namespace {

constexpr Mechanism kScrams[] = {Mechanism::scram_sha_256, Mechanism::scram_sha_512};

// Takes what stands before `end` away, and `end`. nullopt: it is not there.
std::optional<ByteView> part(ByteView& text, char end) {
  const std::size_t at = text.find(end);
  if (at == ByteView::npos) return std::nullopt;
  const ByteView out = text.substr(0, at);
  text.remove_prefix(at + 1);
  return out;
}

std::optional<std::uint32_t> read_iterations(ByteView text) {
  std::uint32_t value = 0;
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (ec != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (value < kIterationsMin || value > kIterationsMax) return std::nullopt;
  return value;
}

std::optional<ScramCredential> read_fields(Hash hash, ByteView text) {
  const auto iterations_text = part(text, ':');
  const auto salt_text = part(text, '$');
  const auto stored_text = part(text, ':');
  if (!iterations_text || !salt_text || !stored_text) return std::nullopt;
  const auto iterations = read_iterations(*iterations_text);
  auto salt = decode_base64(*salt_text);
  auto stored = decode_base64(*stored_text);
  auto server = decode_base64(text);
  if (!iterations || !salt || !stored || !server) return std::nullopt;
  if (salt->empty() || salt->size() > kSaltBytesMax) return std::nullopt;
  if (stored->size() != hash_bytes(hash) || server->size() != hash_bytes(hash)) return std::nullopt;
  return ScramCredential{
      hash, *iterations, std::move(*salt), std::move(*stored), std::move(*server)};
}

}  // namespace

ScramCredential derive_from_salted(
    Hash hash, ByteView salted_password, ByteView salt, std::uint32_t iterations
) {
  Bytes client_key = hmac(hash, salted_password, "Client Key");
  ScramCredential out{
      hash,
      iterations,
      Bytes(salt),
      digest(hash, client_key),
      hmac(hash, salted_password, "Server Key")};
  forget(client_key);
  return out;
}

ScramCredential derive(Hash hash, ByteView password, ByteView salt, std::uint32_t iterations) {
  Bytes salted = stretched(hash, password, salt, iterations);
  ScramCredential out = derive_from_salted(hash, salted, salt, iterations);
  forget(salted);
  return out;
}

Bytes text_of(const ScramCredential& c) {
  Bytes out(name_of(c.hash == Hash::sha_256 ? Mechanism::scram_sha_256 : Mechanism::scram_sha_512));
  out.append("$").append(std::to_string(c.iterations)).append(":");
  out.append(encode_base64(c.salt)).append("$").append(encode_base64(c.stored_key)).append(":");
  return out.append(encode_base64(c.server_key));
}

bool looks_like_credential(ByteView text) {
  for (const Mechanism mechanism : kScrams) {
    const std::string_view name = name_of(mechanism);
    if (text.starts_with(name) && text.substr(name.size()).starts_with('$')) return true;
  }
  return false;
}

std::optional<ScramCredential> read_credential(ByteView text) {
  const auto name = part(text, '$');
  const auto mechanism = name ? mechanism_of(*name) : std::nullopt;
  const auto hash = mechanism ? hash_of(*mechanism) : std::nullopt;
  return hash ? read_fields(*hash, text) : std::nullopt;
}

}  // namespace runnel::sasl
