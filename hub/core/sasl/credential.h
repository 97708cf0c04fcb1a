// What SCRAM knows of a password without knowing the password (RFC 5802 §3): who holds this can
// check a client, but cannot log in as it.
//
// As text, in files: SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY, the last three in base64
// (the scheme of RFC 5803, which PostgreSQL writes too). Pure; any thread.
#pragma once

#include <cstdint>
#include <optional>

#include "hub/core/sasl/crypto.h"

namespace runnel::sasl {

struct ScramCredential {
  Hash hash = Hash::sha_256;
  std::uint32_t iterations = 0;
  Bytes salt;
  Bytes stored_key;
  Bytes server_key;

  bool operator==(const ScramCredential&) const = default;
};

// Stretches the password, which takes milliseconds.
ScramCredential derive(Hash hash, ByteView password, ByteView salt, std::uint32_t iterations);

// The same from a password that somebody has stretched already.
ScramCredential derive_from_salted(
    Hash hash, ByteView salted_password, ByteView salt, std::uint32_t iterations
);

Bytes text_of(const ScramCredential& credential);

// Whether a text means to be a credential: it begins with the name of a mechanism and a $.
bool looks_like_credential(ByteView text);

// nullopt: it is none, or one that sasl_limits.h does not allow.
std::optional<ScramCredential> read_credential(ByteView text);

}  // namespace runnel::sasl
