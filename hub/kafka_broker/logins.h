// Who is at the other end of each connection: SASL over the Kafka protocol (KIP-12, KIP-43,
// KIP-152).
//
// When the limits name mechanisms, a connection is served nothing but ApiVersions, SaslHandshake
// and SaslAuthenticate before it has logged in; anything else closes it, as does the end of
// Limits::login_time_max. Until then its requests must be small. After SaslHandshake 0 the tokens
// are frames without Kafka's header, after 1 they come in SaslAuthenticate. A wrong password is
// answered (error 58), and the connection closed, after Limits::failed_login_delay; the client is
// not told which of user and password was wrong. One that has logged in may do so again as the same
// user (KIP-368), and is served meanwhile; sessions do not end by time.
//
// Threads: one, the io thread.
#pragma once

#include <array>
#include <deque>

#include "hub/core/turn.h"
#include "hub/kafka_broker/login.h"

namespace runnel::kafka {

class Broker;
class Connection;
struct Context;
struct SaslAuthenticateRequest;
struct SaslHandshakeRequest;

class Logins {
 public:
  struct Counters {
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;       // wrong user, password or token
    std::uint64_t turned_away = 0;  // asked for something else first, or took too long
  };

  explicit Logins(Broker& broker) : broker_(broker) {}

  [[nodiscard]] const Counters& counters() const { return counters_; }

  // Whether this peer may ask for everything.
  [[nodiscard]] bool trusts(const Login& login) const;
  [[nodiscard]] bool admits(const Login& login, std::int16_t api_key) const;
  [[nodiscard]] std::size_t request_bytes_max(const Login& login) const;
  // Of answers that the peer has not taken.
  [[nodiscard]] std::size_t outbound_bytes_max(const Login& login) const;

  void handshake(const Context& context, const SaslHandshakeRequest& request);
  void authenticate(const Context& context, const SaslAuthenticateRequest& request);
  // A frame of a connection whose login is raw.
  void take_token(Connection& connection, ByteView token, core::Turn& turn);

  // It asked for what it is not admitted to.
  void turn_away(Connection& connection, core::Turn& turn);

  // Users or limits have changed: closes the connections of users that are gone and, if everybody
  // has to log in now, of those who have not.
  void review();

  void tick(core::Turn& turn);
  // When the next refused connection is due.
  [[nodiscard]] std::optional<Instant> deadline() const;

 private:
  struct Refused {
    Instant due;
    std::uint64_t connection;
  };

  [[nodiscard]] bool required() const;
  // Moves the login on. A failure holds back its answer, which `call` is for.
  sasl::Step step(
      Connection& connection, ByteView token, const std::optional<Call>& call, core::Turn& turn
  );
  void finish(Connection& connection);
  void look_for_idle(core::Turn& turn);
  enum class About : std::uint8_t { password, mechanism, no_login };

  // One line about each in a while, with the number of those left out since the last.
  void say(About about, std::string_view line, Instant now);

  Broker& broker_;
  Counters counters_;
  std::deque<Refused> refused_;  // the first due in front
  Instant looked_{};             // for those who take too long

  struct Said {
    std::optional<Instant> at;
    std::uint64_t left_out = 0;
  };

  std::array<Said, 3> said_;  // by About
};

}  // namespace runnel::kafka
