// The sockets of one client of a cluster: what has gone over them, as the kernel counts it, and how
// soon one is given up whose other end is silent. For those who pay for bytes.
//
// Threads: opened() and closing() from the library's threads, total() from any.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace runnel::kafka_client {

class Sockets {
 public:
  // `silence_max`: how long what was sent may stay unacknowledged by the other end's kernel; 0: as
  // the system has it, which is a quarter of an hour.
  explicit Sockets(std::chrono::milliseconds silence_max) : silence_max_(silence_max) {}

  // Makes one; -1, and errno, as socket(2).
  int open(int domain, int type, int protocol);
  // Counts it, and closes it; as close(2).
  int close(int socket);

  // Bytes both ways since the beginning, IP and TCP headers and repeats included, without what is below
  // IP.
  [[nodiscard]] std::uint64_t wire_bytes() const;

 private:
  mutable std::mutex mutex_;
  std::chrono::milliseconds silence_max_;
  std::map<int, int> open_;  // socket and domain
  std::uint64_t closed_bytes_ = 0;
};

}  // namespace runnel::kafka_client
