// Eight bytes of text at a time, for the checks that every topic name goes through. Internal to the
// codec. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace runnel::mqtt::ascii {

constexpr std::uint64_t kHighBits = 0x8080808080808080;
constexpr std::uint64_t kLowBits = 0x7f7f7f7f7f7f7f7f;
constexpr std::size_t kWordBytes = sizeof(std::uint64_t);

// The 8 bytes at `p`; their order does not matter to the tests below.
inline std::uint64_t load(const char* p) {
  std::uint64_t word = 0;
  std::memcpy(&word, p, kWordBytes);
  return word;
}

inline bool all_ascii(std::uint64_t word) {
  return (word & kHighBits) == 0;
}

// Whether a byte of `word`, all of them ASCII, is `c`, an ASCII character. Adding 0x7f to a byte of
// at most 0x7f sets its high bit unless it is zero, and carries nothing into the next.
inline bool holds(std::uint64_t word, char c) {
  const std::uint64_t difference = word ^ (0x0101010101010101 * static_cast<std::uint64_t>(c));
  return ((difference + kLowBits) & kHighBits) != kHighBits;
}

}  // namespace runnel::mqtt::ascii
