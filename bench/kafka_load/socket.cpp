#include "bench/kafka_load/socket.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "bench/kafka_load/wire.h"

namespace runnel::bench {

namespace {

constexpr int kBacklog = 1024;

sockaddr_in address_of(const std::string& host, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
    fail("not an IPv4 address: " + host);
  }
  return address;
}

}  // namespace

void fail(const std::string& words) {
  throw LoadFailure(words);
}

void fail_with_errno(const std::string& words) {
  fail(words + ": " + std::strerror(errno));
}

Fd::~Fd() {
  if (fd_ >= 0) close(fd_);
}

void set_no_delay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void set_nonblocking(int fd) {
  fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

Fd connect_to(const std::string& host, std::uint16_t port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) fail_with_errno("no socket");
  const sockaddr_in address = address_of(host, port);
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    fail_with_errno("cannot connect to port " + std::to_string(port));
  }
  set_no_delay(fd.get());
  return fd;
}

Fd listen_on(std::uint16_t port) {
  Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (fd.get() < 0) fail_with_errno("no socket");
  const int on = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in address = address_of("127.0.0.1", port);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      listen(fd.get(), kBacklog) != 0) {
    fail_with_errno("cannot listen on port " + std::to_string(port));
  }
  return fd;
}

void send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("cannot send");
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool receive_all(int fd, char* into, std::size_t bytes) {
  std::size_t have = 0;
  while (have < bytes) {
    const ssize_t n = recv(fd, into + have, bytes - have, 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_with_errno("cannot receive");
    if (n == 0) {
      if (have == 0) return false;
      fail("the peer ended in the middle of a frame");
    }
    have += static_cast<std::size_t>(n);
  }
  return true;
}

std::string ask(int fd, std::string_view request) {
  send_all(fd, request);
  char size[kFrameSizeBytes];
  if (!receive_all(fd, size, sizeof size)) fail("the peer ended instead of answering");
  const std::int32_t bytes = read_i32(size);
  if (bytes < 0 || static_cast<std::size_t>(bytes) > kFrameBytesMax) fail("no answer of Kafka's");
  std::string answer(static_cast<std::size_t>(bytes), '\0');
  if (!receive_all(fd, answer.data(), answer.size()) && bytes > 0) fail("the answer is cut short");
  return answer;
}

}  // namespace runnel::bench
