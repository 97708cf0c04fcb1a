#include "storage/base/crc32c.h"

#include <vector>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace runnel {
namespace {

// RFC 3720, appendix B.4. The RFC prints the bytes as they go over the wire, least significant
// first.
struct KnownVector {
  const char* name;
  Bytes bytes;
  std::uint32_t crc;
};

std::vector<KnownVector> known_vectors() {
  Bytes rising;
  Bytes falling;
  for (int i = 0; i < 32; ++i) {
    rising.push_back(static_cast<char>(i));
    falling.push_back(static_cast<char>(31 - i));
  }
  const unsigned char read_command[48] = {
      0x01, 0xc0, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x00, 0x00, 0x04, 0x00,
      0x00, 0x00, 0x00, 0x14, 0x00, 0x00, 0x00, 0x18, 0x28, 0x00, 0x00, 0x00,
      0x00, 0x00, 0x00, 0x00, 0x02, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
  };
  return {
      {"32 bytes of zeros", Bytes(32, '\0'), 0x8a9136aa},
      {"32 bytes of ones", Bytes(32, '\xff'), 0x62a8ab43},
      {"32 bytes rising from 00", rising, 0x46dd794e},
      {"32 bytes falling to 00", falling, 0x113fdb5c},
      {"an iSCSI SCSI Read (10) command",
       Bytes(reinterpret_cast<const char*>(read_command), sizeof read_command),
       0xd9963a56},
      {"the check value of the CRC catalogues", "123456789", 0xe3069283},
      {"nothing", "", 0},
  };
}

TEST(Crc32c, MatchesTheVectorsOfRfc3720) {
  for (const KnownVector& known : known_vectors()) {
    EXPECT_EQ(crc32c(known.bytes), known.crc) << known.name;
    EXPECT_EQ(crc32c_portable(known.bytes), known.crc) << known.name;
  }
}

TEST(Crc32c, HardwareAndTableAgreeAtEveryLengthAndAlignment) {
  test::Random random;
  const Bytes bytes = random.bytes(300);
  for (std::size_t start = 0; start < 16; ++start) {
    for (std::size_t n = 0; n + start <= bytes.size(); ++n) {
      const ByteView piece = ByteView(bytes).substr(start, n);
      ASSERT_EQ(crc32c(piece), crc32c_portable(piece)) << "start " << start << " length " << n;
    }
  }
}

TEST(Crc32c, GoesOnFromAnEarlierPieceAtEverySplit) {
  test::Random random;
  const Bytes bytes = random.bytes(100);
  const std::uint32_t whole = crc32c(bytes);
  for (std::size_t n = 0; n <= bytes.size(); ++n) {
    const ByteView view(bytes);
    EXPECT_EQ(crc32c(view.substr(n), crc32c(view.substr(0, n))), whole) << n;
    EXPECT_EQ(crc32c_portable(view.substr(n), crc32c_portable(view.substr(0, n))), whole) << n;
  }
}

TEST(Crc32c, EveryFlippedBitChangesIt) {
  test::Random random;
  Bytes bytes = random.bytes(64);
  const std::uint32_t sound = crc32c(bytes);
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_NE(crc32c(bytes), sound) << bit;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
  }
}

}  // namespace
}  // namespace runnel
