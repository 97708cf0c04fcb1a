#include "hub/core/sasl/plain.h"

#include <gtest/gtest.h>

#include "tests/unit/core/sasl/accounts_of_one.h"

namespace runnel::sasl {
namespace {

using State = Step::State;

Step answer_to(ByteView token) {
  const AccountsOfOne accounts("tim", "tanstaaftanstaaf", "salt");
  return PlainExchange(accounts).step(token);
}

Bytes token_of(ByteView other, ByteView user, ByteView password) {
  return Bytes(other).append(1, '\0').append(user).append(1, '\0').append(password);
}

TEST(SaslPlain, TakesTheExampleOfRfc4616) {
  const Step done = answer_to(token_of("", "tim", "tanstaaftanstaaf"));
  EXPECT_EQ(done.state, State::success);
  EXPECT_EQ(done.user, "tim");
  EXPECT_EQ(done.token, "");
}

TEST(SaslPlain, RefusesAnotherPasswordUserOrRole) {
  EXPECT_EQ(answer_to(token_of("", "tim", "tanstaaftanstaa")).state, State::failure);
  EXPECT_EQ(answer_to(token_of("", "tom", "tanstaaftanstaaf")).state, State::failure);
  EXPECT_EQ(answer_to(token_of("Ursel", "tim", "tanstaaftanstaaf")).state, State::failure);
  EXPECT_EQ(answer_to(token_of("tim", "tim", "tanstaaftanstaaf")).state, State::success);
}

TEST(SaslPlain, RefusesTokensOfAnotherForm) {
  const Bytes good = token_of("", "tim", "tanstaaftanstaaf");
  EXPECT_EQ(answer_to("").state, State::failure);
  EXPECT_EQ(answer_to("tim").state, State::failure);
  EXPECT_EQ(answer_to(Bytes(1, '\0') + "tim").state, State::failure);
  EXPECT_EQ(answer_to(token_of("", "", "tanstaaftanstaaf")).state, State::failure);
  EXPECT_EQ(answer_to(token_of("", "tim", "")).state, State::failure);
  EXPECT_EQ(answer_to(good + Bytes(1, '\0')).state, State::failure);
  EXPECT_EQ(answer_to(token_of("", Bytes(256, 'a'), "p")).state, State::failure);
  EXPECT_EQ(answer_to(token_of("", "tim", Bytes(1025, 'a'))).state, State::failure);
  EXPECT_EQ(answer_to(Bytes(100'000, 'a')).state, State::failure);
}

}  // namespace
}  // namespace runnel::sasl
