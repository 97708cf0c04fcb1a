// CRC-32C (Castagnoli), which record batches carry. Uses the processor's instruction where there is
// one. Threads: pure; any thread.
#pragma once

#include <cstdint>
#include <string_view>

namespace runnel::bench {

[[nodiscard]] std::uint32_t crc32c(std::string_view bytes);

}  // namespace runnel::bench
