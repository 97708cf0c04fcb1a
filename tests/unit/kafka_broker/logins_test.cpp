#include <gmock/gmock.h>

#include "tests/support/scram_client.h"
#include "tests/support/seed.h"
#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using runnel::test::ScramClient;
using sasl::Hash;
using sasl::Mechanism;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Bytes kGood("\0alice\0wonder", 13);
const Bytes kWrong("\0alice\0wander", 13);

Limits asking() {
  Limits limits;
  limits.sasl_mechanisms = {Mechanism::plain, Mechanism::scram_sha_256, Mechanism::scram_sha_512};
  return limits;
}

class KafkaLogins : public ::testing::Test {
 protected:
  SaslHandshakeResponse shake(Peer& peer, Text mechanism, Version version = 1) {
    return peer.ask<SaslHandshakeResponse>(SaslHandshakeRequest{mechanism}, version);
  }

  SaslAuthenticateResponse present(Peer& peer, ByteView token, Version version = 2) {
    return peer.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{Blob{token}}, version);
  }

  void log_in(Peer& peer) {
    EXPECT_EQ(shake(peer, "PLAIN").error_code, ErrorCode::none);
    EXPECT_EQ(present(peer, kGood).error_code, ErrorCode::none);
  }

  // The hub serves it whatever it asks for.
  bool is_served(Peer& peer) {
    return !peer.closed() && peer.ask<MetadataResponse>(MetadataRequest{}).brokers.size() == 1;
  }

  // A token as it comes after SaslHandshake 0.
  void send_raw(Peer& peer, ByteView token) {
    Bytes frame;
    ByteWriter(frame).be32(static_cast<std::uint32_t>(token.size()));
    peer.send_bytes(frame.append(token));
    hub.run();
  }

  Bytes take_raw(Peer& peer) {
    Bytes& in = peer.link().to_client;
    const auto size = frame_bytes(in, 10'000);
    if (!size || !*size || in.size() < kLengthBytes + **size) {
      ADD_FAILURE() << "there is no token";
      return {};
    }
    const Bytes token = in.substr(kLengthBytes, **size);
    in.erase(0, kLengthBytes + **size);
    return token;
  }

  const Logins::Counters& counters() { return hub.broker().logins().counters(); }

  KafkaHub hub{asking(), {{"alice", "wonder", {}, {}}, {"bob", "builder", {}, {}}}};
};

TEST_F(KafkaLogins, PlainInSaslAuthenticateOpensTheDoor) {
  for (Version version = 0; version <= 2; ++version) {
    Peer peer(hub);
    const auto offered = shake(peer, "PLAIN");
    EXPECT_EQ(offered.error_code, ErrorCode::none);
    EXPECT_THAT(offered.mechanisms, ElementsAre("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"));
    const auto answer = present(peer, kGood, version);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    EXPECT_EQ(answer.auth_bytes.bytes, "");
    EXPECT_EQ(answer.session_lifetime_ms, 0);
    EXPECT_TRUE(is_served(peer));
  }
  EXPECT_EQ(counters().succeeded, 3U);
}

TEST_F(KafkaLogins, ScramInSaslAuthenticateOpensTheDoor) {
  for (const Hash hash : {Hash::sha_256, Hash::sha_512}) {
    Peer peer(hub);
    shake(peer, hash == Hash::sha_256 ? "SCRAM-SHA-256" : "SCRAM-SHA-512");
    ScramClient client(hash, "alice", "wonder");
    const auto asked = present(peer, client.first());
    EXPECT_EQ(asked.error_code, ErrorCode::none);
    const auto done = present(peer, client.final(std::string(asked.auth_bytes.bytes)));
    EXPECT_EQ(done.error_code, ErrorCode::none);
    EXPECT_EQ(done.auth_bytes.bytes, client.expected_last());
    EXPECT_TRUE(is_served(peer));
  }
}

TEST_F(KafkaLogins, AfterHandshake0TokensComeBare) {
  Peer peer(hub);
  EXPECT_EQ(shake(peer, "PLAIN", 0).error_code, ErrorCode::none);
  send_raw(peer, kGood);
  EXPECT_EQ(take_raw(peer), "");
  EXPECT_TRUE(is_served(peer));

  Peer other(hub);
  shake(other, "SCRAM-SHA-512", 0);
  ScramClient client(Hash::sha_512, "bob", "builder");
  send_raw(other, client.first());
  send_raw(other, client.final(take_raw(other)));
  EXPECT_EQ(take_raw(other), client.expected_last());
  EXPECT_TRUE(is_served(other));
}

TEST_F(KafkaLogins, TokensMayBeCutAnywhereAndFollowEachOtherAtOnce) {
  Peer peer(hub);
  peer.post(SaslHandshakeRequest{"PLAIN"}, 0);
  Bytes frame;
  ByteWriter(frame).be32(static_cast<std::uint32_t>(kGood.size()));
  peer.link().to_hub += frame + kGood;
  while (hub.receive(peer.link(), 1)) {
  }
  EXPECT_EQ(peer.take<SaslHandshakeResponse>().error_code, ErrorCode::none);
  EXPECT_EQ(take_raw(peer), "");
  EXPECT_TRUE(is_served(peer));
}

TEST_F(KafkaLogins, AMechanismThatIsNotEnabledIsRefusedWithThoseThatAre) {
  hub.limits.sasl_mechanisms = {Mechanism::scram_sha_512};
  hub.reload();
  Peer peer(hub);
  for (const Text mechanism : {"GSSAPI", "PLAIN", "scram-sha-512", ""}) {
    const auto answer = shake(peer, mechanism);
    EXPECT_EQ(answer.error_code, ErrorCode::unsupported_sasl_mechanism) << mechanism;
    EXPECT_THAT(answer.mechanisms, ElementsAre("SCRAM-SHA-512"));
  }
  EXPECT_EQ(shake(peer, "SCRAM-SHA-512").error_code, ErrorCode::none) << "it may choose another";
}

TEST_F(KafkaLogins, AWrongPasswordIsAnswered58AndTheConnectionClosedAfterAMoment) {
  Peer peer(hub);
  shake(peer, "PLAIN");
  peer.send(SaslAuthenticateRequest{Blob{kWrong}}, 2);
  peer.post(MetadataRequest{}, 1, false);
  hub.run();
  EXPECT_FALSE(peer.answered());
  ASSERT_TRUE(hub.broker().deadline());
  EXPECT_EQ(*hub.broker().deadline(), hub.now() + hub.limits.failed_login_delay);
  hub.advance(hub.limits.failed_login_delay - milliseconds(1));
  EXPECT_FALSE(peer.answered());
  EXPECT_FALSE(peer.closed());
  hub.advance(milliseconds(1));
  const auto answer = peer.take<SaslAuthenticateResponse>();
  EXPECT_EQ(answer.error_code, ErrorCode::sasl_authentication_failed);
  EXPECT_THAT(
      std::string(answer.error_message.value_or("")), ::testing::HasSubstr("wrong password")
  );
  EXPECT_TRUE(peer.closed());
  EXPECT_FALSE(peer.answered()) << "what was asked behind it is not served";
  EXPECT_EQ(counters().failed, 1U);
}

TEST_F(KafkaLogins, AWrongProofGetsScramsErrorToo) {
  for (const std::string user : {"alice", "nobody"}) {
    Peer peer(hub);
    shake(peer, "SCRAM-SHA-256");
    ScramClient client(Hash::sha_256, user, "wrong");
    const auto asked = present(peer, client.first());
    peer.send(SaslAuthenticateRequest{Blob{client.final(std::string(asked.auth_bytes.bytes))}}, 2);
    hub.advance(hub.limits.failed_login_delay);
    const auto answer = peer.take<SaslAuthenticateResponse>();
    EXPECT_EQ(answer.error_code, ErrorCode::sasl_authentication_failed) << user;
    EXPECT_EQ(answer.auth_bytes.bytes, "e=invalid-proof") << user;
    EXPECT_TRUE(peer.closed());
  }
}

TEST_F(KafkaLogins, AWrongBareTokenIsAnsweredByTheEndOfTheConnection) {
  Peer peer(hub);
  shake(peer, "PLAIN", 0);
  send_raw(peer, kWrong);
  EXPECT_FALSE(peer.closed());
  hub.advance(hub.limits.failed_login_delay);
  EXPECT_TRUE(peer.closed());
  EXPECT_FALSE(peer.answered());
}

TEST_F(KafkaLogins, OneWhoLeavesBeforeTheAnswerIsForgotten) {
  Peer peer(hub);
  shake(peer, "PLAIN");
  peer.send(SaslAuthenticateRequest{Blob{kWrong}}, 2);
  hub.close(peer.link());
  hub.advance(hub.limits.failed_login_delay);
  EXPECT_FALSE(hub.broker().deadline());
}

TEST_F(KafkaLogins, StrangersAreServedNothingButTheWayIn) {
  Peer asks(hub);
  EXPECT_EQ(
      asks.ask<ApiVersionsResponse>(ApiVersionsRequest{"a", "1"}).error_code, ErrorCode::none
  );
  shake(asks, "PLAIN");
  EXPECT_EQ(
      asks.ask<ApiVersionsResponse>(ApiVersionsRequest{"a", "1"}).error_code, ErrorCode::none
  );
  for (const bool after_handshake : {false, true}) {
    Peer peer(hub);
    if (after_handshake) shake(peer, "PLAIN");
    peer.send(MetadataRequest{});
    hub.run();
    EXPECT_TRUE(peer.closed());
    EXPECT_FALSE(peer.answered());
  }
  EXPECT_EQ(counters().turned_away, 2U);
  EXPECT_THAT(hub.topics().all(), IsEmpty());
}

TEST_F(KafkaLogins, ATokenWithoutAHandshakeIsOutOfOrder) {
  Peer peer(hub);
  EXPECT_EQ(present(peer, kGood).error_code, ErrorCode::illegal_sasl_state);
  EXPECT_TRUE(peer.closed());
}

TEST_F(KafkaLogins, StrangersMayNotMakeTheHubHoldLargeRequests) {
  Peer peer(hub);
  Bytes length;
  ByteWriter(length).be32(static_cast<std::uint32_t>(hub.limits.stranger_bytes_max + 1));
  peer.send_bytes(length);
  EXPECT_TRUE(peer.closed());
  Peer known(hub);
  log_in(known);
  known.send_bytes(length);
  EXPECT_FALSE(known.closed());
}

TEST_F(KafkaLogins, StrangersThatDoNotTakeTheirAnswersAreReadNoFurther) {
  hub.limits.stranger_bytes_max = 2000;
  hub.reload();
  Peer peer(hub);
  peer.link().takes_answers = false;
  for (int i = 0; i < 200; ++i) {
    peer.post(ApiVersionsRequest{"a", "1"});
    hub.receive(peer.link(), 1 << 20);
  }
  EXPECT_FALSE(peer.link().to_hub.empty());
  EXPECT_LT(peer.link().to_client.size(), 4000U);
}

TEST_F(KafkaLogins, StrangersMayNotStayForLong) {
  Peer silent(hub);
  Peer half_way(hub);
  Peer known(hub);
  log_in(known);
  shake(half_way, "SCRAM-SHA-256");
  hub.advance(hub.limits.login_time_max - milliseconds(1));
  EXPECT_FALSE(silent.closed());
  hub.advance(std::chrono::seconds(1));
  EXPECT_TRUE(silent.closed());
  EXPECT_TRUE(half_way.closed());
  EXPECT_TRUE(is_served(known));
}

TEST_F(KafkaLogins, WhereNobodyIsAskedSaslIsOutOfPlace) {
  KafkaHub open_hub;
  Peer peer(open_hub);
  for (Version version = 0; version <= 1; ++version) {
    peer.post(SaslHandshakeRequest{"PLAIN"}, version);
    open_hub.run();
    const auto answer = peer.take<SaslHandshakeResponse>();
    EXPECT_EQ(answer.error_code, ErrorCode::illegal_sasl_state);
    EXPECT_THAT(answer.mechanisms, IsEmpty());
  }
  peer.post(SaslAuthenticateRequest{Blob{kGood}}, 2);
  open_hub.run();
  EXPECT_EQ(peer.take<SaslAuthenticateResponse>().error_code, ErrorCode::illegal_sasl_state);
  peer.post(MetadataRequest{});
  open_hub.run();
  EXPECT_EQ(peer.take<MetadataResponse>().brokers.size(), 1U);
}

TEST_F(KafkaLogins, OneWhoIsInMayLogInAgainAsTheSameUserAndIsServedMeanwhile) {
  Peer peer(hub);
  log_in(peer);
  EXPECT_EQ(shake(peer, "PLAIN", 0).error_code, ErrorCode::illegal_sasl_state) << "only by 1";
  EXPECT_EQ(shake(peer, "SCRAM-SHA-256").error_code, ErrorCode::none);
  ScramClient client(Hash::sha_256, "alice", "wonder");
  const auto asked = present(peer, client.first());
  EXPECT_TRUE(is_served(peer));
  const auto done = present(peer, client.final(std::string(asked.auth_bytes.bytes)));
  EXPECT_EQ(done.error_code, ErrorCode::none);
  EXPECT_TRUE(is_served(peer));
}

TEST_F(KafkaLogins, OneWhoIsInMayNotBecomeAnother) {
  Peer peer(hub);
  log_in(peer);
  shake(peer, "PLAIN");
  peer.send(SaslAuthenticateRequest{Blob{Bytes("\0bob\0builder", 12)}}, 2);
  hub.advance(hub.limits.failed_login_delay);
  EXPECT_EQ(
      peer.take<SaslAuthenticateResponse>().error_code, ErrorCode::sasl_authentication_failed
  );
  EXPECT_TRUE(peer.closed());
}

TEST_F(KafkaLogins, AReloadLeavesThoseAloneWhoseUsersStay) {
  Peer alice(hub);
  log_in(alice);
  Peer stranger(hub);
  shake(stranger, "PLAIN");
  hub.users.push_back({"carol", "new", {}, {}});
  hub.reload();
  EXPECT_TRUE(is_served(alice));
  EXPECT_EQ(present(stranger, Bytes("\0carol\0new", 10)).error_code, ErrorCode::none);
}

TEST_F(KafkaLogins, AReloadThatTakesAUserAwayEndsItsConnections) {
  Peer alice(hub);
  log_in(alice);
  hub.users.erase(hub.users.begin());
  hub.reload();
  EXPECT_TRUE(alice.closed());
  Peer again(hub);
  shake(again, "PLAIN");
  again.send(SaslAuthenticateRequest{Blob{kGood}}, 2);
  hub.advance(hub.limits.failed_login_delay);
  EXPECT_TRUE(again.closed());
}

TEST(KafkaLoginsOnReload, StrangersHaveToGoWhenEverybodyIsAsked) {
  KafkaHub hub({}, {{"alice", "wonder", {}, {}}});
  Peer peer(hub);
  peer.ask<MetadataResponse>(MetadataRequest{});
  hub.limits = asking();
  hub.reload();
  EXPECT_TRUE(peer.closed());
}

TEST_F(KafkaLogins, ArbitraryBytesOfStrangersOpenNothing) {
  runnel::test::Random random;
  for (int i = 0; i < 500; ++i) {
    Peer peer(hub);
    if (random.one_in(2)) shake(peer, "PLAIN", random.one_in(2) ? 1 : 0);
    Bytes bytes;
    ByteWriter(bytes).be32(static_cast<std::uint32_t>(random.between(0, 60)));
    if (random.one_in(2)) ByteWriter(bytes).be16(36);
    peer.send_bytes(bytes + random.bytes(random.between(0, 200)));
    hub.run();
    hub.advance(hub.limits.failed_login_delay);
    hub.close(peer.link());
  }
  EXPECT_EQ(counters().succeeded, 0U);
  EXPECT_EQ(hub.broker().connections(), 0U);
}

}  // namespace
}  // namespace runnel::kafka::test
