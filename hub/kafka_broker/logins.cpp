#include "hub/kafka_broker/logins.h"

#include <algorithm>
#include <utility>

#include "hub/kafka/exchanges.h"
#include "hub/kafka_broker/broker.h"
#include "hub/kafka_broker/dispatch.h"
#include "storage/base/logger.h"

namespace runnel::kafka {
namespace {

using State = sasl::Step::State;

constexpr std::chrono::seconds kSayEvery{10};
constexpr std::chrono::seconds kLookEvery{1};
constexpr std::size_t kSaidBytesMax = 64;
constexpr Text kFailed = "Authentication failed: unknown user or wrong password";

// What a stranger calls itself, fit for a line of the log.
std::string printable(std::string_view name) {
  std::string out(name.substr(0, kSaidBytesMax));
  for (char& c : out) {
    if (c < 0x20 || c > 0x7e) c = '?';
  }
  return out;
}

Bytes bare_frame(ByteView token) {
  Bytes out;
  ByteWriter(out).be32(static_cast<std::uint32_t>(token.size()));
  return out.append(token);
}

}  // namespace

bool Logins::required() const {
  return !broker_.limits().sasl_mechanisms.empty();
}

bool Logins::trusts(const Login& login) const {
  return !login.user.empty() || !required();
}

bool Logins::admits(const Login& login, std::int16_t api_key) const {
  const auto key = static_cast<ApiKey>(api_key);
  return trusts(login) || key == ApiKey::api_versions || key == ApiKey::sasl_handshake ||
         key == ApiKey::sasl_authenticate;
}

std::size_t Logins::request_bytes_max(const Login& login) const {
  const Limits& limits = broker_.limits();
  if (trusts(login)) return limits.request_bytes_max;
  return std::min(limits.request_bytes_max, limits.stranger_bytes_max);
}

std::size_t Logins::outbound_bytes_max(const Login& login) const {
  const Limits& limits = broker_.limits();
  if (trusts(login)) return limits.outbound_bytes_max;
  return std::min(limits.outbound_bytes_max, limits.stranger_bytes_max);
}

// --- requests ---

void Logins::handshake(const Context& c, const SaslHandshakeRequest& request) {
  const auto& enabled = broker_.limits().sasl_mechanisms;
  Login& login = c.connection.login();
  SaslHandshakeResponse response;
  for (const sasl::Mechanism m : enabled) response.mechanisms.push_back(sasl::name_of(m));
  const auto wanted = sasl::mechanism_of(request.mechanism);
  const bool again = !login.user.empty();
  if (!required() || (again && c.call.version == 0)) {
    response.error_code = ErrorCode::illegal_sasl_state;
  } else if (!wanted || std::find(enabled.begin(), enabled.end(), *wanted) == enabled.end()) {
    response.error_code = ErrorCode::unsupported_sasl_mechanism;
    say(About::mechanism,
        logger::text(
            "a client at ",
            c.connection.endpoints().peer,
            " wants to log in by ",
            printable(request.mechanism),
            ", which [kafka] sasl_mechanisms does not list"
        ),
        c.turn.now);
  } else {
    login.exchange = sasl::begin_exchange(*wanted, broker_.users());
    login.raw = c.call.version == 0;
  }
  broker_.answer(c.call, response);
}

void Logins::authenticate(const Context& c, const SaslAuthenticateRequest& request) {
  Login& login = c.connection.login();
  SaslAuthenticateResponse response;
  if (login.exchange == nullptr) {
    response.error_code = ErrorCode::illegal_sasl_state;
    response.error_message = required() ? "SaslHandshake comes first"
                                        : "this hub asks nobody who they are: connect without SASL";
    broker_.answer(c.call, response);
    if (!trusts(login)) turn_away(c.connection, c.turn);
    return;
  }
  const sasl::Step done = step(c.connection, request.auth_bytes.bytes, c.call, c.turn);
  if (done.state == State::failure) return;
  response.auth_bytes = Blob{done.token};
  broker_.answer(c.call, response);
}

void Logins::take_token(Connection& connection, ByteView token, core::Turn& turn) {
  const sasl::Step done = step(connection, token, std::nullopt, turn);
  if (done.state == State::failure) return;
  connection.answer(connection.reserve(), bare_frame(done.token));
}

sasl::Step Logins::step(
    Connection& connection, ByteView token, const std::optional<Call>& call, core::Turn& turn
) {
  Login& login = connection.login();
  sasl::Step done = login.exchange->step(token);
  if (done.state == State::success) {
    const bool other = !login.user.empty() && login.user != done.user;
    if (other)
      done = sasl::failed("it logged in as another before", done.user);
    else if (!broker_.users().exists(done.user))
      done = sasl::failed("the user is gone", done.user);
  }
  if (done.state == State::challenge) return done;
  login.exchange.reset();
  login.raw = false;
  const std::string& peer = connection.endpoints().peer;
  if (done.state == State::success) {
    login.user = done.user;
    ++counters_.succeeded;
    logger::debug("kafka", logger::text(peer, " is user ", printable(done.user)));
    return done;
  }
  ++counters_.failed;
  say(About::password,
      logger::text("login refused peer=", peer, " user=", printable(done.user), ": ", done.why),
      turn.now);
  login.refused = true;
  login.call = call;
  login.token = done.token;
  refused_.push_back({turn.now + broker_.limits().failed_login_delay, connection.id()});
  return done;
}

void Logins::turn_away(Connection& connection, core::Turn& turn) {
  ++counters_.turned_away;
  say(About::no_login,
      logger::text(
          "a client at ",
          connection.endpoints().peer,
          " did not log in before it asked for something: it is to use SASL"
      ),
      turn.now);
  connection.close({});
}

// --- time ---

void Logins::review() {
  broker_.each_connection([this](Connection& connection) {
    const Login& login = connection.login();
    const bool gone = !login.user.empty() && !broker_.users().exists(login.user);
    if (gone) return connection.close("its user is gone");
    const bool stranger = required() && login.user.empty() && login.exchange == nullptr;
    if (stranger && !login.refused) connection.close("clients have to log in now");
  });
}

void Logins::tick(core::Turn& turn) {
  while (!refused_.empty() && refused_.front().due <= turn.now) {
    Connection* const connection = broker_.find(refused_.front().connection);
    refused_.pop_front();
    if (connection != nullptr) finish(*connection);
  }
  if (required() && turn.now - looked_ >= kLookEvery) look_for_idle(turn);
}

std::optional<Instant> Logins::deadline() const {
  if (refused_.empty()) return std::nullopt;
  return refused_.front().due;
}

void Logins::finish(Connection& connection) {
  Login& login = connection.login();
  if (login.call) {
    SaslAuthenticateResponse response;
    response.error_code = ErrorCode::sasl_authentication_failed;
    response.error_message = kFailed;
    response.auth_bytes = Blob{login.token};
    broker_.answer(*login.call, response);
  }
  connection.close({});
}

void Logins::look_for_idle(core::Turn& turn) {
  looked_ = turn.now;
  broker_.each_connection([&](Connection& connection) {
    const Login& login = connection.login();
    if (trusts(login) || login.refused || connection.closing()) return;
    if (turn.now - login.since < broker_.limits().login_time_max) return;
    ++counters_.turned_away;
    say(About::no_login,
        logger::text(
            "a client at ",
            connection.endpoints().peer,
            " did not log in within ",
            broker_.limits().login_time_max.count(),
            " s"
        ),
        turn.now);
    connection.close({});
  });
}

void Logins::say(About about, std::string_view line, Instant now) {
  Said& said = said_[static_cast<std::size_t>(about)];
  if (said.at && now - *said.at < kSayEvery) {
    ++said.left_out;
    return;
  }
  const std::uint64_t more = std::exchange(said.left_out, 0);
  said.at = now;
  logger::warn(
      "kafka",
      more == 0 ? std::string(line) : logger::text(line, " (and ", more, " like it before)")
  );
}

}  // namespace runnel::kafka
