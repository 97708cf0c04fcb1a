// Writing Kafka messages by hand, field for field, as the protocol guide lists them.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <ostream>
#include <string_view>
#include <vector>

#include "hub/kafka/api.h"
#include "hub/kafka/error.h"
#include "storage/base/bytes.h"

namespace runnel::kafka {

inline Bytes bytes(std::initializer_list<int> values) {
  Bytes out;
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}

inline Bytes i8(int v) {
  return bytes({v});
}

inline Bytes i16(int v) {
  return bytes({v >> 8, v});
}

inline Bytes i32(std::int32_t v) {
  return bytes({v >> 24, v >> 16, v >> 8, v});
}

inline Bytes i64(std::int64_t v) {
  return i32(static_cast<std::int32_t>(v >> 32)) + i32(static_cast<std::int32_t>(v));
}

// A text with a classic length.
inline Bytes str(std::string_view text) {
  return i16(static_cast<int>(text.size())) + Bytes(text);
}

// A text or a blob of fewer than 127 bytes with a compact length; an array's length likewise.
inline Bytes compact(std::string_view text) {
  return i8(static_cast<int>(text.size()) + 1) + Bytes(text);
}

inline Bytes compact_count(int n) {
  return i8(n + 1);
}

// A copy of `bytes` on the heap, without a byte after it that could be read unnoticed.
class Exact {
 public:
  explicit Exact(ByteView bytes) : bytes_(bytes.begin(), bytes.end()) {}

  [[nodiscard]] ByteView view() const { return {bytes_.data(), bytes_.size()}; }

 private:
  std::vector<char> bytes_;
};

inline void PrintTo(ApiKey key, std::ostream* out) {
  *out << "key " << static_cast<int>(key);
}

inline void PrintTo(ErrorCode code, std::ostream* out) {
  *out << "error " << static_cast<int>(code);
}

inline void PrintTo(const Api& api, std::ostream* out) {
  *out << "key " << static_cast<int>(api.key) << " " << api.min << " to " << api.max
       << ", flexible from " << api.flexible << ", served from " << api.served_from;
}

}  // namespace runnel::kafka
