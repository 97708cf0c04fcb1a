#include "hub/core/sasl/scram.h"

#include <gtest/gtest.h>

#include "tests/support/scram_client.h"
#include "tests/unit/core/sasl/accounts_of_one.h"

namespace runnel::sasl {
namespace {

using State = Step::State;
using test::ScramClient;

class ScramTest : public ::testing::Test {
 protected:
  ScramExchange exchange(Hash hash = Hash::sha_256) {
    return ScramExchange(hash, accounts, "servernonce");
  }

  // The answer to a first message.
  Step first(ByteView message) { return exchange().step(message); }

  // The answer to a last message, made from a good one.
  template <class Change>
  Step last(Change&& change) {
    ScramExchange server = exchange();
    ScramClient client(Hash::sha_256, "user", "pencil");
    const Step asked = server.step(client.first());
    return server.step(change(client.final(asked.token)));
  }

  AccountsOfOne accounts{"user", "pencil", "some salt"};
};

TEST_F(ScramTest, AnswersTheExampleOfRfc7677) {
  const AccountsOfOne rfc("user", "pencil", *decode_base64("W22ZaJ0SNY7soEsUEjb6gQ=="));
  ScramExchange server(Hash::sha_256, rfc, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0");
  const Step asked = server.step("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(asked.state, State::challenge);
  EXPECT_EQ(
      asked.token,
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
  );
  const Step done = server.step(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
      "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
  );
  EXPECT_EQ(done.state, State::success);
  EXPECT_EQ(done.user, "user");
  EXPECT_EQ(done.token, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
}

// The same conversation with the longer hash; the values are those of another implementation.
TEST_F(ScramTest, AnswersTheSameExampleWithSha512) {
  const AccountsOfOne rfc(
      "user", "pencil", *decode_base64("Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=")
  );
  ScramExchange server(Hash::sha_512, rfc, "02431b08-2f89-4bad-a4e6-80c0564ec865");
  const Step asked = server.step("n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
  EXPECT_EQ(asked.state, State::challenge);
  const Step done = server.step(
      "c=biws,r=rOprNGfwEbeRWgbNEkqO02431b08-2f89-4bad-a4e6-80c0564ec865,"
      "p=Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/"
      "Wr6qm9xmaHt4A=="
  );
  EXPECT_EQ(done.state, State::success);
  EXPECT_EQ(
      done.token,
      "v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+"
      "bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw=="
  );
}

TEST_F(ScramTest, LetsAClientInThatProvesThePasswordAndProvesItToo) {
  for (const Hash hash : {Hash::sha_256, Hash::sha_512}) {
    for (const std::string header : {"n,,", "y,,", "n,a=user,"}) {
      ScramExchange server = exchange(hash);
      ScramClient client(hash, "user", "pencil");
      client.gs2_header = header;
      const Step done = server.step(client.final(server.step(client.first()).token));
      EXPECT_EQ(done.state, State::success) << header;
      EXPECT_EQ(done.token, client.expected_last());
    }
  }
}

// What librdkafka 2.0 sends: c1 + c1 + s1 where c1 + s1 belongs.
TEST_F(ScramTest, TakesANonceWithSomethingInFront) {
  ScramExchange server = exchange();
  ScramClient client(Hash::sha_256, "user", "pencil");
  client.in_front_of_nonce = "clientnonce";
  const Step done = server.step(client.final(server.step(client.first()).token));
  EXPECT_EQ(done.state, State::success);
  EXPECT_EQ(done.token, client.expected_last());
}

TEST_F(ScramTest, UndoesWhatANameMustNotHold) {
  accounts = AccountsOfOne("a,b=c", "pencil", "some salt");
  ScramExchange server = exchange();
  ScramClient client(Hash::sha_256, "a=2Cb=3Dc", "pencil");
  const Step done = server.step(client.final(server.step(client.first()).token));
  EXPECT_EQ(done.state, State::success);
  EXPECT_EQ(done.user, "a,b=c");
}

TEST_F(ScramTest, AWrongPasswordAndAnUnknownUserFailAtTheSamePlaceWithTheSameWords) {
  std::vector<std::string> answers;
  for (const std::string user : {"user", "nobody"}) {
    ScramExchange server = exchange();
    ScramClient client(Hash::sha_256, user, user == "user" ? "wrong" : "pencil");
    const Step asked = server.step(client.first());
    EXPECT_EQ(asked.state, State::challenge);
    answers.push_back(asked.token);
    const Step done = server.step(client.final(asked.token));
    EXPECT_EQ(done.state, State::failure);
    answers.push_back(done.token);
  }
  EXPECT_EQ(answers[0], answers[2]);
  EXPECT_EQ(answers[1], answers[3]);
  EXPECT_EQ(answers[1], "e=invalid-proof");
}

TEST_F(ScramTest, EvenThePasswordOfAMadeUpCredentialLetsNobodyIn) {
  ScramExchange server = exchange();
  ScramClient client(Hash::sha_256, "nobody", "made up");
  const Step asked = server.step(client.first());
  EXPECT_EQ(server.step(client.final(asked.token)).state, State::failure);
}

TEST_F(ScramTest, RefusesChannelBindingAndMandatoryExtensions) {
  EXPECT_EQ(first("p=tls-unique,,n=user,r=abc").token, "e=channel-binding-not-supported");
  EXPECT_EQ(first("n,,m=more,n=user,r=abc").token, "e=extensions-not-supported");
  EXPECT_EQ(first("n,,n=user,r=abc,x=optional").state, State::challenge);
}

TEST_F(ScramTest, RefusesFirstMessagesOfAnotherForm) {
  const std::string long_one(256, 'a');
  for (const std::string name : {"a=b", "a=2c", "=", "=2", "", long_one.c_str()}) {
    EXPECT_EQ(first("n,,n=" + name + ",r=abc").token, "e=invalid-username-encoding") << name;
  }
  EXPECT_EQ(first("n,a=an=other,n=user,r=abc").token, "e=invalid-username-encoding");
  for (const std::string message :
       {"",
        "n",
        "n,",
        "n,,",
        "n=user,r=abc",
        "x,,n=user,r=abc",
        "n,,r=abc",
        "n,,n=user",
        "n,,n=user,",
        "n,,n=user,r=",
        "n,,n=user,r=a b",
        "n,,n=user,r=\x7f",
        "n,,n=user,r=\xc3\xa4"}) {
    EXPECT_EQ(first(message).token, "e=invalid-encoding") << message;
  }
  EXPECT_EQ(first("n,,n=user,r=" + std::string(257, 'x')).token, "e=invalid-encoding");
  EXPECT_EQ(first("n,a=other,n=user,r=abc").token, "e=other-error");
  EXPECT_EQ(first("n,,n=user,r=abc," + std::string(9000, 'x')).token, "e=other-error");
  EXPECT_EQ(accounts.looked_up, 0) << "nobody was asked about any of these";
}

TEST_F(ScramTest, RefusesLastMessagesOfAnotherForm) {
  const auto without = [](const std::string& field) {
    return [field](std::string message) {
      const auto at = message.find(field);
      const auto end = message.find(',', at + 1);
      return message.erase(at, end == std::string::npos ? end : end - at);
    };
  };
  EXPECT_EQ(last([](std::string m) { return m; }).state, State::success);
  EXPECT_EQ(last(without(",p=")).token, "e=invalid-encoding");
  EXPECT_EQ(last(without(",r=")).token, "e=invalid-encoding");
  EXPECT_EQ(last([](const std::string& m) { return m.substr(2); }).token, "e=invalid-encoding");
  EXPECT_EQ(last([](const std::string&) { return ""; }).token, "e=invalid-encoding");
  EXPECT_EQ(last([](const std::string& m) { return m + "A"; }).token, "e=invalid-encoding");
  const auto other_nonce = [](std::string m) { return m.insert(m.find(",p="), "x"); };
  EXPECT_EQ(last(other_nonce).token, "e=other-error");
  const auto bound = [](std::string m) { return m.replace(0, 6, "c=eSws"); };
  EXPECT_EQ(last(bound).token, "e=channel-bindings-dont-match");
  const auto short_proof = [](const std::string& m) {
    return m.substr(0, m.find(",p=")) + ",p=Zg==";
  };
  EXPECT_EQ(last(short_proof).token, "e=invalid-proof");
  const auto long_one = [](const std::string& m) { return std::string(9000, 'x') + m; };
  EXPECT_EQ(last(long_one).token, "e=other-error");
}

TEST_F(ScramTest, EveryFlippedBitOfAProofIsRefused) {
  std::string good;
  last([&](std::string m) { return good = m; });
  const auto from = good.find(",p=") + 3;
  const Bytes proof = *decode_base64(good.substr(from));
  for (std::size_t bit = 0; bit < proof.size() * 8; bit += 7) {
    const Step done = last([&](const std::string& m) {
      Bytes bad = *decode_base64(m.substr(from));
      bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
      return m.substr(0, from) + encode_base64(bad);
    });
    EXPECT_EQ(done.state, State::failure) << bit;
  }
}

}  // namespace
}  // namespace runnel::sasl
