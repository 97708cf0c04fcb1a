// The codecs of Kafka's record batches, both ways (attributes bits 0-2; KIP-110 for zstd).
//
// What is decompressed comes from strangers. The output never exceeds `bytes_max`, and its buffer
// grows with what was really written, by doubling: sizes that the input only claims cost nothing.
// So a bomb stops at the limit, and memory is at most 2 x bytes_max while the buffer is moved,
// bytes_max otherwise, and what the codec itself needs:
//
//   gzip     48 KiB: a window of 32 KiB and the tables
//   snappy   nothing: it decodes into the output. A block is believed to unpack to at most 22 times
//   its
//            size, which is more than the format can do
//   lz4      8.3 MiB: two blocks of the size that the frame chose, at most 4 MiB each (64 KiB from
//   most
//            clients), reserved when its head is read and touched only as far as they are used
//   zstd     128 KiB. A frame decodes into the output, which is its window too: the window that it
//            declares, 128 MiB at level 20 and up, is never reserved. A frame that does not say its
//            size may be decoded again whenever the buffer has doubled, at most twice the work in
//            all
//
// Threads: pure functions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "storage/base/bytes.h"
#include "storage/base/error.h"

namespace runnel::log {

// What a stored batch may unpack to, wherever one is looked into; the doors let in no more.
constexpr std::size_t kUnpackedBytesMax = 32 << 20;

// The numbers are Kafka's.
enum class Codec : std::uint8_t { none = 0, gzip = 1, snappy = 2, lz4 = 3, zstd = 4 };

// Three bits can say more than there are codecs.
constexpr bool known(Codec codec) {
  return codec <= Codec::zstd;
}

// As Kafka's compression.type names it; "unknown" for one that is not known().
[[nodiscard]] std::string_view name(Codec codec);

// The bytes that `input` holds, all of it. Accepted: concatenated gzip members (RFC 1952 §2.2);
// snappy as one raw block or in the framing of xerial's snappy-java, as Java writes it,
// concatenated too; lz4 and zstd frames, any number, with skippable ones between them (RFC 8878
// §3.1). Errc::too_large when there is more than `bytes_max`; Errc::damaged for anything that is
// not whole and valid to its last byte, an empty input and a codec that is not known among them.
[[nodiscard]] Result<Bytes> decompress(Codec codec, ByteView input, std::size_t bytes_max);

// `input` compressed at the codec's usual level; at most 1 GiB of it. Snappy is framed as Java
// does.
[[nodiscard]] Bytes compress(Codec codec, ByteView input);

}  // namespace runnel::log
