// Lengths and headers.
#include <gtest/gtest.h>

#include "hub/kafka/codec.h"
#include "hub/kafka/messages/api_versions.h"
#include "hub/kafka/messages/heartbeat.h"
#include "hub/kafka/messages/metadata.h"
#include "hub/kafka/messages/sasl_handshake.h"
#include "tests/unit/kafka/wire_bytes.h"

namespace runnel::kafka {
namespace {

TEST(KafkaFrame, ALengthIsKnownOnceItsFourBytesAreThere) {
  for (std::size_t n = 0; n < 4; ++n) {
    const auto size = frame_bytes(ByteView("\0\0\1\0", n), 1000);
    ASSERT_TRUE(size);
    EXPECT_FALSE(*size);
  }
  const auto size = frame_bytes(ByteView("\0\0\1\0body", 8), 1000);
  ASSERT_TRUE(size);
  EXPECT_EQ(*size, 256u);
  EXPECT_EQ(*frame_bytes(i32(0), 1000), 0u);
}

TEST(KafkaFrame, ALengthOverTheLimitIsRefused) {
  EXPECT_TRUE(frame_bytes(i32(1000), 1000));
  EXPECT_EQ(frame_bytes(i32(1001), 1000).error(), Errc::too_large);
  EXPECT_EQ(frame_bytes(i32(0x7fffffff), 1000).error(), Errc::too_large);
}

TEST(KafkaFrame, ANegativeLengthIsRefused) {
  EXPECT_EQ(frame_bytes(i32(-1), 1000).error(), Errc::malformed);
}

TEST(KafkaFrame, AClassicRequestHasKeyVersionCorrelationAndClient) {
  const Bytes frame = i16(3) + i16(8) + i32(-7) + str("client") + "body";
  const auto request = decode_request(frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.api_key, 3);
  EXPECT_EQ(request->header.api_version, 8);
  EXPECT_EQ(request->header.correlation_id, -7);
  EXPECT_EQ(request->header.client_id, "client");
  EXPECT_EQ(request->body, "body");
}

TEST(KafkaFrame, AClientMayBeNobody) {
  const Bytes frame = i16(3) + i16(8) + i32(1) + i16(-1);
  const auto request = decode_request(frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.client_id, std::nullopt);
  EXPECT_EQ(request->body, "");
}

// KIP-482: the client's id keeps its classic length, so that any broker can read it.
TEST(KafkaFrame, AFlexibleRequestHasTagsBehindAClassicClient) {
  const Bytes head = i16(3) + i16(9) + i32(1) + str("client");
  const Bytes without_tags = head + i8(0) + "body";
  const auto plain = decode_request(without_tags);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->header.client_id, "client");
  EXPECT_EQ(plain->body, "body");
  const Bytes with_tags = head + i8(1) + i8(5) + i8(2) + "xy" + "body";
  const auto tagged = decode_request(with_tags);
  ASSERT_TRUE(tagged);
  EXPECT_EQ(tagged->body, "body");
}

TEST(KafkaFrame, AnUnknownVersionOfApiVersionsHasAHeaderThatCanBeAnswered) {
  const Bytes frame = i16(18) + i16(99) + i32(5) + str("new") + i8(0) + "?";
  const auto request = decode_request(frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.api_version, 99);
  EXPECT_EQ(request->header.correlation_id, 5);
  EXPECT_EQ(request->body, i8(0) + "?") << "nothing is known of its tags";
}

TEST(KafkaFrame, AnUnknownApiHasAHeader) {
  const Bytes frame = i16(999) + i16(1) + i32(5) + str("new") + "?";
  const auto request = decode_request(frame);
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.api_key, 999);
  EXPECT_EQ(request->body, "?");
}

TEST(KafkaFrame, AHeaderThatIsCutOffIsRefused) {
  const Bytes head = i16(3) + i16(9) + i32(1) + str("client") + i8(1) + i8(5) + i8(2) + "xy";
  for (std::size_t n = 0; n < head.size(); ++n) {
    const Exact cut(ByteView(head).substr(0, n));
    EXPECT_EQ(decode_request(cut.view()).error(), Errc::malformed) << n;
  }
  EXPECT_TRUE(decode_request(head));
}

TEST(KafkaFrame, AClassicAnswerHasNoTags) {
  const Bytes frame = encode_response(9, 3, HeartbeatResponse{});
  EXPECT_EQ(frame, i32(10) + i32(9) + i32(0) + i16(0));
}

TEST(KafkaFrame, AFlexibleAnswerHasTagsInItsHeader) {
  const Bytes frame = encode_response(9, 4, HeartbeatResponse{});
  EXPECT_EQ(frame, i32(12) + i32(9) + i8(0) + i32(0) + i16(0) + i8(0));
}

// KIP-511.
TEST(KafkaFrame, ApiVersionsIsAnsweredWithoutTagsInTheHeaderInEveryVersion) {
  EXPECT_EQ(encode_response(9, 0, ApiVersionsResponse{}), i32(10) + i32(9) + i16(0) + i32(0));
  EXPECT_EQ(
      encode_response(9, 3, ApiVersionsResponse{}),
      i32(12) + i32(9) + i16(0) + compact_count(0) + i32(0) + i8(0)
  );
}

TEST(KafkaFrame, SaslHandshakeIsNeverFlexible) {
  const Bytes frame = i16(17) + i16(1) + i32(2) + str("c") + str("PLAIN");
  const auto request = decode_request(frame);
  ASSERT_TRUE(request);
  const auto body = decode_body<SaslHandshakeRequest>(request->body, 1);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->mechanism, "PLAIN");
  SaslHandshakeResponse response;
  response.mechanisms = {"PLAIN"};
  EXPECT_EQ(encode_response(2, 1, response), i32(17) + i32(2) + i16(0) + i32(1) + str("PLAIN"));
}

template <class RequestBody, class ResponseBody>
void expect_both_sides(Version version) {
  const Bytes asked = encode_request(41, version, "client", RequestBody{});
  const auto size = frame_bytes(asked, 1000);
  ASSERT_TRUE(size);
  ASSERT_EQ(*size, asked.size() - kLengthBytes);
  const auto request = decode_request(ByteView(asked).substr(kLengthBytes));
  ASSERT_TRUE(request);
  EXPECT_EQ(request->header.api_version, version);
  EXPECT_EQ(request->header.client_id, "client");
  EXPECT_TRUE(decode_body<RequestBody>(request->body, version));

  const Bytes answered = encode_response(41, version, ResponseBody{});
  const auto response =
      decode_response(RequestBody::kApi, version, ByteView(answered).substr(kLengthBytes));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->correlation_id, 41);
  EXPECT_TRUE(decode_body<ResponseBody>(response->body, version));
}

TEST(KafkaFrame, ClientsOfOursWriteAndReadTheOtherSide) {
  for (const int version : {0, 8, 9, 12}) {
    expect_both_sides<MetadataRequest, MetadataResponse>(static_cast<Version>(version));
  }
  for (const int version : {0, 2, 3, 4}) {
    expect_both_sides<ApiVersionsRequest, ApiVersionsResponse>(static_cast<Version>(version));
  }
}

TEST(KafkaFrame, AnAnswersHeaderThatIsCutOffIsRefused) {
  EXPECT_FALSE(decode_response(MetadataRequest::kApi, 8, Bytes(3, '\0')));
  EXPECT_FALSE(decode_response(MetadataRequest::kApi, 9, i32(1)));
}

}  // namespace
}  // namespace runnel::kafka
