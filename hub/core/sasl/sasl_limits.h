// What a peer that has not said who it is may make us hold and do (DESIGN: everything has a bound).
#pragma once

#include <cstddef>
#include <cstdint>

namespace runnel::sasl {

constexpr std::size_t kTokenBytesMax = 8 << 10;  // of one token of a mechanism
constexpr std::size_t kUserBytesMax = 255;       // of a user's name
constexpr std::size_t kPasswordBytesMax = 1024;  // of a password
constexpr std::size_t kNonceBytesMax = 256;      // of a client's part of a SCRAM nonce
constexpr std::size_t kSaltBytesMax = 256;       // of a SCRAM credential
constexpr std::uint32_t kIterationsMin = 4096;   // of a SCRAM credential (RFC 7677)
constexpr std::uint32_t kIterationsMax =
    1'000'000;  // of one that a file holds: the client does them

}  // namespace runnel::sasl
