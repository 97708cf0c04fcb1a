// The cryptography that SASL needs, from OpenSSL's libcrypto; its headers are included by
// crypto.cpp alone. A primitive that fails (no memory, no randomness) stops the program: there is
// no safe answer. Threads: any.
#pragma once

#include <cstddef>
#include <cstdint>

#include "storage/base/bytes.h"

namespace runnel::sasl {

enum class Hash : std::uint8_t { sha_256, sha_512 };

// 32 or 64.
std::size_t hash_bytes(Hash hash);

Bytes digest(Hash hash, ByteView data);
Bytes hmac(Hash hash, ByteView key, ByteView data);

// Hi() of RFC 5802: PBKDF2 with this hash, as many bytes as the hash has. Takes milliseconds.
Bytes stretched(Hash hash, ByteView password, ByteView salt, std::uint32_t iterations);

// From the system's generator, fit for keys.
Bytes random_bytes(std::size_t count);

// In a time that depends on the sizes alone.
bool same(ByteView a, ByteView b);

// Overwrites, then empties: for passwords that are no longer needed.
void forget(Bytes& secret);

}  // namespace runnel::sasl
