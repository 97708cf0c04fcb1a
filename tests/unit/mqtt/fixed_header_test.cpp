#include <gtest/gtest.h>

#include "hub/mqtt/codec.h"
#include "tests/unit/mqtt/wire_bytes.h"

namespace runnel::mqtt {
namespace {

// A first byte and a Remaining Length, given as bytes.
Decoded<std::optional<FixedHeader>> decode(std::initializer_list<int> header) {
  return decode_fixed_header(Exact(bytes(header)).view());
}

struct Border {
  std::uint32_t value;
  Bytes encoded;
};

// MQTT 5.0 table 1-1.
const Border kBorders[] = {
    {0, bytes({0x00})},
    {1, bytes({0x01})},
    {127, bytes({0x7f})},
    {128, bytes({0x80, 0x01})},
    {16'383, bytes({0xff, 0x7f})},
    {16'384, bytes({0x80, 0x80, 0x01})},
    {2'097'151, bytes({0xff, 0xff, 0x7f})},
    {2'097'152, bytes({0x80, 0x80, 0x80, 0x01})},
    {268'435'455, bytes({0xff, 0xff, 0xff, 0x7f})},
};

TEST(CodecFixedHeader, ReadsTheBordersOfTheVariableByteInteger) {
  for (const Border& b : kBorders) {
    const auto header = decode_fixed_header(bytes({0x30}) + b.encoded);
    ASSERT_TRUE(header && *header) << b.value;
    EXPECT_EQ((*header)->body_bytes, b.value);
    EXPECT_EQ((*header)->header_bytes, 1 + b.encoded.size());
    EXPECT_EQ((*header)->packet_bytes(), 1 + b.encoded.size() + b.value);
  }
}

TEST(CodecFixedHeader, WritesTheShortestLength) {
  for (const Border& b : kBorders) {
    if (b.value < 3 || b.value > 3'000'000) continue;
    const Bytes payload(b.value - 3, 'x');  // 3: the topic
    Publish publish;
    publish.topic = "t";
    publish.payload = payload;
    Bytes out;
    encode(publish, Version::v3_1_1, out);
    EXPECT_EQ(out.substr(1, b.encoded.size()), b.encoded) << b.value;
    EXPECT_EQ(out.size(), 1 + b.encoded.size() + b.value);
    EXPECT_EQ(encoded_bytes(publish, Version::v3_1_1), out.size());
  }
}

TEST(CodecFixedHeader, WaitsForTheWholeLength) {
  const Bytes longest = bytes({0x30, 0xff, 0xff, 0xff, 0x7f});
  for (std::size_t n = 0; n < longest.size(); ++n) {
    const auto header = decode_fixed_header(Exact(ByteView(longest).substr(0, n)).view());
    ASSERT_TRUE(header) << n;
    EXPECT_FALSE(*header) << n;
  }
}

TEST(CodecFixedHeader, RefusesALengthOfFiveBytes) {
  EXPECT_EQ(reason_of(decode({0x30, 0x80, 0x80, 0x80, 0x80})), Reason::malformed_packet);
  EXPECT_EQ(reason_of(decode({0x30, 0xff, 0xff, 0xff, 0xff, 0x01})), Reason::malformed_packet);
}

TEST(CodecFixedHeader, RefusesALengthThatIsLongerThanItNeedsToBe) {
  EXPECT_EQ(reason_of(decode({0x30, 0x80, 0x00})), Reason::malformed_packet);
  EXPECT_EQ(reason_of(decode({0x30, 0x81, 0x80, 0x00})), Reason::malformed_packet);
  EXPECT_EQ(reason_of(decode({0x30, 0xff, 0xff, 0xff, 0x00})), Reason::malformed_packet);
}

TEST(CodecFixedHeader, AllowsForEachTypeItsFlagsOnly) {
  for (int first = 0; first < 256; ++first) {
    const int type = first >> 4;
    const int flags = first & 0x0f;
    bool allowed = flags == 0;
    if (type == 0) allowed = false;
    if (type == 6 || type == 8 || type == 10) allowed = flags == 2;
    if (type == 3) allowed = (flags & 6) != 6 && (flags & 14) != 8;  // no QoS 3; DUP needs a QoS
    const auto header = decode({first, 0x00});
    EXPECT_EQ(reason_of(header), allowed ? Reason::success : Reason::malformed_packet) << first;
    // What the first byte gives away need not wait for the second.
    EXPECT_EQ(reason_of(decode({first})), reason_of(header)) << first;
    if (!header) continue;
    EXPECT_EQ(static_cast<int>((*header)->type), type);
    EXPECT_EQ((*header)->flags, flags);
  }
}

TEST(CodecFixedHeader, RefusesAPingWithABody) {
  EXPECT_EQ(reason_of(decode({0xc0, 0x00})), Reason::success);
  EXPECT_EQ(reason_of(decode({0xc0, 0x01})), Reason::malformed_packet);
  EXPECT_EQ(reason_of(decode({0xd0, 0x00})), Reason::success);
  EXPECT_EQ(reason_of(decode({0xd0, 0x80, 0x01})), Reason::malformed_packet);
}

TEST(CodecFixedHeader, LooksAtNothingBehindItself) {
  const auto header = decode_fixed_header(bytes({0x40, 0x02, 0xff, 0xff, 0x00, 0x00}));
  ASSERT_TRUE(header && *header);
  EXPECT_EQ((*header)->type, PacketType::puback);
  EXPECT_EQ((*header)->packet_bytes(), 4U);
}

}  // namespace
}  // namespace runnel::mqtt
