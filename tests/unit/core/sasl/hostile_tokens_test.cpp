// Tokens that no client sends, from a seed: nothing but a failure comes of them.
#include <set>
#include <vector>

#include <gtest/gtest.h>

#include "hub/core/sasl/exchange.h"
#include "hub/core/sasl/scram_messages.h"
#include "tests/support/scram_client.h"
#include "tests/support/seed.h"
#include "tests/unit/core/sasl/accounts_of_one.h"

namespace runnel::sasl {
namespace {

using State = Step::State;

// Letters that mean something to one of the mechanisms, and some that do not.
constexpr ByteView kLetters("n,y=p\0ra2C3DcsbiwsAZ+/ m\xff", 25);

Bytes mutated(Bytes token, test::Random& random) {
  const auto below = [&](std::size_t n) {
    return static_cast<std::size_t>(random.between(0, n - 1));
  };
  for (std::size_t i = 0, n = 1 + below(4); i < n; ++i) {
    const std::size_t at = below(token.size() + 1);
    const char letter = kLetters[below(kLetters.size())];
    switch (below(4)) {
      case 0:
        token.insert(at, 1, letter);
        break;
      case 1:
        token.erase(at, 1 + below(5));
        break;
      case 2:
        if (at < token.size()) token[at] = letter;
        break;
      default:
        token.insert(at, token.substr(below(token.size() + 1), below(20)));
        break;
    }
  }
  return token;
}

class HostileTokens : public ::testing::Test {
 protected:
  test::Random random;
  AccountsOfOne accounts{"user", "pencil", "some salt"};
};

TEST_F(HostileTokens, NeverLetSomebodyInByPlain) {
  const Bytes good("\0user\0pencil", 12);
  for (int i = 0; i < 20'000; ++i) {
    const Bytes token = mutated(good, random);
    const Step done = begin_exchange(Mechanism::plain, accounts)->step(token);
    const bool right = token == good || token == "user" + good;
    ASSERT_EQ(done.state, right ? State::success : State::failure) << testing::PrintToString(token);
  }
}

TEST_F(HostileTokens, AreReadWithinTheirBounds) {
  const Bytes first = "n,a=us=2Cer,n=us=3Der,r=abcdefgh,x=y";
  const Bytes final = "c=biws,r=abcdefghijkl,x=y,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
  std::size_t read = 0;
  for (int i = 0; i < 50'000; ++i) {
    // Copies that end where the memory ends, so that a sanitizer sees who reads further.
    const Bytes a = mutated(first, random);
    const std::vector<char> tight_a(a.begin(), a.end());
    ClientFirst in_front;
    if (read_client_first({tight_a.data(), tight_a.size()}, in_front).empty()) {
      ++read;
      ASSERT_FALSE(in_front.user.empty());
      ASSERT_FALSE(in_front.nonce.empty());
      ASSERT_EQ(Bytes(in_front.gs2_header).append(in_front.bare), a);
    }
    const Bytes b = mutated(final, random);
    const std::vector<char> tight_b(b.begin(), b.end());
    ClientFinal behind;
    if (read_client_final({tight_b.data(), tight_b.size()}, behind).empty()) {
      ++read;
      ASSERT_EQ(b.find(Bytes(behind.without_proof) + ",p="), 0U);
    }
  }
  EXPECT_GT(read, 1000U) << "some have to get through, or the test looks at one refusal only";
}

TEST_F(HostileTokens, NeverLetSomebodyInByScram) {
  int asked = 0;
  for (int i = 0; i < 300; ++i) {
    const auto server = begin_exchange(Mechanism::scram_sha_256, accounts);
    test::ScramClient client(Hash::sha_256, "user", "pencil");
    const Step question = server->step(client.first());
    ASSERT_EQ(question.state, State::challenge);
    ++asked;
    const Bytes good = client.final(question.token);
    const Bytes bad = mutated(good, random);
    if (bad == good) continue;
    ASSERT_EQ(server->step(bad).state, State::failure) << bad;
  }
  EXPECT_EQ(asked, 300);
}

TEST_F(HostileTokens, NoTwoServersAskWithTheSameNonce) {
  std::set<std::string> nonces;
  for (int i = 0; i < 100; ++i) {
    const auto server = begin_exchange(Mechanism::scram_sha_256, accounts);
    nonces.insert(test::ScramClient::field(server->step("n,,n=user,r=abc").token, "r="));
  }
  EXPECT_EQ(nonces.size(), 100U);
}

}  // namespace
}  // namespace runnel::sasl
