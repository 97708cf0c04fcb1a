// Loopback sockets. What fails says so in one sentence, as LoadFailure: this is a tool, and there
// is nothing to go on with.
//
// Threads: a socket belongs to one thread at a time.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace runnel::bench {

class LoadFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

[[noreturn]] void fail(const std::string& words);             // LoadFailure
[[noreturn]] void fail_with_errno(const std::string& words);  // with the error's text

// Owns a file descriptor.
class Fd {
 public:
  Fd() = default;

  explicit Fd(int fd) : fd_(fd) {}

  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }

  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  ~Fd();

  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

Fd connect_to(const std::string& host, std::uint16_t port);  // TCP_NODELAY, blocking
Fd listen_on(std::uint16_t port);                            // 127.0.0.1

void set_nonblocking(int fd);
void set_no_delay(int fd);

void send_all(int fd, std::string_view bytes);
// False: the peer has ended at a boundary (`bytes` 0 so far).
bool receive_all(int fd, char* into, std::size_t bytes);

// Sends a request frame and receives the answer to it, without its size.
std::string ask(int fd, std::string_view request);

}  // namespace runnel::bench
