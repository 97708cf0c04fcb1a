#include "bench/load/client.h"

#include <netdb.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <system_error>
#include <utility>

namespace runnel::bench {

namespace {

constexpr std::uint64_t kRetryPauseNs = 100'000'000;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

std::string failure(const char* call, int error) {
  return std::string(call) + ": " + std::generic_category().message(error);
}

}  // namespace

bool resolve(const std::string& host, std::uint16_t port, Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int rc = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
  if (rc != 0) {
    std::fprintf(stderr, "%s: %s\n", host.c_str(), gai_strerror(rc));
    return false;
  }
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.bytes = found->ai_addrlen;
  freeaddrinfo(found);
  return true;
}

Client::Client(Loop& loop, const Address& address, ConnectFields fields)
    : loop_(loop), address_(address), fields_(std::move(fields)) {}

Client::~Client() {
  close_quietly();
}

void Client::connect(std::uint64_t now_ns) {
  fd_ = socket(address_.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) {
    loop_.error(failure("socket", errno));
    retry_at_ns_ = now_ns + kRetryPauseNs;
    return;
  }
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  state_ = State::connecting;
  ++loop_.opening;
  watch(EPOLLOUT, true);
  const int rc =
      ::connect(fd_, reinterpret_cast<const sockaddr*>(&address_.storage), address_.bytes);
  if (rc != 0 && errno != EINPROGRESS) lose(failure("connect", errno));
}

void Client::ready(std::uint32_t events) {
  if (state_ == State::closed) return;  // lost while this event waited its turn
  if (state_ == State::connecting) {
    connected();
    return;
  }
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
  if ((events & EPOLLOUT) != 0 && state_ != State::closed) flush_pending();
}

void Client::connected() {
  int error = 0;
  socklen_t bytes = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &bytes);
  if (error != 0) {
    lose(failure("connect", error));
    return;
  }
  state_ = State::handshaking;
  watch_for(false);
  send(encode_connect(fields_));
}

void Client::read() {
  std::memcpy(loop_.in.data(), carry_.data(), carry_.size());
  const std::size_t had = carry_.size();
  const ssize_t n = recv(fd_, loop_.in.data() + had, loop_.in.size() - had, 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) lose(failure("receive", errno));
    return;
  }
  if (n == 0) {
    lose("the broker closed the connection");
    return;
  }
  read_at_ns_ = monotonic_ns();
  const std::string_view bytes(loop_.in.data(), had + static_cast<std::size_t>(n));
  const std::size_t taken = consume(bytes);
  if (state_ == State::closed) {
    loop_.out.clear();  // answers that nobody waits for any more
    return;
  }
  if (taken == 0 && bytes.size() == loop_.in.size()) {
    lose("a packet larger than any that was published");
    return;
  }
  carry_.assign(bytes.substr(taken));
  on_read_end(read_at_ns_);
}

std::size_t Client::consume(std::string_view bytes) {
  std::size_t at = 0;
  Frame frame;
  while (true) {
    const Scan scan = next_frame(bytes.substr(at), frame);
    if (scan == Scan::incomplete) return at;
    if (scan == Scan::malformed || !take_frame(frame)) {
      if (state_ != State::closed) lose("the broker sent a packet that it may not send");
      return at;
    }
    if (state_ == State::closed) return at;
    at += frame.bytes;
  }
}

bool Client::take_frame(const Frame& frame) {
  if (state_ == State::handshaking) return take_connack(frame);
  if (frame.type() == PacketType::pingresp) {
    awaiting_pong_ = false;
    ++loop_.tally.pongs;
    return true;
  }
  if (frame.type() == PacketType::disconnect) {
    const unsigned reason = frame.body.empty() ? 0 : static_cast<std::uint8_t>(frame.body[0]);
    lose("the broker disconnected, reason " + std::to_string(reason));
    return true;
  }
  return on_packet(frame);
}

bool Client::take_connack(const Frame& frame) {
  Connack connack;
  if (frame.type() != PacketType::connack || !decode_connack(frame.body, protocol(), connack)) {
    return false;
  }
  if (connack.code != 0) {
    lose("the broker refused the connection, code " + std::to_string(connack.code));
    return true;
  }
  const unsigned keep_alive_s =
      connack.server_keep_alive_s != 0 ? connack.server_keep_alive_s : fields_.keep_alive_s;
  keep_alive_ns_ = keep_alive_s * kNsPerSecond;
  awaiting_pong_ = false;
  state_ = State::open;
  --loop_.opening;
  ++loop_.open;
  if (was_open_) ++loop_.tally.reconnects;
  was_open_ = true;
  if (always_writable_) watch_for(true);
  on_open(connack);
  return true;
}

void Client::tick(std::uint64_t now_ns) {
  if (state_ != State::open || keep_alive_ns_ == 0) return;
  if (now_ns < last_sent_ns_ + keep_alive_ns_ / 2) return;
  if (awaiting_pong_) {
    lose("no answer to a ping");
    return;
  }
  awaiting_pong_ = true;
  ++loop_.tally.pings;
  send(encode_pingreq());
}

void Client::disconnect() {
  wanted_ = false;
  if (state_ == State::open) send(encode_disconnect());
  close_quietly();
  was_open_ = false;
}

void Client::send(std::string_view bytes) {
  if (bytes.empty() || state_ == State::closed) return;
  last_sent_ns_ = monotonic_ns();
  if (!pending_.empty()) {
    pending_.append(bytes);
    return;
  }
  const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (n < 0 && errno != EAGAIN && errno != EINTR) {
    lose(failure("send", errno));
    return;
  }
  const std::size_t taken = n < 0 ? 0 : static_cast<std::size_t>(n);
  if (taken == bytes.size()) return;
  pending_.assign(bytes.substr(taken));
  ++loop_.blocked;
  watch_for(true);
}

void Client::set_always_writable(bool always) {
  always_writable_ = always;
  if (state_ == State::open) watch_for(always || blocked());
}

void Client::flush_outbox() {
  send(loop_.out.view());
  loop_.out.clear();
}

void Client::flush_pending() {
  if (!pending_.empty()) {
    const ssize_t n = ::send(fd_, pending_.data(), pending_.size(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno != EAGAIN && errno != EINTR) lose(failure("send", errno));
      return;
    }
    pending_.erase(0, static_cast<std::size_t>(n));
    if (!pending_.empty()) return;
    --loop_.blocked;
    watch_for(always_writable_);
  }
  if (state_ == State::open) on_writable();
}

void Client::lose(std::string_view words) {
  loop_.error(fields_.client_id + ": " + std::string(words));
  close_quietly();
  retry_at_ns_ = monotonic_ns() + kRetryPauseNs;
  on_lost();
}

void Client::close_quietly() {
  if (fd_ < 0) return;
  if (state_ == State::open) --loop_.open;
  if (state_ == State::connecting || state_ == State::handshaking) --loop_.opening;
  if (!pending_.empty()) --loop_.blocked;
  close(fd_);
  fd_ = -1;
  state_ = State::closed;
  pending_.clear();
  carry_.clear();
}

void Client::watch_for(bool writable) {
  const std::uint32_t events = EPOLLIN | (writable ? std::uint32_t{EPOLLOUT} : 0U);
  if (events != watched_) watch(events, false);
}

void Client::watch(std::uint32_t events, bool add) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = this;
  epoll_ctl(loop_.epoll_fd, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, fd_, &event);
  watched_ = events;
}

}  // namespace runnel::bench
