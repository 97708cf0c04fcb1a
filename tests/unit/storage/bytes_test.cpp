#include "storage/base/bytes.h"

#include <functional>
#include <limits>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "tests/support/seed.h"

namespace runnel {
namespace {

using namespace std::string_literals;

Bytes written(const std::function<void(ByteWriter&)>& write) {
  Bytes out;
  ByteWriter writer(out);
  write(writer);
  return out;
}

TEST(Bytes, WritesBigEndianMostSignificantByteFirst) {
  EXPECT_EQ(written([](ByteWriter& w) { w.be16(0x0102); }), "\x01\x02"s);
  EXPECT_EQ(written([](ByteWriter& w) { w.be32(0x01020304); }), "\x01\x02\x03\x04"s);
  EXPECT_EQ(
      written([](ByteWriter& w) { w.be64(0x0102030405060708); }),
      "\x01\x02\x03\x04\x05\x06\x07\x08"s
  );
}

TEST(Bytes, WritesLittleEndianLeastSignificantByteFirst) {
  EXPECT_EQ(written([](ByteWriter& w) { w.le16(0x0102); }), "\x02\x01"s);
  EXPECT_EQ(written([](ByteWriter& w) { w.le32(0x01020304); }), "\x04\x03\x02\x01"s);
  EXPECT_EQ(
      written([](ByteWriter& w) { w.le64(0x0102030405060708); }),
      "\x08\x07\x06\x05\x04\x03\x02\x01"s
  );
}

TEST(Bytes, ReadsBackWhatItWrote) {
  test::Random random;
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t v = random.between(0, std::numeric_limits<std::uint64_t>::max());
    const std::string text = random.bytes(random.between(0, 300));
    const Bytes out = written([&](ByteWriter& w) {
      w.u8(static_cast<std::uint8_t>(v));
      w.be16(static_cast<std::uint16_t>(v));
      w.be32(static_cast<std::uint32_t>(v));
      w.be64(v);
      w.le16(static_cast<std::uint16_t>(v));
      w.le32(static_cast<std::uint32_t>(v));
      w.le64(v);
      w.varint(v);
      w.zigzag(static_cast<std::int64_t>(v));
      w.counted(text);
      w.bytes("end");
    });
    ByteReader r(out);
    EXPECT_EQ(r.u8(), static_cast<std::uint8_t>(v));
    EXPECT_EQ(r.be16(), static_cast<std::uint16_t>(v));
    EXPECT_EQ(r.be32(), static_cast<std::uint32_t>(v));
    EXPECT_EQ(r.be64(), v);
    EXPECT_EQ(r.le16(), static_cast<std::uint16_t>(v));
    EXPECT_EQ(r.le32(), static_cast<std::uint32_t>(v));
    EXPECT_EQ(r.le64(), v);
    EXPECT_EQ(r.varint(), v);
    EXPECT_EQ(r.zigzag(), static_cast<std::int64_t>(v));
    EXPECT_EQ(r.counted(), text);
    EXPECT_EQ(r.rest(), "end");
    EXPECT_EQ(r.take(3), "end");
    EXPECT_TRUE(r.ok());
    EXPECT_TRUE(r.done());
  }
}

TEST(Bytes, VarintsAreLeb128) {
  const std::vector<std::pair<std::uint64_t, Bytes>> known = {
      {0, "\0"s},
      {1, "\x01"s},
      {127, "\x7f"s},
      {128, "\x80\x01"s},
      {300, "\xac\x02"s},
      {16384, "\x80\x80\x01"s},
      {0xffffffff, "\xff\xff\xff\xff\x0f"s},
      {std::numeric_limits<std::uint64_t>::max(), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s},
  };
  for (const auto& [value, bytes] : known) {
    EXPECT_EQ(written([v = value](ByteWriter& w) { w.varint(v); }), bytes);
    ByteReader r(bytes);
    EXPECT_EQ(r.varint(), value);
    EXPECT_TRUE(r.ok() && r.done());
  }
}

TEST(Bytes, ZigzagPutsSmallNegativesIntoOneByte) {
  const std::vector<std::pair<std::int64_t, Bytes>> known = {
      {0, "\0"s},
      {-1, "\x01"s},
      {1, "\x02"s},
      {-2, "\x03"s},
      {63, "\x7e"s},
      {-64, "\x7f"s},
      {64, "\x80\x01"s},
      {std::numeric_limits<std::int64_t>::max(), "\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01"s},
      {std::numeric_limits<std::int64_t>::min(), "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s},
  };
  for (const auto& [value, bytes] : known) {
    EXPECT_EQ(written([v = value](ByteWriter& w) { w.zigzag(v); }), bytes);
    ByteReader r(bytes);
    EXPECT_EQ(r.zigzag(), value);
    EXPECT_TRUE(r.ok() && r.done());
  }
}

TEST(Bytes, AVarintOfMoreThanTenBytesIsRefused) {
  const Bytes endless(11, '\x80');
  ByteReader r(endless);
  EXPECT_EQ(r.varint(), 0U);
  EXPECT_FALSE(r.ok());
}

TEST(Bytes, AVarintCutShortIsRefused) {
  const Bytes whole = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    ByteReader r(ByteView(whole).substr(0, n));
    EXPECT_EQ(r.varint(), 0U) << n;
    EXPECT_FALSE(r.ok()) << n;
  }
}

TEST(Bytes, AReaderThatRanShortYieldsZerosForEver) {
  ByteReader r("\x01\x02\x03");
  EXPECT_EQ(r.be16(), 0x0102);
  EXPECT_EQ(r.be32(), 0U);
  EXPECT_FALSE(r.ok());
  EXPECT_EQ(r.u8(), 0U) << "the third byte must not come out after the failure";
  EXPECT_EQ(r.left(), 0U);
  EXPECT_TRUE(r.take(0).empty());
  EXPECT_FALSE(r.ok());
}

TEST(Bytes, ACountedPieceLongerThanTheRestIsRefused) {
  ByteReader r("\x04wow");
  EXPECT_TRUE(r.counted().empty());
  EXPECT_FALSE(r.ok());
  const Bytes huge = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01wow"s;
  ByteReader h(huge);
  EXPECT_TRUE(h.counted().empty());
  EXPECT_FALSE(h.ok());
}

TEST(Bytes, PositionAndRestFollowTheReading) {
  ByteReader r("abcdef");
  r.take(2);
  EXPECT_EQ(r.position(), 2U);
  EXPECT_EQ(r.left(), 4U);
  EXPECT_EQ(r.rest(), "cdef");
  EXPECT_FALSE(r.done());
}

}  // namespace
}  // namespace runnel
