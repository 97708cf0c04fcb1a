#include "hub/core/sasl/base64.h"

namespace runnel::sasl {
namespace {

constexpr ByteView kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

Bytes encode_base64(ByteView bytes) {
  Bytes out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::size_t there = bytes.size() - i < 3 ? bytes.size() - i : 3;
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8 | (j < there ? static_cast<std::uint8_t>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      out.push_back(j <= there ? kDigits[group >> (18 - 6 * j) & 63] : '=');
    }
  }
  return out;
}

std::optional<Bytes> decode_base64(ByteView text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  Bytes out;
  out.reserve(text.size() / 4 * 3);
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool pad = i + padding >= text.size();
    const std::size_t digit = pad ? 0 : kDigits.find(text[i]);
    if (digit == ByteView::npos) return std::nullopt;
    group = group << 6 | static_cast<std::uint32_t>(digit);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U})
      out.push_back(static_cast<char>(group >> shift & 255));
    group = 0;
  }
  const ByteView tail = ByteView(out).substr(out.size() - padding);
  if (tail.find_first_not_of('\0') != ByteView::npos) return std::nullopt;
  out.resize(out.size() - padding);
  // Bits behind the last byte that are not zero are another text for the same bytes.
  if (padding != 0 && encode_base64(out) != text) return std::nullopt;
  return out;
}

}  // namespace runnel::sasl
