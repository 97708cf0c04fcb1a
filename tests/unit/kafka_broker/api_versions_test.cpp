#include <gmock/gmock.h>

#include "hub/kafka_broker/dispatch.h"
#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

// A request with a header and nothing behind it.
Bytes bare_request(std::int16_t key, Version version) {
  Bytes frame;
  ByteWriter w(frame);
  w.be32(10);
  w.be16(static_cast<std::uint16_t>(key));
  w.be16(static_cast<std::uint16_t>(version));
  w.be32(7);
  w.be16(0xffff);
  return frame;
}

TEST(KafkaApiVersions, NamesWhatHasAHandler) {
  KafkaHub hub;
  Peer peer(hub);
  for (Version v = 0; v <= ApiVersionsRequest::kApi.max; ++v) {
    const auto answer = peer.ask<ApiVersionsResponse>(ApiVersionsRequest{"kcat", "1.7.1"}, v);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    ASSERT_EQ(answer.api_keys.size(), handled_apis().size());
    for (std::size_t i = 0; i < answer.api_keys.size(); ++i) {
      EXPECT_EQ(answer.api_keys[i].api_key, handled_apis()[i].key);
      EXPECT_EQ(answer.api_keys[i].min_version, handled_apis()[i].min);
      EXPECT_EQ(answer.api_keys[i].max_version, handled_apis()[i].max);
    }
  }
}

TEST(KafkaApiVersions, OfAnUnknownVersionAnswers35InVersion0) {
  KafkaHub hub;
  Peer peer(hub);
  peer.send_bytes(bare_request(18, 99));
  ASSERT_FALSE(peer.closed());
  const ByteView out = peer.link().to_client;
  const auto size = frame_bytes(out, 10'000);
  ASSERT_TRUE(size && *size);
  ASSERT_EQ(out.size(), kLengthBytes + **size);
  const auto response = decode_response(ApiVersionsResponse::kApi, 0, out.substr(kLengthBytes));
  ASSERT_TRUE(response);
  EXPECT_EQ(response->correlation_id, 7);
  const auto body = decode_body<ApiVersionsResponse>(response->body, 0);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->error_code, ErrorCode::unsupported_version);
  EXPECT_EQ(body->api_keys.size(), handled_apis().size());
  EXPECT_EQ(response->body.size(), 2 + 4 + 6 * body->api_keys.size()) << "nothing behind version 0";
}

TEST(KafkaApiVersions, OfSoftwareWithANameThatIsNoneAnswersInvalidRequest) {
  KafkaHub hub;
  Peer peer(hub);
  const std::pair<Text, Text> kNames[] = {
      {"", "1"}, {"a", ""}, {"-a", "1"}, {"a.", "1"}, {"a b", "1"}, {"a", "1\n"}};
  for (const auto& [name, version] : kNames) {
    const ApiVersionsRequest request{name, version};
    EXPECT_EQ(peer.ask<ApiVersionsResponse>(request, 3).error_code, ErrorCode::invalid_request);
    EXPECT_EQ(peer.ask<ApiVersionsResponse>(request, 2).error_code, ErrorCode::none);
  }
}

TEST(KafkaApiVersions, AnUnknownApiClosesTheConnection) {
  KafkaHub hub;
  for (const int key : {4, 27, 75, 1000, -1}) {
    Peer peer(hub);
    peer.send_bytes(bare_request(static_cast<std::int16_t>(key), 0));
    EXPECT_TRUE(peer.closed()) << key;
    EXPECT_FALSE(peer.answered());
  }
}

TEST(KafkaApiVersions, AnUnknownVersionClosesTheConnection) {
  KafkaHub hub;
  for (const Api& api : handled_apis()) {
    if (api.key == ApiKey::api_versions) continue;
    for (const int version : {api.oldest_served() - 1, api.max + 1, 0x7fff}) {
      Peer peer(hub);
      peer.send_bytes(
          bare_request(static_cast<std::int16_t>(api.key), static_cast<Version>(version))
      );
      EXPECT_TRUE(peer.closed()) << static_cast<int>(api.key) << " " << version;
    }
  }
}

TEST(KafkaApiVersions, AnswersBeforeACloseAreSent) {
  KafkaHub hub;
  Peer peer(hub);
  peer.post(ApiVersionsRequest{"a", "1"});
  peer.link().to_hub += bare_request(1000, 0);
  hub.run();
  EXPECT_TRUE(peer.closed());
  EXPECT_EQ(peer.take<ApiVersionsResponse>().error_code, ErrorCode::none);
}

}  // namespace
}  // namespace runnel::kafka::test
