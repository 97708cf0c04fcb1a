// CRC-32C (Castagnoli, RFC 3720 §12.1), as Kafka's record batches use it. Uses the processor's
// instruction where there is one (SSE 4.2, ARMv8 CRC). Pure; any thread.
#pragma once

#include <cstdint>

#include "storage/base/bytes.h"

namespace runnel {

// The checksum of `bytes`, going on from `previous` (0 to start).
std::uint32_t crc32c(ByteView bytes, std::uint32_t previous = 0);

// The table-driven form, for machines without the instruction and for the test that compares them.
std::uint32_t crc32c_portable(ByteView bytes, std::uint32_t previous = 0);

}  // namespace runnel
