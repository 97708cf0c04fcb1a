// Writing packets by hand, byte for byte, as the specification's figures do.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string_view>
#include <vector>

#include "hub/mqtt/codec.h"

namespace runnel::mqtt {

inline Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}

// A string or binary data: two bytes of length, then itself.
inline Bytes str(std::string_view text) {
  return bytes({static_cast<int>(text.size() >> 8), static_cast<int>(text.size() & 0xff)}) +
         Bytes(text);
}

// A property block of fewer than 128 bytes with its length.
inline Bytes block(const Bytes& properties) {
  return bytes({static_cast<int>(properties.size())}) + properties;
}

inline void PrintTo(Reason reason, std::ostream* out) {
  *out << "Reason 0x" << std::hex << static_cast<int>(reason) << std::dec;
}

inline void PrintTo(PacketType type, std::ostream* out) {
  *out << "packet type " << static_cast<int>(type);
}

// The reason that a decoder gave; success where it gave a packet.
template <class T>
Reason reason_of(const Decoded<T>& decoded) {
  return decoded ? Reason::success : decoded.error();
}

// A copy of `bytes` on the heap, without a byte after it that could be read unnoticed.
class Exact {
 public:
  explicit Exact(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}

  [[nodiscard]] ByteView view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

}  // namespace runnel::mqtt
