#include <gmock/gmock.h>

#include "tests/support/scram_client.h"
#include "tests/unit/kafka_broker/peer.h"

namespace runnel::kafka::test {
namespace {

using runnel::test::ScramClient;
using sasl::Hash;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Alter = AlterUserScramCredentialsRequest;

// As a client makes it: with the password stretched.
class Upsertion {
 public:
  Upsertion(std::string user, std::string password, Hash hash = Hash::sha_256)
      : user_(std::move(user)), salted_(sasl::stretched(hash, password, "salt", 4096)) {
    made.name = user_;
    made.mechanism = hash == Hash::sha_256 ? ScramMechanism::sha_256 : ScramMechanism::sha_512;
    made.iterations = 4096;
    made.salt = Blob{"salt"};
    made.salted_password = Blob{salted_};
  }

  Upsertion(const Upsertion&) = delete;
  Upsertion& operator=(const Upsertion&) = delete;

  Alter::Upsertion made;

 private:
  std::string user_;
  Bytes salted_;
};

class KafkaScramCredentials : public ::testing::Test {
 protected:
  std::vector<std::string> alter(const Alter& request) {
    std::vector<std::string> out;
    for (const auto& r : peer.ask<AlterUserScramCredentialsResponse>(request).results) {
      out.push_back(std::string(r.user) + " " + std::to_string(static_cast<int>(r.error_code)));
      message = std::string(r.error_message.value_or(""));
    }
    return out;
  }

  // "alice 0 256:4096 512:4096"
  std::vector<std::string> describe(const std::vector<Text>& users = {}) {
    DescribeUserScramCredentialsRequest request;
    if (!users.empty()) request.users.emplace();
    for (const Text user : users) request.users->push_back({user});
    std::vector<std::string> out;
    const auto answer = peer.ask<DescribeUserScramCredentialsResponse>(request);
    EXPECT_EQ(answer.error_code, ErrorCode::none);
    for (const auto& r : answer.results) {
      std::string line = std::string(r.user) + " " + std::to_string(static_cast<int>(r.error_code));
      for (const auto& c : r.credential_infos) {
        line += c.mechanism == ScramMechanism::sha_256 ? " 256:" : " 512:";
        line += std::to_string(c.iterations);
      }
      out.push_back(line);
    }
    return out;
  }

  bool logs_in(const std::string& user, const std::string& password) {
    hub.limits.sasl_mechanisms = {sasl::Mechanism::scram_sha_256};
    hub.broker().set_limits(hub.limits);
    Peer other(hub);
    other.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"SCRAM-SHA-256"}, 1);
    ScramClient client(Hash::sha_256, user, password);
    const std::string first = client.first();
    const auto asked = other.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{Blob{first}});
    const std::string final = client.final(std::string(asked.auth_bytes.bytes));
    other.send(SaslAuthenticateRequest{Blob{final}});
    hub.advance(hub.limits.failed_login_delay);
    const bool in = other.take<SaslAuthenticateResponse>().error_code == ErrorCode::none;
    EXPECT_EQ(other.closed(), !in);
    hub.limits.sasl_mechanisms.clear();
    hub.broker().set_limits(hub.limits);
    return in;
  }

  KafkaHub hub{{}, {{"alice", "wonder", {}, {}}}};
  Peer peer{hub};
  std::string message;  // of the last result
};

TEST_F(KafkaScramCredentials, AUserThatIsSetLogsInAlsoAfterARestart) {
  const Upsertion carol("carol", "secret");
  EXPECT_THAT(alter({{}, {carol.made}}), ElementsAre("carol 0"));
  EXPECT_TRUE(logs_in("carol", "secret"));
  EXPECT_FALSE(logs_in("carol", "guess"));
  hub.restart();
  peer.reconnect();
  EXPECT_TRUE(logs_in("carol", "secret"));
  const Upsertion again("carol", "changed");
  EXPECT_THAT(alter({{}, {again.made}}), ElementsAre("carol 0"));
  EXPECT_FALSE(logs_in("carol", "secret"));
  EXPECT_TRUE(logs_in("carol", "changed"));
}

TEST_F(KafkaScramCredentials, AreAnsweredWhenTheyAreDurable) {
  const Upsertion carol("carol", "secret");
  peer.send(Alter{{}, {carol.made}});
  EXPECT_FALSE(peer.answered());
  hub.commit();
  EXPECT_FALSE(peer.answered());
  hub.settle();
  EXPECT_EQ(peer.take<AlterUserScramCredentialsResponse>().results.size(), 1U);
}

TEST_F(KafkaScramCredentials, AUserThatIsRemovedIsGoneAlsoAfterARestart) {
  const Upsertion one("carol", "a");
  const Upsertion two("carol", "b", Hash::sha_512);
  alter({{}, {one.made, two.made}});
  EXPECT_THAT(describe({"carol"}), ElementsAre("carol 0 256:4096 512:4096"));
  EXPECT_THAT(alter({{{"carol", ScramMechanism::sha_512}}, {}}), ElementsAre("carol 0"));
  EXPECT_THAT(describe({"carol"}), ElementsAre("carol 0 256:4096"));
  EXPECT_THAT(alter({{{"carol", ScramMechanism::sha_256}}, {}}), ElementsAre("carol 0"));
  EXPECT_THAT(describe({"carol"}), ElementsAre("carol 91"));
  hub.restart();
  peer.reconnect();
  EXPECT_THAT(describe({"carol"}), ElementsAre("carol 91"));
  EXPECT_FALSE(logs_in("carol", "a"));
}

TEST_F(KafkaScramCredentials, OfTheConfigurationAreSeenButNotAltered) {
  EXPECT_THAT(describe(), ElementsAre("alice 0 256:4096 512:4096"));
  const Upsertion taken("alice", "mine");
  EXPECT_THAT(alter({{}, {taken.made}}), ElementsAre("alice 44"));
  EXPECT_THAT(message, HasSubstr("configuration file"));
  EXPECT_THAT(alter({{{"alice", ScramMechanism::sha_256}}, {}}), ElementsAre("alice 44"));
  EXPECT_TRUE(logs_in("alice", "wonder"));
}

TEST_F(KafkaScramCredentials, ThatCannotBeAreRefusedWithoutHarmToOthers) {
  const Upsertion good("good", "p");
  const auto with = [&](auto change) {
    auto changed = good.made;
    changed.name = "bad";
    change(changed);
    return alter({{}, {changed, good.made}});
  };
  EXPECT_THAT(with([](auto& u) { u.name = ""; }), ElementsAre(" 93", "good 0"));
  EXPECT_THAT(with([](auto& u) { u.name = "a\nb"; }), ElementsAre("a\nb 93", "good 0"));
  EXPECT_THAT(
      with([](auto& u) { u.mechanism = ScramMechanism(3); }), ElementsAre("bad 33", "good 0")
  );
  EXPECT_THAT(with([](auto& u) { u.iterations = 4095; }), ElementsAre("bad 93", "good 0"));
  EXPECT_THAT(with([](auto& u) { u.iterations = 16385; }), ElementsAre("bad 93", "good 0"));
  EXPECT_THAT(with([](auto& u) { u.iterations = -1; }), ElementsAre("bad 93", "good 0"));
  EXPECT_THAT(with([](auto& u) { u.salt.bytes = ""; }), ElementsAre("bad 93", "good 0"));
  EXPECT_THAT(
      with([](auto& u) { u.salted_password.bytes = "short"; }), ElementsAre("bad 93", "good 0")
  );
  EXPECT_THAT(alter({{{"nobody", ScramMechanism::sha_256}}, {}}), ElementsAre("nobody 91"));
  EXPECT_THAT(alter({{{"good", ScramMechanism::sha_512}}, {}}), ElementsAre("good 91"));
  EXPECT_THAT(describe(), ElementsAre("alice 0 256:4096 512:4096", "good 0 256:4096"));
}

TEST_F(KafkaScramCredentials, TwoChangesOfOneInARequestAreNone) {
  const Upsertion one("carol", "a");
  const Upsertion two("carol", "b");
  EXPECT_THAT(alter({{}, {one.made, two.made}}), ElementsAre("carol 92"));
  EXPECT_THAT(alter({{{"carol", ScramMechanism::sha_256}}, {one.made}}).size(), 1U);
  EXPECT_THAT(describe({"carol"}), ElementsAre("carol 91"));
  EXPECT_THAT(describe({"alice", "alice"}), ElementsAre("alice 92"));
}

TEST_F(KafkaScramCredentials, AreBounded) {
  const Bytes salted(32, 's');
  std::vector<std::string> names;
  for (std::size_t i = 0; i <= core::kStoredUsersMax; ++i) names.push_back("u" + std::to_string(i));
  Alter request;
  for (const std::string& name : names) {
    request.upsertions.push_back({name, ScramMechanism::sha_256, 4096, Blob{"salt"}, Blob{salted}});
  }
  const auto results = alter(request);
  EXPECT_EQ(results.back(), names.back() + " 44");
  EXPECT_EQ(
      std::count_if(
          results.begin(), results.end(), [](const auto& r) { return r.ends_with(" 0"); }
      ),
      static_cast<std::ptrdiff_t>(core::kStoredUsersMax)
  );
  EXPECT_EQ(describe().size(), core::kStoredUsersMax + 1);
}

TEST_F(KafkaScramCredentials, RemovingAUserEndsItsConnections) {
  const Upsertion carol("carol", "secret");
  alter({{}, {carol.made}});
  hub.limits.sasl_mechanisms = {sasl::Mechanism::scram_sha_256, sasl::Mechanism::plain};
  hub.broker().set_limits(hub.limits);
  Peer logged_in(hub);
  logged_in.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"SCRAM-SHA-256"}, 1);
  ScramClient client(Hash::sha_256, "carol", "secret");
  const std::string first = client.first();
  const auto asked = logged_in.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{Blob{first}});
  const std::string final = client.final(std::string(asked.auth_bytes.bytes));
  logged_in.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{Blob{final}});
  Peer admin(hub);
  admin.ask<SaslHandshakeResponse>(SaslHandshakeRequest{"PLAIN"}, 1);
  admin.ask<SaslAuthenticateResponse>(SaslAuthenticateRequest{Blob{ByteView("\0alice\0wonder", 13)}}
  );
  EXPECT_FALSE(logged_in.closed());
  const auto done =
      admin.ask<AlterUserScramCredentialsResponse>(Alter{{{"carol", ScramMechanism::sha_256}}, {}});
  EXPECT_EQ(done.results.at(0).error_code, ErrorCode::none);
  EXPECT_TRUE(logged_in.closed());
}

}  // namespace
}  // namespace runnel::kafka::test
