#include "hub/core/sasl/plain.h"

#include "hub/core/sasl/sasl_limits.h"

namespace runnel::sasl {

Step PlainExchange::step(ByteView token) {
  if (token.size() > kTokenBytesMax) return failed("its token is too long");
  const std::size_t first = token.find('\0');
  if (first == ByteView::npos) return failed("its token is not one of PLAIN");
  const std::size_t second = token.find('\0', first + 1);
  if (second == ByteView::npos) return failed("its token is not one of PLAIN");
  const ByteView other = token.substr(0, first);
  const ByteView user = token.substr(first + 1, second - first - 1);
  const ByteView password = token.substr(second + 1);
  if (user.empty() || user.size() > kUserBytesMax) return failed("the length of its name");
  std::string name(user);
  if (password.empty() || password.size() > kPasswordBytesMax ||
      password.find('\0') != ByteView::npos) {
    return failed("no possible password", std::move(name));
  }
  if (!other.empty() && other != user)
    return failed("it wants to act for another", std::move(name));
  if (!accounts_.has_password(user, password)) {
    return failed("unknown user or wrong password", std::move(name));
  }
  return {Step::State::success, {}, std::move(name), {}};
}

}  // namespace runnel::sasl
