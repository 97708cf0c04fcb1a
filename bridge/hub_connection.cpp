#include "bridge/hub_connection.h"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "hub/core/sasl/scram_client.h"
#include "hub/kafka/messages/sasl_authenticate.h"
#include "hub/kafka/messages/sasl_handshake.h"

namespace runnel::bridge {

namespace {

using std::chrono::milliseconds;
using Kind = Failure::Kind;

constexpr milliseconds kLook{100};            // how soon a stop is noticed
constexpr std::size_t kFrameMax = 256 << 20;  // the hub's largest batch, and more
constexpr kafka::Version kHandshakeVersion = 1;
constexpr kafka::Version kAuthenticateVersion = 2;

Failure unreachable(std::string text) {
  return {Kind::unreachable, std::move(text)};
}

std::vector<std::string> addresses_of(const std::string& bootstrap) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at <= bootstrap.size();) {
    const std::size_t end = std::min(bootstrap.find(',', at), bootstrap.size());
    if (end > at) out.push_back(bootstrap.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

struct FreeAddresses {
  void operator()(addrinfo* list) const { freeaddrinfo(list); }
};

using Addresses = std::unique_ptr<addrinfo, FreeAddresses>;

// "host:port", "[::1]:9092".
Addresses look_up(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  std::string host = address.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = colon == std::string::npos ? "" : address.substr(colon + 1);
  if (getaddrinfo(host.c_str(), port.c_str(), &hints, &found) != 0) return nullptr;
  return Addresses(found);
}

}  // namespace

HubConnection::HubConnection(
    kafka_client::Door door, std::string name, milliseconds silence_max, Stop stop
)
    : door_(std::move(door)),
      name_(std::move(name)),
      stop_(std::move(stop)),
      sockets_(silence_max) {}

HubConnection::~HubConnection() {
  close();
}

void HubConnection::close() {
  if (socket_ >= 0) sockets_.close(std::exchange(socket_, -1));
}

Failure HubConnection::no_hub() {
  return {Kind::refused, "the other side does not answer as a hub does"};
}

std::optional<Failure> HubConnection::open(milliseconds patience) {
  Failure last = unreachable("there is no address");
  for (const std::string& address : addresses_of(door_.bootstrap)) {
    close();
    if (auto failure = connect(address, patience)) {
      last = unreachable(address + ": " + failure->text);
      continue;
    }
    if (door_.user.empty()) return std::nullopt;
    auto failure = log_in(patience);
    if (!failure) return std::nullopt;
    last = {failure->kind, address + ": " + failure->text};
  }
  return last;
}

// A name may have several addresses, of which some lead nowhere.
std::optional<Failure> HubConnection::connect(const std::string& address, milliseconds patience) {
  const Addresses found = look_up(address);
  if (found == nullptr) return unreachable("the name is not known");
  std::string why = "no answer";
  for (const addrinfo* to = found.get(); to != nullptr; to = to->ai_next) {
    socket_ = sockets_.open(to->ai_family, to->ai_socktype | SOCK_NONBLOCK, to->ai_protocol);
    if (socket_ < 0) return unreachable(std::strerror(errno));
    const int on = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    int error = ::connect(socket_, to->ai_addr, to->ai_addrlen) == 0 ? 0 : errno;
    if (error == EINPROGRESS) {
      const auto late = wait(POLLOUT, Clk::now() + patience);
      if (stop_()) return late;
      socklen_t size = sizeof error;
      if (late) {
        error = ETIMEDOUT;
      } else {
        getsockopt(socket_, SOL_SOCKET, SO_ERROR, &error, &size);
      }
    }
    if (error == 0) return std::nullopt;
    why = std::strerror(error);
    close();
  }
  return unreachable(why);
}

std::optional<Failure> HubConnection::wait(short events, Clk::time_point until) const {
  for (;;) {
    if (stop_()) return unreachable("it is told to stop");
    const auto left = std::chrono::duration_cast<milliseconds>(until - Clk::now());
    if (left.count() <= 0) return unreachable("no answer in time");
    pollfd one{socket_, events, 0};
    const int ready = ::poll(&one, 1, static_cast<int>(std::min(left + milliseconds(1), kLook).count()));
    if (ready > 0) return std::nullopt;
    if (ready < 0 && errno != EINTR) return unreachable(std::strerror(errno));
  }
}

std::optional<Failure> HubConnection::write(ByteView bytes, Clk::time_point until) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (auto failure = wait(POLLOUT, until)) return failure;
    } else if (errno != EINTR) {
      return unreachable(std::strerror(errno));
    }
  }
  return std::nullopt;
}

// As long as something comes, it goes on: a large answer takes its time on a narrow line.
std::optional<Failure> HubConnection::read(std::size_t bytes, milliseconds patience) {
  auto until = Clk::now() + patience;
  in_.resize(bytes);
  for (std::size_t got = 0; got < bytes;) {
    const ssize_t n = ::recv(socket_, in_.data() + got, bytes - got, 0);
    if (n > 0) {
      got += static_cast<std::size_t>(n);
      until = Clk::now() + patience;
    } else if (n == 0) {
      return unreachable("the other side has closed the connection");
    } else if (errno == EAGAIN) {
      if (auto failure = wait(POLLIN, until)) return failure;
    } else if (errno != EINTR) {
      return unreachable(std::strerror(errno));
    }
  }
  return std::nullopt;
}

Answer<ByteView> HubConnection::exchange(const Bytes& request, milliseconds patience) {
  if (socket_ < 0) return unreachable("not connected");
  const auto fail = [this](Failure failure) {
    close();  // what comes now would be taken for another answer
    return failure;
  };
  if (auto failure = write(request, Clk::now() + patience)) return fail(*failure);
  if (auto failure = read(kafka::kLengthBytes, patience)) return fail(*failure);
  ByteReader length(in_);
  const std::size_t bytes = length.be32();
  if (bytes > kFrameMax) return fail(no_hub());
  if (auto failure = read(bytes, patience)) return fail(*failure);
  return ByteView(in_);
}

Answer<Bytes> HubConnection::authenticate(ByteView token, milliseconds patience) {
  kafka::SaslAuthenticateRequest request;
  request.auth_bytes = {token};
  const auto answer = ask<kafka::SaslAuthenticateResponse>(request, kAuthenticateVersion, patience);
  if (!answer) return answer.error();
  if (answer->error_code == kafka::ErrorCode::none) return Bytes(answer->auth_bytes.bytes);
  return Failure{Kind::refused, "it does not let us in: " + std::string(answer->error_message.value_or("wrong name or password"))};
}

std::optional<Failure> HubConnection::log_in(milliseconds patience) {
  kafka::SaslHandshakeRequest handshake;
  handshake.mechanism = door_.mechanism;
  const auto known = ask<kafka::SaslHandshakeResponse>(handshake, kHandshakeVersion, patience);
  if (!known) return known.error();
  if (known->error_code != kafka::ErrorCode::none) {
    return Failure{Kind::refused, "it does not know the mechanism " + door_.mechanism};
  }
  if (door_.mechanism == "PLAIN") {
    const Bytes token = Bytes(1, '\0') + door_.user + Bytes(1, '\0') + door_.password;
    const auto done = authenticate(token, patience);
    return done ? std::nullopt : std::optional(done.error());
  }
  const bool large = door_.mechanism == "SCRAM-SHA-512";
  sasl::ScramClient scram(large ? sasl::Hash::sha_512 : sasl::Hash::sha_256, door_.user, door_.password);
  const auto first = authenticate(scram.first(), patience);
  if (!first) return first.error();
  const auto proof = scram.last(*first);
  if (!proof) return Failure{Kind::refused, "its half of the login makes no sense"};
  const auto last = authenticate(*proof, patience);
  if (!last) return last.error();
  if (!scram.trusts(*last)) return Failure{Kind::refused, "it does not know our password itself"};
  return std::nullopt;
}

}  // namespace runnel::bridge
