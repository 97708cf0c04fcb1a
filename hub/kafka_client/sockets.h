// The sockets of one client of a cluster: what has gone over them, as the kernel counts it, how soon one is
// given up whose other end is silent, and how soon a line that is back is noticed. For those who pay for
// bytes, and for those whose line comes and goes.
//
// Threads: open(), connect() and close() from the library's threads, the rest from any.
#pragma once

#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace runnel::kafka_client {

class Sockets {
 public:
  // `silence_max`: how long what was sent may stay unacknowledged by the other end's kernel; 0: as
  // the system has it, which is a quarter of an hour.
  // `connect_max`: how long an answer to connect() may take; 0: it is never called.
  explicit Sockets(
      std::chrono::milliseconds silence_max,
      std::chrono::milliseconds connect_max = std::chrono::milliseconds(0)
  )
      : silence_max_(silence_max), connect_max_(connect_max) {}

  // Makes one; -1, and errno, as socket(2).
  int open(int domain, int type, int protocol);
  // Connects it, or says why not: an errno. The kernel asks a peer that does not answer again after a
  // second, and the library rests for a second after each try; this asks every kAskEvery (where nobody has
  // answered for kAskLess, half as often, since every question is paid for), each time by a socket of its
  // own, so that a line that is back is noticed so soon, and takes the one that is answered first in the
  // place of `socket`. It gives up after kConnectMost, each socket after `connect_max`.
  int connect(int socket, const sockaddr* address, int size);
  [[nodiscard]] bool races() const { return connect_max_.count() > 0; }
  // Some connect() has succeeded.
  [[nodiscard]] bool connected() const { return connected_.load(); }
  // No connect() goes on.
  void stop() { stopped_.store(true); }

  // For how long nobody has answered; 0: nobody was asked since somebody did.
  [[nodiscard]] std::chrono::milliseconds unanswered() const;

  static constexpr std::chrono::milliseconds kAskEvery{300};
  static constexpr std::chrono::milliseconds kAskLess{60'000};
  static constexpr std::chrono::milliseconds kConnectMost{30'000};

  // Counts it, and closes it; as close(2).
  int close(int socket);

  // Bytes both ways since the beginning, IP and TCP headers and repeats included, without what is below
  // IP.
  [[nodiscard]] std::uint64_t wire_bytes() const;

 private:
  [[nodiscard]] int make(int domain, int type, int protocol) const;

  mutable std::mutex mutex_;
  std::chrono::milliseconds silence_max_;
  std::chrono::milliseconds connect_max_;
  std::atomic<bool> stopped_ = false;
  std::atomic<bool> connected_ = false;
  std::atomic<std::chrono::steady_clock::rep> asked_{0};  // in vain, since when; 0: nobody
  std::map<int, int> open_;  // socket and domain
  std::uint64_t closed_bytes_ = 0;
};

}  // namespace runnel::kafka_client
