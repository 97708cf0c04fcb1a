#include <cstdint>

#include "hub/mqtt/ascii.h"
#include "hub/mqtt/codec.h"

namespace runnel::mqtt {
namespace {

struct Range {
  std::uint8_t low;
  std::uint8_t high;

  [[nodiscard]] bool holds(char c) const {
    const auto byte = static_cast<std::uint8_t>(c);
    return byte >= low && byte <= high;
  }
};

constexpr Range kContinuation{0x80, 0xbf};

// What may follow a lead byte: less than a continuation where overlong forms, surrogates and what
// lies beyond U+10FFFF have to be shut out (the Unicode Standard, table 3-7).
Range second_byte(std::uint8_t lead) {
  switch (lead) {
    case 0xe0:
      return {0xa0, 0xbf};
    case 0xed:
      return {0x80, 0x9f};
    case 0xf0:
      return {0x90, 0xbf};
    case 0xf4:
      return {0x80, 0x8f};
    default:
      return kContinuation;
  }
}

std::size_t announced_bytes(std::uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  if (lead < 0xe0) return 2;
  return lead < 0xf0 ? 3 : 4;
}

// The bytes of the character at the front of `text` (not empty), or 0 where MQTT does not allow it.
std::size_t character_bytes(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead == 0) return 0;
  const std::size_t bytes = announced_bytes(lead);
  if (bytes > text.size()) return 0;
  if (bytes > 1 && !second_byte(lead).holds(text[1])) return 0;
  for (std::size_t i = 2; i < bytes; ++i) {
    if (!kContinuation.holds(text[i])) return 0;
  }
  return bytes;
}

}  // namespace

bool valid_utf8(std::string_view text) {
  std::string_view rest = text;
  while (rest.size() >= ascii::kWordBytes) {
    const std::uint64_t word = ascii::load(rest.data());
    if (ascii::all_ascii(word)) {
      if (ascii::holds(word, '\0')) return false;
      rest.remove_prefix(ascii::kWordBytes);
      continue;
    }
    const std::size_t bytes = character_bytes(rest);
    if (bytes == 0) return false;
    rest.remove_prefix(bytes);
  }
  if (text.size() >= ascii::kWordBytes && !rest.empty()) {
    // The last 8 bytes, some of them a second time, are cheaper than up to 7 single ones.
    const std::uint64_t word = ascii::load(text.data() + text.size() - ascii::kWordBytes);
    if (ascii::all_ascii(word)) return !ascii::holds(word, '\0');
  }
  while (!rest.empty()) {
    const std::size_t bytes = character_bytes(rest);
    if (bytes == 0) return false;
    rest.remove_prefix(bytes);
  }
  return true;
}

}  // namespace runnel::mqtt
