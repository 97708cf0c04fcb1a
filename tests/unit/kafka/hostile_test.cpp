// Packets that promise more than they hold.
#include <gtest/gtest.h>

#include "hub/kafka/codec.h"
#include "hub/kafka/messages/describe_groups.h"
#include "hub/kafka/messages/join_group.h"
#include "hub/kafka/messages/metadata.h"
#include "hub/kafka/messages/produce.h"
#include "tests/support/heap_peak.h"
#include "tests/support/kafka_any_message.h"
#include "tests/unit/kafka/every_version.h"
#include "tests/unit/kafka/wire_bytes.h"

namespace runnel::kafka {
namespace {

// The worst are texts: one byte of a packet, 16 of memory, and a vector that grows has as much
// again. Structures are larger, but take more bytes.
constexpr std::size_t kMemoryPerByte = 64;

template <class Message>
void expect_paid_for(const Bytes& body, Version version) {
  const test::HeapPeak heap;
  (void)decode_body<Message>(body, version);
  ASSERT_LE(heap.bytes(), kMemoryPerByte * body.size());
}

TEST(KafkaHostile, NoLengthAllocatesMoreThanThePacketPaysFor) {
  const Bytes longest = i32(0x7fffffff);
  const Bytes longest_compact = bytes({0xff, 0xff, 0xff, 0xff, 0x0f});
  test::Random random;
  for_each_message([&]<class Message>(Version version) {
    Filler filler(random, version);
    Message message;
    message.io(filler);
    Bytes written;
    encode_body(message, version, written);
    const std::size_t step = written.size() / 200 + 1;
    for (std::size_t at = 0; at < written.size(); at += step) {
      Bytes wide = written;
      wide.replace(at, longest.size(), longest);
      ASSERT_NO_FATAL_FAILURE(expect_paid_for<Message>(wide, version)) << at;
      Bytes compact = written;
      compact.replace(at, 1, longest_compact);
      ASSERT_NO_FATAL_FAILURE(expect_paid_for<Message>(compact, version)) << at;
    }
  });
}

TEST(KafkaHostile, ACountOfMoreThanTheBytesLeftIsRefusedBeforeAnythingIsAllocated) {
  const Bytes classic = i32(1'000'000) + str("group");
  const Bytes compact = bytes({0xc0, 0x84, 0x3d, 1, 0, 0});
  const test::HeapPeak heap;
  const bool read = decode_body<DescribeGroupsRequest>(classic, 0).has_value() ||
                    decode_body<DescribeGroupsRequest>(compact, 5).has_value();
  EXPECT_EQ(heap.bytes(), 0u);
  EXPECT_FALSE(read);
}

// `n` empty texts.
Bytes groups(std::size_t n) {
  return i32(static_cast<std::int32_t>(n)) + Bytes(2 * n, '\0');
}

TEST(KafkaHostile, AMessageHasABoundedNumberOfElements) {
  const auto most = decode_body<DescribeGroupsRequest>(groups(kElementsMax), 0);
  ASSERT_TRUE(most);
  EXPECT_EQ(most->groups.size(), kElementsMax);
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(groups(kElementsMax + 1), 0));
}

// Three topics with some partitions each, in all `n` elements.
Bytes produce_of(std::size_t n) {
  Bytes out = i16(-1) + i16(1) + i32(0) + i32(3);
  for (std::size_t topic = 0, left = n - 3; topic < 3; ++topic) {
    const std::size_t partitions = left / (3 - topic);
    left -= partitions;
    out += str("t") + i32(static_cast<std::int32_t>(partitions));
    for (std::size_t i = 0; i < partitions; ++i) out += i32(0) + i32(0);
  }
  return out;
}

TEST(KafkaHostile, TheElementsOfAllArraysTogetherAreBounded) {
  EXPECT_TRUE(decode_body<ProduceRequest>(produce_of(kElementsMax), 3));
  EXPECT_FALSE(decode_body<ProduceRequest>(produce_of(kElementsMax + 1), 3));
}

TEST(KafkaHostile, NullIsRefusedWhereNothingIsNotSomething) {
  // A name, an array, a blob; classic and compact.
  EXPECT_FALSE(decode_body<MetadataRequest>(i32(1) + i16(-1), 1));
  EXPECT_FALSE(decode_body<MetadataRequest>(i32(-1), 0));
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(i32(-1), 0));
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(bytes({0, 0, 0}), 5));
  const Bytes joining = str("g") + i32(1000) + str("") + str("consumer") + i32(1) + str("range");
  EXPECT_TRUE(decode_body<JoinGroupRequest>(joining + i32(0), 0));
  EXPECT_FALSE(decode_body<JoinGroupRequest>(joining + i32(-1), 0));
}

TEST(KafkaHostile, ATextIsAtMost32767BytesLongInAnyEncoding) {
  const auto one_group = [](std::size_t n) {
    Bytes out = compact_count(1);
    ByteWriter(out).varint(n + 1);
    return out + Bytes(n, 'g') + bytes({0, 0});
  };
  EXPECT_TRUE(decode_body<DescribeGroupsRequest>(one_group(32'767), 5));
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(one_group(32'768), 5));
}

TEST(KafkaHostile, ALengthOfMoreThan32BitsIsRefused) {
  // 2^64 - 1, which would be all there is but for the one that is taken off.
  const Bytes length = Bytes(9, '\xff') + '\x01';
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(length + bytes({0, 0}), 5));
  // 2^32 + 1: one element, if only 32 bits were looked at.
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(bytes({0x81, 0x80, 0x80, 0x80, 0x10, 1, 0, 0}), 5)
  );
}

TEST(KafkaHostile, CountlessTagsEndWithThePacket) {
  const Bytes tags = bytes({0xff, 0xff, 0xff, 0xff, 0x0f});
  EXPECT_FALSE(decode_body<DescribeGroupsRequest>(compact_count(0) + i8(0) + tags, 5));
  EXPECT_FALSE(
      decode_body<DescribeGroupsRequest>(compact_count(0) + i8(0) + tags + Bytes(64, '\0'), 5)
  );
}

TEST(KafkaHostile, AMessageForPeopleIsCutWhereTheProtocolEnds) {
  const Bytes complaint(40'000, 'x');
  ProduceResponse response;
  response.topics.resize(1);
  response.topics[0].partitions.resize(1);
  response.topics[0].partitions[0].error_message = complaint;
  for (const Version version : {Version{8}, Version{9}}) {
    Bytes out;
    encode_body(response, version, out);
    const auto read = decode_body<ProduceResponse>(out, version);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->topics[0].partitions[0].error_message, ByteView(complaint).substr(0, 32'767));
  }
}

}  // namespace
}  // namespace runnel::kafka
