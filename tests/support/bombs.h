// Small inputs that unpack to a great many zeros: valid streams, each made in a moment from one
// piece that is repeated. `mebibytes` is what they hold.
#pragma once

#include <cstdint>

#include "storage/base/bytes.h"

namespace runnel::test {

// One gzip member.
Bytes gzip_bomb(std::size_t mebibytes);
// The same as members of 1 MiB each.
Bytes gzip_members_bomb(std::size_t mebibytes);
// One block of snappy, about 48 KiB for each MiB: the format can do no better.
Bytes snappy_bomb(std::size_t mebibytes);
// The same in xerial's framing, in blocks of 1 MiB.
Bytes xerial_bomb(std::size_t mebibytes);
// One frame of blocks of 1 MiB, which follow each other independently.
Bytes lz4_bomb(std::size_t mebibytes);
// One frame for each MiB.
Bytes lz4_frames_bomb(std::size_t mebibytes);
// One frame that does not say how much it holds.
Bytes zstd_bomb(std::size_t mebibytes);
// One frame that says it holds `claimed` bytes.
Bytes zstd_claiming_bomb(std::size_t mebibytes, std::uint64_t claimed);

}  // namespace runnel::test
