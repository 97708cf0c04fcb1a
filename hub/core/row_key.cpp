#include "hub/core/row_key.h"

#include "storage/log/group.h"

namespace runnel::core {
namespace {

constexpr std::size_t kKindBytesMax = 8;
constexpr std::size_t kTextBytesMax = log::kStateKeyBytesMax - kKindBytesMax - 17;

std::uint64_t fnv1a(ByteView text, std::uint64_t state) {
  for (const char c : text) state = (state ^ static_cast<std::uint8_t>(c)) * 0x100000001b3ULL;
  return state;
}

}  // namespace

Bytes row_key(ByteView kind, ByteView text) {
  Bytes key(kind);
  if (text.size() <= kTextBytesMax) return key.append(text);
  key.append(text.substr(0, kTextBytesMax));
  key.push_back('\0');  // no short text holds one: MQTT forbids U+0000
  ByteWriter w(key);
  w.be64(fnv1a(text, 0xcbf29ce484222325ULL));
  w.be64(fnv1a(text, 0x9ae16a3b2f90404fULL));
  return key;
}

}  // namespace runnel::core
