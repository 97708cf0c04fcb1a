// Base64 as SCRAM has it (RFC 4648 §4): padded, no line breaks. Pure; any thread.
#pragma once

#include <optional>

#include "storage/base/bytes.h"

namespace runnel::sasl {

Bytes encode_base64(ByteView bytes);

// Strict: nullopt for anything that encode_base64() would not have written.
std::optional<Bytes> decode_base64(ByteView text);

}  // namespace runnel::sasl
